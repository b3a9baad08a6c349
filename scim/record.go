package scim

import (
	"iter"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/schema"
)

// record is one user or group as answers are made of it.
type record struct {
	kind       Kind
	source     directory.Source
	id         directory.ResourceID
	number     directory.Number
	created    directory.Time
	modified   directory.Time
	version    uint64
	attributes string // the stored document
	user       *directory.User
	group      *directory.Group
	// decoded is attributes once more, where a request read them; it must not be changed.
	decoded schema.Object
	// links are the members of a group that was just written: the view that it was compiled from does not have them.
	links []record
}

func userRecord(u *directory.User) record {
	return record{kind: Users, source: u.Source, id: u.ID, number: u.Number, created: u.Created, modified: u.Modified,
		version: u.Version, attributes: u.Attributes, user: u}
}

func groupRecord(g *directory.Group) record {
	return record{kind: Groups, source: g.Source, id: g.ID, number: g.Number, created: g.Created, modified: g.Modified,
		version: g.Version, attributes: g.Attributes, group: g}
}

// document reads the stored document.
func (r record) document(rt *schema.ResourceType) (schema.Object, error) {
	if r.decoded != nil {
		return r.decoded, nil
	}
	return schema.Decode(rt, []byte(r.attributes))
}

// written is the record after a write, without waiting for this node to apply it.
func (r record) written(attributes string, result command.Result) record {
	r.attributes, r.created, r.modified, r.version = attributes, result.Created, result.Modified, result.Version
	return r
}

// isNew tells that the record was just created, so that the ledger's number for it is not known here and no group has it.
func (r record) isNew() bool { return r.number == 0 }

// visible tells whether the identity provider may know of the record: only what it provisioned itself.
func (r record) visible() bool { return r.source == directory.SourceSCIM }

// name is what links to the record show.
func (r record) name() string {
	switch {
	case r.group != nil:
		return r.group.DisplayName
	case r.user.DisplayName != "":
		return r.user.DisplayName
	}
	return r.user.UserName
}

// uniqueName is the name that no other record of the organization has.
func (r record) uniqueName() string {
	if r.group != nil {
		return r.group.DisplayName
	}
	return r.user.UserName
}

func (r record) externalID() string {
	if r.group != nil {
		return r.group.ExternalID
	}
	return r.user.ExternalID
}

// find gives a visible record by id.
func find(d *state.Directory, kind Kind, id string) (record, bool) {
	var r record
	if kind == Users {
		u, ok := d.User(directory.ResourceID(id))
		if !ok {
			return record{}, false
		}
		r = userRecord(u)
	} else {
		g, ok := d.Group(directory.ResourceID(id))
		if !ok {
			return record{}, false
		}
		r = groupRecord(g)
	}
	return r, r.visible()
}

// findAny gives a visible record of either kind by id: a member can be both.
func findAny(d *state.Directory, id directory.ResourceID) (record, bool) {
	if r, ok := find(d, Users, string(id)); ok {
		return r, true
	}
	return find(d, Groups, string(id))
}

// numbered gives a visible record of either kind by number.
func numbered(d *state.Directory, n directory.Number) (record, bool) {
	if u, ok := d.UserByNumber(n); ok {
		r := userRecord(u)
		return r, r.visible()
	}
	if g, ok := d.GroupByNumber(n); ok {
		r := groupRecord(g)
		return r, r.visible()
	}
	return record{}, false
}

// records are the visible records of a sequence.
func records[T any](seq iter.Seq[T], of func(T) record) iter.Seq[record] {
	return func(yield func(record) bool) {
		for item := range seq {
			if r := of(item); r.visible() && !yield(r) {
				return
			}
		}
	}
}

// count is how many records of a kind are visible.
func count(d *state.Directory, kind Kind) int {
	if kind == Users {
		return d.UserCount(directory.SourceSCIM)
	}
	return d.GroupCount(directory.SourceSCIM)
}

// from iterates over the visible records of a kind in creation order, from a position counted from 0.
func from(d *state.Directory, kind Kind, position int) iter.Seq[record] {
	if kind == Users {
		return records(d.Users(directory.SourceSCIM, position), userRecord)
	}
	return records(d.Groups(directory.SourceSCIM, position), groupRecord)
}

// after iterates over the visible records of a kind whose number is above n, in creation order.
func after(d *state.Directory, kind Kind, n directory.Number) iter.Seq[record] {
	if kind == Users {
		return records(d.UsersAfter(directory.SourceSCIM, n), userRecord)
	}
	return records(d.GroupsAfter(directory.SourceSCIM, n), groupRecord)
}
