package patch

import (
	"domicile/scim/filter"
	"domicile/scim/schema"
)

// Mode says how the members of a group change.
type Mode uint8

// The modes of a MembersChange.
const (
	// None leaves the members alone.
	None Mode = iota
	// Delta adds and removes some members and leaves the others alone.
	Delta
	// Replace makes Add the whole list of members.
	Replace
)

// MembersChange is what a PATCH does to a group's members. It does not depend
// on the members the group has. A Delta is applied as a set: no id is in both
// Add and Remove.
type MembersChange struct {
	Mode   Mode
	Add    []schema.Member
	Remove []string
	// RemoveMatching, if not nil, is a filter relative to one member, with value,
	// type, display and $ref. In a Delta, each member that the group has before
	// the change, that matches and that is not in Add, is removed too. Only the
	// caller knows the members, so it resolves this to ids.
	RemoveMatching filter.Node
}

// maxMemberTerms bounds the comparisons by which a document chooses members that
// it does not name: each is made with every member.
const maxMemberTerms = 32

// memberStep compiles an operation on members. Members are changed by adding
// and removing them, never in place (RFC 7643 §4.2).
func (c *compiler) memberStep(s step, value any) error {
	name := s.path.String()
	if s.path.Sub != nil {
		if s.path.Sub.Name != "value" || s.path.Filter != nil {
			return schema.Fail(schema.Mutability, name, "%s cannot be changed; remove the member and add it again", name)
		}
		s.path.Sub = nil
	}
	if list, isList := value.([]any); isList && len(list) == 0 && s.verb == remove && s.path.Filter == nil && c.grant(schema.RemoveByValue, name) {
		return nil // "remove these" of an empty list
	}
	members, err := c.readMembers(name, value)
	if err != nil {
		return err
	}
	s.members = members
	switch {
	case s.path.Filter != nil:
		return c.filteredMembers(s)
	case s.verb == remove && (!s.given || !c.grant(schema.RemoveByValue, name)):
		s.verb, s.members = replace, nil
	case s.verb == add && len(s.members) == 0:
		return nil
	}
	c.steps = append(c.steps, s)
	return nil
}

func (c *compiler) readMembers(name string, value any) ([]schema.Member, error) {
	v, err := c.reader.Value(c.rt.Attribute("members"), name, value)
	if err != nil {
		return nil, err
	}
	if err := schema.CheckLinks(name, value, v); err != nil {
		return nil, err
	}
	return schema.Members(schema.Object{"members": v}), nil
}

// filteredMembers compiles members[filter]. A filter that only names ids is
// itself the list of ids.
func (c *compiler) filteredMembers(s step) error {
	ids, named := filter.Values(s.path.Filter, "value")
	if s.verb != remove && !named {
		return schema.Fail(schema.NoTarget, "members", "members can be added or replaced by id only; the filter of %s does not name ids", s.path)
	}
	if s.verb == remove && !named {
		if c.terms += filter.Terms(s.path.Filter); c.terms > maxMemberTerms {
			return &LimitError{What: "comparisons in filters on members, other than value eq", Limit: maxMemberTerms}
		}
		c.steps = append(c.steps, s)
		return nil
	}
	given := s.members
	s.members = make([]schema.Member, len(ids))
	for i, id := range ids {
		s.members[i] = schema.Member{ID: id}
	}
	path := s.path
	s.path.Filter = nil
	switch s.verb {
	case remove:
		c.steps = append(c.steps, s)
	case add:
		// The member is the one the filter names; the value can only describe it.
		c.steps = append(c.steps, s)
	case replace:
		s.verb = remove
		c.steps = append(c.steps, s, step{verb: add, path: filter.Path{Ref: path.Ref}, members: given})
	}
	return nil
}

// fold gathers the steps on members, in order, into one MembersChange: the last
// step on an id wins.
type fold struct {
	replaced bool
	touched  bool
	order    []string
	state    map[string]*pending
	matching filter.Node
}

// pending is what will become of one id.
type pending struct {
	member  schema.Member
	present bool
	object  schema.Object // the member as filters see it, once one looked
}

func (f *fold) step(s step) {
	f.touched = true
	switch {
	case s.path.Filter != nil:
		f.removeMatching(s.path.Filter)
	case s.verb == remove:
		for _, m := range s.members {
			f.set(m, false)
		}
	case s.verb == replace:
		*f = fold{touched: true, replaced: true}
		fallthrough
	default:
		for _, m := range s.members {
			f.set(m, true)
		}
	}
}

func (f *fold) set(m schema.Member, present bool) {
	if have, ok := f.state[m.ID]; ok {
		*have = pending{member: m, present: present}
		return
	}
	if f.state == nil {
		f.state = map[string]*pending{}
	}
	f.state[m.ID] = &pending{member: m, present: present}
	f.order = append(f.order, m.ID)
}

// removeMatching removes what the document itself added, judged by what it said
// of it, and leaves the members the group already has to the caller.
func (f *fold) removeMatching(n filter.Node) {
	for _, p := range f.state {
		if p.object == nil {
			p.object = describe(p.member)
		}
		if p.present && filter.MatchElement(n, p.object) {
			p.present = false
		}
	}
	if f.replaced {
		return
	}
	if f.matching == nil {
		f.matching = n
	} else {
		f.matching = filter.Or{f.matching, n}
	}
}

func describe(m schema.Member) schema.Object {
	o := schema.Object{"value": m.ID}
	if m.Type != "" {
		o["type"] = m.Type
	}
	if m.Display != "" {
		o["display"] = m.Display
	}
	return o
}

func (f *fold) change() MembersChange {
	if !f.touched {
		return MembersChange{}
	}
	change := MembersChange{Mode: Delta, RemoveMatching: f.matching}
	if f.replaced {
		change.Mode = Replace
	}
	for _, id := range f.order {
		p := f.state[id]
		switch {
		case p.present:
			change.Add = append(change.Add, p.member)
		case !f.replaced:
			change.Remove = append(change.Remove, id)
		}
	}
	return change
}
