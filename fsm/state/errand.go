package state

import (
	"iter"
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Errands iterates over what waits for delivery, oldest first.
func (t *tables) Errands() iter.Seq[*directory.Errand] { return t.errands.all() }

// ErrandCount counts what waits for delivery.
func (t *tables) ErrandCount() int { return t.errands.Len() }

func lessErrand(a, b *directory.Errand) bool {
	return a.Seq < b.Seq || a.Seq == b.Seq && a.Ordinal < b.Ordinal
}

// AddErrand appends an errand: it is of the newest command, and of now. Where too many wait the oldest is dropped.
func (s *State) AddErrand(errand directory.Errand) {
	errand.Seq, errand.Ordinal, errand.At = s.seq, 0, s.at
	if newest, ok := s.errands.Max(); ok && newest.Seq == s.seq {
		errand.Ordinal = newest.Ordinal + 1
	}
	s.errands.Set(&errand)
	if s.errands.Len() > directory.MaxErrands {
		s.errands.PopMin()
	}
}

// FinishErrand strikes an errand off and tells whether it was there.
func (s *State) FinishErrand(id directory.ErrandID) bool {
	_, had := s.errands.Delete(&directory.Errand{Seq: id.Seq, Ordinal: id.Ordinal})
	return had
}

// dropErrands drops an organization's errands. What its applications are owed stays: its people are signed out there, too.
func (s *State) dropErrands(id directory.OrganizationID) {
	var gone []*directory.Errand
	for errand := range s.errands.all() {
		if errand.Organization == id && errand.Kind != directory.ErrandLogout {
			gone = append(gone, errand)
		}
	}
	for _, errand := range gone {
		s.errands.Delete(errand)
	}
}

// sweepErrands drops what waited for too long. It leaves the newest command's, so that an errand's place is used once.
func (s *State) sweepErrands(limit int) {
	for range limit {
		errand, ok := s.errands.Min()
		if !ok || s.at < errand.At+directory.ErrandLife || errand.Seq == s.seq {
			return
		}
		s.errands.Delete(errand)
	}
}

func encodeErrand(w *wire.Writer, e *directory.Errand) {
	w.Uint(e.Seq)
	w.Uint(uint64(e.Ordinal))
	w.Int(int64(e.At))
	w.Uint(uint64(e.Kind))
	w.Text(string(e.Organization))
	w.Text(string(e.Application))
	w.Text(e.Subject)
	w.Text(e.Detail)
}

func decodeErrand(r *wire.Reader) *directory.Errand {
	return &directory.Errand{
		Seq:          r.Uint(),
		Ordinal:      uint32(min(r.Uint(), math.MaxUint32)),
		At:           directory.Time(r.Int()),
		Kind:         directory.ErrandKind(min(r.Uint(), math.MaxUint8)),
		Organization: directory.OrganizationID(r.Text()),
		Application:  directory.ApplicationID(r.Text()),
		Subject:      r.Text(),
		Detail:       r.Text(),
	}
}

func (c *checker) errands(v *View) {
	for errand := range v.errands.all() {
		c.holds(errand.Seq <= v.seq && errand.At <= v.at, "errand %d.%d is of the future", errand.Seq, errand.Ordinal)
		c.holds(errand.Kind != 0, "errand %d.%d is of no kind", errand.Seq, errand.Ordinal)
	}
	c.holds(v.errands.Len() <= directory.MaxErrands, "too many errands wait")
}
