package scim

import (
	"iter"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/scim/filter"
)

// index is one way to find resources without looking at all of them: all that satisfy path op value, and no others.
type index struct {
	path string // canonical, as filter.Compare spells it
	op   filter.Op
	seek func(d *state.Directory, value string) iter.Seq[record]
}

// indexes are what each kind can be found by, the most selective first. Hidden records never come out of them.
var indexes = [kinds][]index{
	Users: {
		{"id", filter.Eq, func(d *state.Directory, v string) iter.Seq[record] { return byID(d, Users, v) }},
		{"userName", filter.Eq, func(d *state.Directory, v string) iter.Seq[record] {
			u, ok := d.UserByName(directory.Fold(v))
			return records(one(u, ok), userRecord)
		}},
		{"externalId", filter.Eq, func(d *state.Directory, v string) iter.Seq[record] {
			return records(d.UsersByExternalID(v), userRecord)
		}},
		{"emails.value", filter.Eq, func(d *state.Directory, v string) iter.Seq[record] {
			return records(d.UsersByEmail(directory.Fold(v)), userRecord)
		}},
		{"groups.value", filter.Eq, membersBelow},
		{"userName", filter.Sw, func(d *state.Directory, v string) iter.Seq[record] {
			return records(d.UsersByNamePrefix(directory.Fold(v)), userRecord)
		}},
	},
	Groups: {
		{"id", filter.Eq, func(d *state.Directory, v string) iter.Seq[record] { return byID(d, Groups, v) }},
		{"displayName", filter.Eq, func(d *state.Directory, v string) iter.Seq[record] {
			g, ok := d.GroupByName(directory.Fold(v))
			return records(one(g, ok), groupRecord)
		}},
		{"externalId", filter.Eq, func(d *state.Directory, v string) iter.Seq[record] {
			return records(d.GroupsByExternalID(v), groupRecord)
		}},
		{"members.value", filter.Eq, func(d *state.Directory, v string) iter.Seq[record] {
			member, ok := findAny(d, directory.ResourceID(v))
			if !ok {
				return func(func(record) bool) {}
			}
			return linked(d, d.GroupsOf(member.number))
		}},
		{"displayName", filter.Sw, func(d *state.Directory, v string) iter.Seq[record] {
			return records(d.GroupsByNamePrefix(directory.Fold(v)), groupRecord)
		}},
	},
}

// indexed names the attributes of a kind that have an index, for the text of refusals.
var indexed = [kinds]string{
	Users:  "id, userName, externalId, emails.value, groups.value",
	Groups: "id, displayName, externalId, members.value",
}

// indexFor finds the index of a comparison and its rank, -1 for none. The empty value has none: nothing is stored as empty.
func indexFor(kind Kind, path string, op filter.Op, value string) (x *index, rank int) {
	for i := range indexes[kind] {
		if x := &indexes[kind][i]; value != "" && x.path == path && x.op == op {
			return x, i
		}
	}
	return nil, -1
}

func one[T any](item T, ok bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		if ok {
			yield(item)
		}
	}
}

func byID(d *state.Directory, kind Kind, id string) iter.Seq[record] {
	r, ok := find(d, kind, id)
	return one(r, ok)
}

// membersBelow iterates over the users in a group, directly or through groups in it.
func membersBelow(d *state.Directory, id string) iter.Seq[record] {
	return func(yield func(record) bool) {
		top, ok := find(d, Groups, id)
		if !ok {
			return
		}
		queue := []directory.Number{top.number}
		seen := map[directory.Number]bool{top.number: true}
		for i := 0; i < len(queue) && i < maxIndirect; i++ {
			for r := range linked(d, d.MembersOf(queue[i])) {
				if seen[r.number] {
					continue
				}
				seen[r.number] = true
				if r.kind == Groups {
					queue = append(queue, r.number)
				} else if !yield(r) {
					return
				}
			}
		}
	}
}
