package fsm

import (
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func putDomain(tx *transaction, p *command.PutDomain) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := asRefusal(directory.ValidateDomain(p.Name)); refusal != nil {
		return command.Result{}, refusal
	}
	if p.Challenge == "" || len(p.Challenge) > directory.MaxChallenge {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "challenge", "a challenge has 1 to %d bytes", directory.MaxChallenge)
	}
	if refusal := domainFree(tx, p.Name); refusal != nil {
		return command.Result{}, refusal
	}
	next := &directory.Domain{Organization: tx.organization, Name: p.Name, Challenge: p.Challenge, Created: tx.now, Version: tx.seq}
	old, had := d.Domain(p.Name)
	switch {
	case had && (old.State == directory.DomainVerified || old.State == directory.DomainPending && old.Challenge == p.Challenge):
		return command.Result{Version: old.Version, Created: old.Created}, nil
	case had:
		next.Created = old.Created
	case d.DomainCount() >= directory.MaxDomains:
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "domain", "at most %d domains", directory.MaxDomains)
	}
	d.PutDomain(next)
	return tx.changed(next.Created), nil
}

func lookDomain(tx *transaction, p *command.LookDomain) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	old, ok := d.Domain(p.Name)
	if !ok {
		return command.Result{}, noDomain(p.Name)
	}
	if old.Challenge != p.Challenge {
		return command.Result{Version: old.Version, Created: old.Created}, nil
	}
	next := old.Looked(p.Found, tx.now)
	next.Version = tx.seq
	if next.State == directory.DomainVerified {
		if refusal := roomForDomain(tx, d.Organization(), p.Name); refusal != nil {
			return command.Result{}, refusal
		}
	}
	d.PutDomain(&next)
	switch {
	case next.State == directory.DomainVerified && old.State != directory.DomainVerified:
		gainDomain(tx, d.Organization(), old.Name)
		tellDomain(tx, &next, next.State.String())
	case next.State == directory.DomainLost && old.State == directory.DomainVerified:
		loseDomain(tx, d.Organization(), next.Name)
		tellDomain(tx, &next, next.State.String())
	case next.Misses == 1:
		tellDomain(tx, &next, "missed")
	}
	return tx.changed(old.Created), nil
}

// roomForDomain checks that a domain is the organization's, or may become so.
func roomForDomain(tx *transaction, org *directory.Organization, name string) *directory.Error {
	if refusal := domainFree(tx, name); refusal != nil {
		return refusal
	}
	if len(org.Domains) >= directory.MaxDomains && !slices.Contains(org.Domains, name) {
		return directory.Errorf(directory.KindTooLarge, "domain", "at most %d domains", directory.MaxDomains)
	}
	return nil
}

// domainFree checks that a domain is no other organization's. The refusal does not say whose it is.
func domainFree(tx *transaction, name string) *directory.Error {
	if holder, taken := tx.state.DirectoryByDomain(name); taken && holder.Organization().ID != tx.organization {
		return directory.Errorf(directory.KindConflict, "domain", "the domain belongs to another organization")
	}
	return nil
}

func gainDomain(tx *transaction, old *directory.Organization, name string) {
	if slices.Contains(old.Domains, name) {
		return
	}
	next := *old
	next.Domains = append(slices.Clone(old.Domains), name)
	next.Modified, next.Version = tx.now, tx.seq
	writeOrganization(tx, old, &next)
}

func loseDomain(tx *transaction, old *directory.Organization, name string) {
	i := slices.Index(old.Domains, name)
	if i < 0 {
		return
	}
	next := *old
	next.Domains = slices.Delete(slices.Clone(old.Domains), i, i+1)
	next.Modified, next.Version = tx.now, tx.seq
	writeOrganization(tx, old, &next)
}

// tellDomain makes the errand, and what the audit log says.
func tellDomain(tx *transaction, domain *directory.Domain, what string) {
	tx.about(what)
	tx.errand(directory.Errand{
		Kind: directory.ErrandDomain, Subject: domain.Name, Detail: what,
	})
}

func deleteDomain(tx *transaction, p *command.DeleteDomain) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	domain, ok := d.Domain(p.Name)
	if !ok {
		return command.Result{}, noDomain(p.Name)
	}
	d.DeleteDomain(p.Name)
	if domain.State == directory.DomainVerified {
		loseDomain(tx, d.Organization(), p.Name)
	}
	return tx.changed(domain.Created), nil
}

// dropClaims removes the claims to domains that an update takes from the organization.
func dropClaims(d *state.Directory, before, after []string) {
	for _, name := range before {
		if !slices.Contains(after, name) {
			d.DeleteDomain(name)
		}
	}
}

func noDomain(name string) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no claim to domain %q", name)
}
