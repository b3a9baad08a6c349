package state

import "domicile/directory"

// Fork gives a writer's copy of the view, which remembers no requests. The view and its other forks stay as they are, and
// may be read and forked meanwhile.
func (v *View) Fork() *State {
	v.copying.Lock()
	defer v.copying.Unlock()
	s := &State{tables: v.tables.copy(), touched: make(map[directory.OrganizationID]*Directory)}
	s.requests = requestLog{}
	return s
}
