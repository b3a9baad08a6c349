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
	for connection := range t.clients.from(&directory.Connection{Issuer: issuer}) {
		return connection.Issuer == issuer
	}
	return false
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
	w.Text(p.Metadata)
	w.Text(p.Keys)
	w.Int(int64(p.Fetched))
	w.Int(int64(p.KeysFetched))
	w.Uint(p.Version)
}

func decodeProvider(r *wire.Reader) *directory.Provider {
	return &directory.Provider{
		Issuer:      r.Text(),
		Metadata:    r.Text(),
		Keys:        r.Text(),
		Fetched:     directory.Time(r.Int()),
		KeysFetched: directory.Time(r.Int()),
		Version:     r.Uint(),
	}
}

func (c *checker) providers(v *View) {
	for p := range v.providers.all() {
		c.holds(p.Version <= v.seq, "provider %s is of the future", p.Issuer)
		c.holds(len(p.Metadata) <= directory.MaxProviderDocument && len(p.Keys) <= directory.MaxProviderDocument,
			"too much is kept of provider %s", p.Issuer)
	}
	c.holds(v.providers.Len() <= directory.MaxProviders, "too many providers are kept")
}
