package fsm

import (
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
)

func createOrganization(tx *transaction, p *command.CreateOrganization) (command.Result, *directory.Error) {
	if _, taken := tx.state.Directory(tx.organization); taken {
		return command.Result{}, directory.Errorf(directory.KindConflict, "id", "organization %s exists", tx.organization)
	}
	if refusal := namesFree(tx, &p.OrganizationFields); refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := choicesKnown(&p.OrganizationFields); refusal != nil {
		return command.Result{}, refusal
	}
	tx.state.PutOrganization(organizationRecord(tx, &p.OrganizationFields, tx.now))
	return tx.changed(tx.now), nil
}

func updateOrganization(tx *transaction, p *command.UpdateOrganization) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	old := d.Organization()
	if refusal := stale(p.ExpectVersion, old.Version); refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := namesFree(tx, &p.OrganizationFields); refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := choicesKnown(&p.OrganizationFields); refusal != nil {
		return command.Result{}, refusal
	}
	if p.SCIM != old.SCIM && !old.SCIM.May(p.SCIM) {
		return command.Result{}, directory.Errorf(directory.KindConflict, "scim", "SCIM is %s and cannot become %s", old.SCIM, p.SCIM)
	}
	next := organizationRecord(tx, &p.OrganizationFields, old.Created)
	if sameOrganization(old, next) {
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}, nil
	}
	tx.state.PutOrganization(next)
	return tx.changed(old.Created), nil
}

func deleteOrganization(tx *transaction, _ *command.DeleteOrganization) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	tx.state.DeleteOrganization(d)
	return tx.changed(d.Organization().Created), nil
}

// namesFree checks that slug and domains belong to nobody else.
func namesFree(tx *transaction, f *command.OrganizationFields) *directory.Error {
	if holder, taken := tx.state.DirectoryBySlug(f.Slug); taken && holder.Organization().ID != tx.organization {
		return directory.Errorf(directory.KindConflict, "slug", "slug %q is taken", f.Slug)
	}
	for _, domain := range f.Domains {
		if holder, taken := tx.state.DirectoryByDomain(domain); taken && holder.Organization().ID != tx.organization {
			return directory.Errorf(directory.KindConflict, "domains", "domain %q belongs to another organization", domain)
		}
	}
	return nil
}

// choicesKnown refuses what this release gives no meaning.
func choicesKnown(f *command.OrganizationFields) *directory.Error {
	if !f.SCIM.Valid() {
		return directory.Errorf(directory.KindInvalid, "scim", "there is no SCIM state %d", f.SCIM)
	}
	if !f.DeletePolicy.Valid() {
		return directory.Errorf(directory.KindInvalid, "delete_policy", "there is no delete policy %d", f.DeletePolicy)
	}
	return nil
}

func organizationRecord(tx *transaction, f *command.OrganizationFields, created directory.Time) *directory.Organization {
	return &directory.Organization{
		ID: tx.organization, Slug: f.Slug, Name: f.Name, Domains: f.Domains, RootEmail: f.RootEmail, Profile: f.Profile,
		SCIM: f.SCIM, SCIMPaused: f.SCIMPaused, Principal: f.Principal, DeletePolicy: f.DeletePolicy,
		SingleToken: f.SingleToken, Plan: f.Plan,
		Created: created, Modified: tx.now, Version: tx.seq,
	}
}

func sameOrganization(a, b *directory.Organization) bool {
	return a.Slug == b.Slug && a.Name == b.Name && a.RootEmail == b.RootEmail && a.Profile == b.Profile &&
		a.SCIM == b.SCIM && a.SCIMPaused == b.SCIMPaused && a.Principal == b.Principal && a.DeletePolicy == b.DeletePolicy &&
		a.SingleToken == b.SingleToken && a.Plan == b.Plan && slices.Equal(a.Domains, b.Domains)
}
