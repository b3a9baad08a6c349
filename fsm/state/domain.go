package state

import (
	"iter"
	"math"
	"slices"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Domains iterates over the claimed domains by name.
func (d *Directory) Domains() iter.Seq[*directory.Domain] { return d.claims.all() }

// DomainCount counts the claimed domains.
func (d *Directory) DomainCount() int { return d.claims.Len() }

// Domain finds the claim to a domain by its name.
func (d *Directory) Domain(name string) (*directory.Domain, bool) {
	return d.claims.Get(&directory.Domain{Name: name})
}

func lessDomain(a, b *directory.Domain) bool { return a.Name < b.Name }

// PutDomain adds or replaces a claim.
func (d *Directory) PutDomain(domain *directory.Domain) { d.claims.Set(domain) }

// DeleteDomain removes a claim.
func (d *Directory) DeleteDomain(name string) { d.claims.Delete(&directory.Domain{Name: name}) }

func encodeDomain(w *wire.Writer, domain *directory.Domain) {
	w.Text(string(domain.Organization))
	w.Text(domain.Name)
	w.Text(domain.Challenge)
	w.Uint(uint64(domain.State))
	w.Int(int64(domain.Created))
	w.Int(int64(domain.Verified))
	w.Int(int64(domain.Checked))
	w.Int(int64(domain.Missing))
	w.Uint(uint64(domain.Misses)) //nolint:gosec // never negative
	w.Uint(domain.Version)
}

func decodeDomain(r *wire.Reader) *directory.Domain {
	return &directory.Domain{
		Organization: directory.OrganizationID(r.Text()),
		Name:         r.Text(),
		Challenge:    r.Text(),
		State:        directory.DomainState(readUint8(r)),
		Created:      directory.Time(r.Int()),
		Verified:     directory.Time(r.Int()),
		Checked:      directory.Time(r.Int()),
		Missing:      directory.Time(r.Int()),
		Misses:       int(min(r.Uint(), math.MaxInt32)),
		Version:      r.Uint(),
	}
}

func (c *checker) domains(v *View, d *Directory) {
	for domain := range d.claims.all() {
		c.holds(domain.Organization == d.org.ID, "domain %s is filed under another organization", domain.Name)
		c.holds(domain.Version <= v.seq, "domain %s is of the future", domain.Name)
		verified := domain.State == directory.DomainVerified
		c.holds(!verified || slices.Contains(d.org.Domains, domain.Name), "domain %s is verified and not the organization's", domain.Name)
	}
	c.holds(d.claims.Len() <= directory.MaxDomains, "organization %s claims too many domains", d.org.ID)
}
