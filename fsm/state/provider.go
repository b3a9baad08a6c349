package state

import (
	"iter"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Provider finds what is kept of an issuer.
func (t *tables) Provider(issuer string) (*directory.Provider, bool) {
	return t.providers.Get(&directory.Provider{Issuer: issuer})
}

// Providers iterates over what is kept of issuers, by issuer.
func (t *tables) Providers() iter.Seq[*directory.Provider] { return t.providers.all() }

// ProviderCount counts the issuers of which something is kept.
func (t *tables) ProviderCount() int { return t.providers.Len() }

// ProviderUsed tells whether a connection of any organization names the issuer.
func (t *tables) ProviderUsed(issuer string) bool {
	for range t.ConnectionsTo(issuer) {
		return true
	}
	return false
}

// ConnectionsTo iterates over the connections of every organization to an issuer, by client id.
func (t *tables) ConnectionsTo(issuer string) iter.Seq[*directory.Connection] {
	return while(t.clients.from(&directory.Connection{Issuer: issuer}), func(c *directory.Connection) bool { return c.Issuer == issuer })
}

// ProvidersFrom iterates over what is kept of issuers that come after one, by issuer.
func (t *tables) ProvidersFrom(after string) iter.Seq[*directory.Provider] {
	return func(yield func(*directory.Provider) bool) {
		for provider := range t.providers.from(&directory.Provider{Issuer: after}) {
			if provider.Issuer != after && !yield(provider) {
				return
			}
		}
	}
}

func lessProvider(a, b *directory.Provider) bool { return a.Issuer < b.Issuer }

// PutProvider adds or replaces what is kept of an issuer.
func (s *State) PutProvider(provider *directory.Provider) { s.providers.Set(provider) }

// DropUnusedProviders forgets the issuers that no connection names.
func (s *State) DropUnusedProviders() {
	var unused []*directory.Provider
	for provider := range s.providers.all() {
		if !s.ProviderUsed(provider.Issuer) {
			unused = append(unused, provider)
		}
	}
	for _, provider := range unused {
		s.providers.Delete(provider)
	}
}

func encodeProvider(w *wire.Writer, p *directory.Provider) {
	w.Text(p.Issuer)
	encodeCopy(w, &p.Metadata)
	encodeCopy(w, &p.Keys)
	wire.List(w, p.Moves, func(w *wire.Writer, m *directory.ProviderMove) {
		w.Text(m.Endpoint)
		w.Text(m.From)
		w.Text(m.To)
		w.Int(int64(m.At))
	})
	w.Uint(p.Version)
}

func encodeCopy(w *wire.Writer, c *directory.ProviderCopy) {
	w.Text(c.Text)
	w.Int(int64(c.Fetched))
	w.Int(int64(c.Life))
}

func decodeProvider(r *wire.Reader) *directory.Provider {
	return &directory.Provider{
		Issuer:   r.Text(),
		Metadata: decodeCopy(r),
		Keys:     decodeCopy(r),
		Moves: wire.ReadList(r, func(r *wire.Reader, m *directory.ProviderMove) {
			m.Endpoint = r.Text()
			m.From = r.Text()
			m.To = r.Text()
			m.At = directory.Time(r.Int())
		}),
		Version: r.Uint(),
	}
}

func decodeCopy(r *wire.Reader) directory.ProviderCopy {
	return directory.ProviderCopy{Text: r.Text(), Fetched: directory.Time(r.Int()), Life: directory.Time(r.Int())}
}

func (c *checker) providers(v *View) {
	for p := range v.providers.all() {
		c.holds(p.Version <= v.seq, "provider %s is of the future", p.Issuer)
		c.holds(len(p.Metadata.Text) <= directory.MaxProviderDocument && len(p.Keys.Text) <= directory.MaxProviderDocument &&
			len(p.Moves) <= directory.MaxProviderMoves, "too much is kept of provider %s", p.Issuer)
	}
	c.holds(v.providers.Len() <= directory.MaxProviders, "too many providers are kept")
}
