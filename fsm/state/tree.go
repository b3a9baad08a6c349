package state

import (
	"iter"

	"github.com/tidwall/btree"
)

// tree is an ordered set with O(1) copies. Any number of readers may use one that nobody writes to, even while one goroutine
// copies it; copying marks the original, so that two at a time need a lock. The zero value is not usable.
type tree[T any] struct{ *btree.BTreeG[T] }

func newTree[T any](less func(a, b T) bool) tree[T] {
	return tree[T]{btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})}
}

func (t tree[T]) copy() tree[T] { return tree[T]{t.BTreeG.Copy()} }

// from iterates in order from the first item that is not before pivot.
func (t tree[T]) from(pivot T) iter.Seq[T] {
	return func(yield func(T) bool) { t.Ascend(pivot, yield) }
}

// all iterates over everything in order.
func (t tree[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) { t.Scan(yield) }
}

// backwards iterates over everything in the other order.
func (t tree[T]) backwards() iter.Seq[T] {
	return func(yield func(T) bool) { t.Reverse(yield) }
}

// at iterates in order from the item at position index, counted from 0.
func (t tree[T]) at(index int) iter.Seq[T] {
	return func(yield func(T) bool) {
		if first, ok := t.GetAt(index); ok {
			t.Ascend(first, yield)
		}
	}
}

// while cuts a sequence at the first item for which keep is false.
func while[T any](seq iter.Seq[T], keep func(T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		for item := range seq {
			if !keep(item) || !yield(item) {
				return
			}
		}
	}
}
