package scim

import (
	"slices"

	"domicile/fsm/state"
)

// byName tells that everything of one kind is asked for in the order of its unique name, which the ledger keeps.
func (q *query) byName() bool {
	if len(q.plans) != 1 || q.plans[0].filtered() || q.pages {
		return false
	}
	return q.sortText == nameOf(q.plans[0].kind)+" ascending" || q.descendsByName()
}

func (q *query) descendsByName() bool { return q.sortText == nameOf(q.plans[0].kind)+" descending" }

// nameOf is the attribute that is unique in an organization.
func nameOf(kind Kind) string { return [kinds]string{"userName", "displayName"}[kind] }

// browseByName gives a page of everything in the order of names, without decoding or sorting. Backwards, the page is the
// mirror image of one counted from the other end.
func browseByName(d *state.Directory, q *query, b *buffer) page {
	kind := q.plans[0].kind
	total := count(d, kind)
	first, last := min(q.start, total), min(q.start+q.count, total)
	if q.descendsByName() {
		first, last = total-last, total-first
	}
	seq := records(d.UsersByNamePrefix(""), userRecord)
	if kind == Groups {
		seq = records(d.GroupsByNamePrefix(""), groupRecord)
	}
	i := 0
	for r := range seq {
		if i >= last {
			break
		}
		if i >= first {
			b.records = append(b.records, r)
		}
		i++
	}
	if q.descendsByName() {
		slices.Reverse(b.records)
	}
	return page{total: total}
}
