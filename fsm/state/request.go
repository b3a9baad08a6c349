package state

import (
	"slices"

	"domicile/directory"
)

// Remembered is the result of a command that was applied, kept until its deadline has passed so that a retry of the same
// request finds it.
type Remembered struct {
	ID       [16]byte
	Deadline directory.Time
	Result   string // as command.Result encodes itself
}

// requestLog remembers results in the order of application. Old rows leave at the head; rows are never changed, so a view
// may share the array.
type requestLog struct {
	rows  []Remembered
	first int              // how many rows have left since the beginning
	index map[[16]byte]int // id → place counted from the beginning; the writer's only
	most  int              // the most rows since index was made, which is as large ever since; the writer's only
}

// freeze gives a copy for a view: its rows stay as they are while the writer appends.
func (l *requestLog) freeze() requestLog {
	return requestLog{rows: l.rows[:len(l.rows):len(l.rows)], first: l.first}
}

func (l *requestLog) find(id [16]byte) (Remembered, bool) {
	place, ok := l.index[id]
	if !ok {
		return Remembered{}, false
	}
	return l.rows[place-l.first], true
}

func (l *requestLog) add(row Remembered) {
	if l.index == nil {
		l.index = make(map[[16]byte]int)
	}
	l.index[row.ID] = l.first + len(l.rows)
	l.rows = append(l.rows, row)
	l.most = max(l.most, len(l.rows))
}

// forget drops rows from the head while their deadline is before now, at most limit of them.
func (l *requestLog) forget(now directory.Time, limit int) {
	n := 0
	for n < len(l.rows) && n < limit && l.rows[n].Deadline < now {
		delete(l.index, l.rows[n].ID)
		n++
	}
	l.rows = l.rows[n:]
	l.first += n
	if l.most > 1024 && len(l.rows) < l.most/16 {
		l.shrink()
	}
}

// shrink gives back the memory of a burst that has passed.
func (l *requestLog) shrink() {
	l.rows = slices.Clone(l.rows)
	l.index = make(map[[16]byte]int, len(l.rows))
	for i := range l.rows {
		l.index[l.rows[i].ID] = l.first + i
	}
	l.most = len(l.rows)
}
