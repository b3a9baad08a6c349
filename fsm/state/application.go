package state

import (
	"iter"
	"slices"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Application finds an application of the region by its id.
func (t *tables) Application(id directory.ApplicationID) (*directory.Application, bool) {
	return t.applications.Get(&directory.Application{ID: id})
}

// Applications iterates over the region's applications by id.
func (t *tables) Applications() iter.Seq[*directory.Application] { return t.applications.all() }

// ApplicationCount counts the region's applications.
func (t *tables) ApplicationCount() int { return t.applications.Len() }

func lessApplication(a, b *directory.Application) bool { return a.ID < b.ID }

// PutApplication adds or replaces an application.
func (s *State) PutApplication(application *directory.Application) { s.applications.Set(application) }

// DeleteApplication removes an application.
func (s *State) DeleteApplication(application *directory.Application) {
	s.applications.Delete(application)
}

func encodeApplication(w *wire.Writer, a *directory.Application) {
	w.Text(string(a.ID))
	w.Text(a.Name)
	w.Fixed(a.SecretHash[:])
	w.Fixed(a.PreviousHash[:])
	wire.Texts(w, a.RedirectURIs)
	wire.Texts(w, a.LogoutURIs)
	w.Text(a.BackChannelURI)
	w.Int(int64(a.Created))
	w.Int(int64(a.Modified))
	w.Uint(a.Version)
}

func decodeApplication(r *wire.Reader) *directory.Application {
	a := &directory.Application{ID: directory.ApplicationID(r.Text()), Name: r.Text()}
	r.Fixed(a.SecretHash[:])
	r.Fixed(a.PreviousHash[:])
	a.RedirectURIs = wire.ReadTexts[string](r)
	a.LogoutURIs = wire.ReadTexts[string](r)
	a.BackChannelURI = r.Text()
	a.Created = directory.Time(r.Int())
	a.Modified = directory.Time(r.Int())
	a.Version = r.Uint()
	return a
}

// SigningKeys gives the region's keys of one use, oldest first.
func (t *tables) SigningKeys(use directory.KeyUse) []*directory.SigningKey {
	return slices.Collect(while(t.signingKeys.from(&directory.SigningKey{Use: use}),
		func(k *directory.SigningKey) bool { return k.Use == use }))
}

// lessSigningKey needs no id: no two keys of one use have one time of creation.
func lessSigningKey(a, b *directory.SigningKey) bool {
	return a.Use < b.Use || a.Use == b.Use && a.Created < b.Created
}

// PutSigningKey adds a key, which must be the newest of its use; where there are too many the oldest goes.
func (s *State) PutSigningKey(key *directory.SigningKey) {
	s.signingKeys.Set(key)
	if keys := s.SigningKeys(key.Use); len(keys) > directory.MaxSigningKeys {
		s.signingKeys.Delete(keys[0])
	}
}

func encodeSigningKey(w *wire.Writer, k *directory.SigningKey) {
	w.Text(k.ID)
	w.Text(string(k.Use))
	w.Blob(k.Private)
	w.Text(k.Public)
	w.Int(int64(k.Created))
}

func decodeSigningKey(r *wire.Reader) *directory.SigningKey {
	return &directory.SigningKey{
		ID:      r.Text(),
		Use:     directory.KeyUse(r.Text()),
		Private: r.Blob(),
		Public:  r.Text(),
		Created: directory.Time(r.Int()),
	}
}

func (c *checker) applications(v *View) {
	for a := range v.applications.all() {
		c.holds(a.Version <= v.seq, "application %s is of the future", a.ID)
	}
	c.holds(v.applications.Len() <= directory.MaxApplications, "there are too many applications")
	ids := make(map[string]bool)
	for key := range v.signingKeys.all() {
		c.holds(key.Use.Valid() && !ids[key.ID], "signing key %s is of no use, or there twice", key.ID)
		c.holds(len(v.SigningKeys(key.Use)) <= directory.MaxSigningKeys, "there are too many signing keys for %s", key.Use)
		ids[key.ID] = true
	}
}
