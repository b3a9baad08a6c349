package state

import (
	"iter"
	"math"

	"domicile/directory"
)

// records are the users or the groups of an organization, by id and in creation order within each source.
type records[T any] struct {
	ids    tree[idRow[T]]
	order  tree[orderRow[T]]
	head   func(*T) head
	counts [directory.SourceJIT + 1]int // by source
}

// head is what places a record.
type head struct {
	id     directory.ResourceID
	number directory.Number
	source directory.Source
}

// idRow carries a hash of the id beside the record, so that a search touches hardly any record. The tree's order means
// nothing but to the search. A row without a record comes before all rows with its hash.
type idRow[T any] struct {
	hash   uint64
	record *T
}

type orderRow[T any] struct {
	source directory.Source
	number directory.Number
	record *T
}

func newRecords[T any](headOf func(*T) head) records[T] {
	return records[T]{
		head: headOf,
		ids: newTree(func(a, b idRow[T]) bool {
			switch {
			case a.hash != b.hash:
				return a.hash < b.hash
			case a.record == nil || b.record == nil:
				return a.record == nil && b.record != nil
			}
			return headOf(a.record).id < headOf(b.record).id
		}),
		order: newTree(func(a, b orderRow[T]) bool {
			return a.source < b.source || a.source == b.source && a.number < b.number
		}),
	}
}

// hashOf is FNV-1a; ids are ours, so nobody can choose them to collide.
func hashOf(id directory.ResourceID) uint64 {
	hash := uint64(14695981039346656037)
	for i := range len(id) {
		hash = (hash ^ uint64(id[i])) * 1099511628211
	}
	return hash
}

func (r *records[T]) copy() records[T] {
	c := *r
	c.ids, c.order = r.ids.copy(), r.order.copy()
	return c
}

// set adds a record, or replaces the one with its id; the two have the same number.
func (r *records[T]) set(record, old *T) {
	h := r.head(record)
	if old != nil {
		r.removeOrder(r.head(old))
	}
	r.ids.Set(idRow[T]{hashOf(h.id), record})
	r.order.Set(orderRow[T]{h.source, h.number, record})
	r.counts[h.source]++
}

func (r *records[T]) delete(record *T) {
	h := r.head(record)
	r.ids.Delete(idRow[T]{hashOf(h.id), record})
	r.removeOrder(h)
}

func (r *records[T]) removeOrder(h head) {
	if _, ok := r.order.Delete(orderRow[T]{source: h.source, number: h.number}); ok {
		r.counts[h.source]--
	}
}

func (r *records[T]) len() int { return r.ids.Len() }

func (r *records[T]) byID(id directory.ResourceID) (*T, bool) {
	hash := hashOf(id)
	for row := range r.ids.from(idRow[T]{hash: hash}) {
		if row.hash != hash {
			break
		}
		if r.head(row.record).id == id {
			return row.record, true
		}
	}
	return nil, false
}

func (r *records[T]) byNumber(n directory.Number) (*T, bool) {
	for source := directory.SourceSCIM; source <= directory.SourceJIT; source++ {
		if r.counts[source] == 0 {
			continue
		}
		if row, ok := r.order.Get(orderRow[T]{source: source, number: n}); ok {
			return row.record, true
		}
	}
	return nil, false
}

// all iterates by source, then in creation order.
func (r *records[T]) all() iter.Seq[*T] { return recordsOf(r.order.all()) }

// at iterates over one source in creation order from a position, counted from 0.
func (r *records[T]) at(source directory.Source, index int) iter.Seq[*T] {
	if index < 0 || index >= r.counts[source] {
		return func(func(*T) bool) {}
	}
	for before := directory.SourceSCIM; before < source; before++ {
		index += r.counts[before]
	}
	return recordsOf(while(r.order.at(index), func(row orderRow[T]) bool { return row.source == source }))
}

// after iterates over one source in creation order from the first number above n.
func (r *records[T]) after(source directory.Source, n directory.Number) iter.Seq[*T] {
	if n == math.MaxUint32 {
		return func(func(*T) bool) {}
	}
	return recordsOf(while(r.order.from(orderRow[T]{source: source, number: n + 1}),
		func(row orderRow[T]) bool { return row.source == source }))
}

func recordsOf[T any](rows iter.Seq[orderRow[T]]) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for row := range rows {
			if !yield(row.record) {
				return
			}
		}
	}
}
