package consoletest

import (
	"context"
	"io"
	"slices"
	"sync"

	"domicile/directory"
	"domicile/fsm/state"
)

// Crew is a region of nodes that are names in a list: a console.Operator without a cluster. Its backups are in clear.
type Crew struct {
	mu      sync.Mutex
	members []directory.Member // guarded by mu
	fault   error              // guarded by mu
}

// NewCrew makes a crew of voters; the first leads and is the node that is asked.
func NewCrew(names ...string) *Crew {
	c := new(Crew)
	for i, name := range names {
		c.members = append(c.members, directory.Member{
			ID: name + "-1", Node: name, Address: name + ".internal:7946", Voter: true, Leader: i == 0, Self: i == 0,
		})
	}
	return c
}

// Fail makes everything but Members answer with an error; nil ends it.
func (c *Crew) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = err
}

// Survey implements console.Operator: everybody is up.
func (c *Crew) Survey(context.Context) []directory.Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	members := slices.Clone(c.members)
	for i := range members {
		members[i].State = directory.MemberUp
	}
	return members
}

// HandOver implements console.Operator: the next in the list leads.
func (c *Crew) HandOver(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return c.fault
	}
	if len(c.members) < 2 {
		return directory.Errorf(directory.KindConflict, "", "no other member has a vote")
	}
	i := slices.IndexFunc(c.members, func(m directory.Member) bool { return m.Leader })
	c.members[i].Leader, c.members[(i+1)%len(c.members)].Leader = false, true
	return nil
}

// Remove implements console.Operator.
func (c *Crew) Remove(_ context.Context, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return c.fault
	}
	i := slices.IndexFunc(c.members, func(m directory.Member) bool { return m.ID == id || m.Node == id })
	if i < 0 {
		return directory.Errorf(directory.KindNotFound, "", "there is no member %q", id)
	}
	if len(c.members) == 1 {
		return directory.Errorf(directory.KindConflict, "", "%s has the only vote", id)
	}
	c.members = slices.Delete(c.members, i, i+1)
	return nil
}

// Backup implements console.Operator. A fault comes when half is written.
func (c *Crew) Backup(w io.Writer, view *state.View) error {
	if err := view.Snapshot(w); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}
