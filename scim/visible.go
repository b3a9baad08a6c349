package scim

import (
	"sync"

	"domicile/directory"
	"domicile/fsm/state"
)

// hiddenRegister remembers which numbers of an organization belong to people and groups that its identity provider did
// not provision, so that totals and positions of what it may see cost O(1) and O(log n). Numbers are given in creation
// order and never again, and a source never changes, so each record is looked at once, ever.
type hiddenRegister struct {
	mu            sync.Mutex
	organizations map[directory.OrganizationID]*[kinds]hiddenNumbers // guarded by mu
}

type hiddenNumbers struct {
	seen    directory.Number   // everything up to here was looked at
	numbers []directory.Number // ascending; some may be deleted by now
}

// of gives the hidden numbers of a kind that are there in d, ascending; mostly none.
func (h *hiddenRegister) of(d *state.Directory, kind Kind) []directory.Number {
	h.mu.Lock()
	known := h.learn(d, kind)
	h.mu.Unlock()
	var present []directory.Number
	for _, n := range known {
		if exists(d, kind, n) {
			present = append(present, n)
		}
	}
	return present
}

// learn looks at the records that are newer than what was seen. The result is never changed, only appended to.
func (h *hiddenRegister) learn(d *state.Directory, kind Kind) []directory.Number {
	org := d.Organization().ID
	known := h.organizations[org]
	if known == nil {
		if h.organizations == nil {
			h.organizations = make(map[directory.OrganizationID]*[kinds]hiddenNumbers)
		}
		known = new([kinds]hiddenNumbers)
		h.organizations[org] = known
	}
	own := &known[kind]
	see := func(n directory.Number, source directory.Source) {
		if source != directory.SourceSCIM {
			own.numbers = append(own.numbers, n)
		}
		own.seen = n
	}
	if kind == Users {
		for u := range d.UsersAfter(own.seen) {
			see(u.Number, u.Source)
		}
	} else {
		for g := range d.GroupsAfter(own.seen) {
			see(g.Number, g.Source)
		}
	}
	return own.numbers
}

func exists(d *state.Directory, kind Kind, n directory.Number) bool {
	if kind == Users {
		_, ok := d.UserByNumber(n)
		return ok
	}
	_, ok := d.GroupByNumber(n)
	return ok
}

// count is how many records of a kind the identity provider may see.
func (h *hiddenRegister) count(d *state.Directory, kind Kind) int {
	all := d.GroupCount()
	if kind == Users {
		all = d.UserCount()
	}
	return all - len(h.of(d, kind))
}

// place turns a position among the visible records into one in the ledger's tree: it steps over the hidden ones before it.
func (h *hiddenRegister) place(d *state.Directory, kind Kind, position int) int {
	hidden := h.of(d, kind)
	index := position
	for skipped := 0; ; {
		n, ok := numberAt(d, kind, index)
		if !ok {
			return index
		}
		before := 0
		for before < len(hidden) && hidden[before] <= n {
			before++
		}
		if before == skipped {
			return index
		}
		skipped, index = before, position+before
	}
}

func numberAt(d *state.Directory, kind Kind, index int) (directory.Number, bool) {
	if kind == Users {
		for u := range d.Users(index) {
			return u.Number, true
		}
		return 0, false
	}
	for g := range d.Groups(index) {
		return g.Number, true
	}
	return 0, false
}
