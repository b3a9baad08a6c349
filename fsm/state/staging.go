package state

import (
	"bytes"
	"slices"

	"domicile/directory"
	"domicile/fsm/wire"
)

// staging are an organization's staged changes. They are few, so the list is a new one with every change.
type staging struct {
	changes []*directory.StagedChange // by id
	numbers int                       // of all changes
}

func (s *staging) find(id directory.ChangeID) (place int, found bool) {
	return slices.BinarySearchFunc(s.changes, id, func(c *directory.StagedChange, id directory.ChangeID) int {
		return bytes.Compare(c.ID[:], id[:])
	})
}

func lessStagedEnd(a, b *directory.StagedChange) bool {
	if a.Expires != b.Expires {
		return a.Expires < b.Expires
	}
	if a.Organization != b.Organization {
		return a.Organization < b.Organization
	}
	return bytes.Compare(a.ID[:], b.ID[:]) < 0
}

// Staged finds a staged change.
func (d *Directory) Staged(id directory.ChangeID) (*directory.StagedChange, bool) {
	place, found := d.staging.find(id)
	if !found {
		return nil, false
	}
	return d.staging.changes[place], true
}

// StagedCounts counts the staged changes and the numbers in all of them.
func (d *Directory) StagedCounts() (changes, numbers int) {
	return len(d.staging.changes), d.staging.numbers
}

// PutStaged adds a staged change to its organization, or replaces the one with its id.
func (s *State) PutStaged(d *Directory, change *directory.StagedChange) {
	if old, ok := d.Staged(change.ID); ok {
		s.DropStaged(d, old)
	}
	place, _ := d.staging.find(change.ID)
	d.staging.changes = slices.Insert(slices.Clone(d.staging.changes), place, change)
	d.staging.numbers += change.Numbers()
	s.stagedEnd.Set(change)
}

// DropStaged removes a staged change: it was used, or its time is over.
func (s *State) DropStaged(d *Directory, change *directory.StagedChange) {
	place, found := d.staging.find(change.ID)
	if !found {
		return
	}
	s.stagedEnd.Delete(change)
	d.staging.numbers -= change.Numbers()
	d.staging.changes = slices.Delete(slices.Clone(d.staging.changes), place, place+1)
}

func (s *State) sweepStaged(limit int) {
	for range limit {
		change, ok := s.stagedEnd.Min()
		if !ok || !change.Expired(s.at) {
			return
		}
		s.stagedEnd.Delete(change)
		if d, ok := s.Write(change.Organization); ok {
			s.DropStaged(d, change)
		}
	}
}

func encodeStaged(w *wire.Writer, c *directory.StagedChange) {
	w.Fixed(c.ID[:])
	w.Text(string(c.Organization))
	w.Int(int64(c.Expires))
	wire.List(w, c.Parts, func(w *wire.Writer, p *directory.StagedPart) {
		encodeNumbers(w, p.Add)
		encodeNumbers(w, p.Remove)
	})
}

func decodeStaged(r *wire.Reader) *directory.StagedChange {
	c := new(directory.StagedChange)
	r.Fixed(c.ID[:])
	c.Organization = directory.OrganizationID(r.Text())
	c.Expires = directory.Time(r.Int())
	c.Parts = wire.ReadList(r, func(r *wire.Reader, p *directory.StagedPart) {
		p.Add = decodeNumbers(r)
		p.Remove = decodeNumbers(r)
	})
	return c
}

func encodeNumbers(w *wire.Writer, numbers []directory.Number) {
	w.Uint(uint64(len(numbers)))
	for _, n := range numbers {
		w.Uint(uint64(n))
	}
}

// decodeNumbers reads what encodeNumbers wrote; an empty list is nil.
func decodeNumbers(r *wire.Reader) []directory.Number {
	n := r.Count()
	if n == 0 {
		return nil
	}
	numbers := make([]directory.Number, n)
	for i := range numbers {
		numbers[i] = directory.Number(r.Uint())
	}
	return numbers
}

func (c *checker) staged(v *View, d *Directory) {
	numbers := 0
	for _, change := range d.staging.changes {
		numbers += change.Numbers()
		same(c, "staged changes by end", v.stagedEnd, change)
		c.holds(change.Organization == d.org.ID, "staged change %x is filed under another organization", change.ID)
		found, ok := d.Staged(change.ID)
		c.holds(ok && found == change, "staged change %x is not found", change.ID)
	}
	c.equal("staged numbers", d.staging.numbers, numbers)
	c.holds(len(d.staging.changes) <= directory.MaxStagedChanges && numbers <= directory.MaxStagedNumbers,
		"organization %s has too much staged", d.org.ID)
}
