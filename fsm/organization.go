package fsm

import (
	"slices"
	"strings"

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
	if refusal := choicesKnown(&p.OrganizationFields, nil); refusal != nil {
		return command.Result{}, refusal
	}
	writeOrganization(tx, new(directory.Organization), organizationRecord(tx, &p.OrganizationFields, tx.now))
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
	if refusal := choicesKnown(&p.OrganizationFields, old.BreakGlass); refusal != nil {
		return command.Result{}, refusal
	}
	if p.SCIM != old.SCIM && !old.SCIM.May(p.SCIM) {
		return command.Result{}, directory.Errorf(directory.KindConflict, "scim", "SCIM is %s and cannot become %s", old.SCIM, p.SCIM)
	}
	next := organizationRecord(tx, &p.OrganizationFields, old.Created)
	if sameOrganization(old, next) {
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}, nil
	}
	dropClaims(d, old.Domains, next.Domains)
	writeOrganization(tx, old, next)
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

// writeOrganization puts an organization's record in the place of old, and tells of another list of break-glass addresses.
func writeOrganization(tx *transaction, old, next *directory.Organization) {
	tx.state.PutOrganization(next)
	tx.about(organizationChanges(old, next)...)
	signOut(tx, old, next)
	welcome(tx, old, next)
	if !slices.Equal(old.BreakGlass, next.BreakGlass) {
		tx.errand(directory.Errand{
			Kind: directory.ErrandBreakGlassList, Detail: strings.Join(old.BreakGlass, ", "),
		})
	}
}

// welcome lets those who may sign in here from now on know how.
func welcome(tx *transaction, old, next *directory.Organization) {
	if tx.state.Level() < command.SecondLevel {
		return
	}
	if next.RootEmail != "" && next.RootEmail != old.RootEmail {
		tx.errand(directory.Errand{Kind: directory.ErrandSetup, Subject: next.RootEmail})
	}
	for _, address := range next.BreakGlass {
		if !slices.Contains(old.BreakGlass, address) {
			tx.errand(directory.Errand{Kind: directory.ErrandSetup, Subject: address})
		}
	}
}

// signOut ends the sessions of addresses that are not the root user's or a break-glass address any more, and drops what they
// signed in with.
func signOut(tx *transaction, old, next *directory.Organization) {
	if old.RootEmail == next.RootEmail && slices.Equal(old.BreakGlass, next.BreakGlass) {
		return
	}
	d, refusal := tx.directory()
	if refusal != nil {
		return
	}
	tx.forget(d, append(slices.Clone(old.BreakGlass), old.RootEmail)...)
	root, ok := d.RootUser()
	if !ok {
		return
	}
	for _, session := range slices.Collect(d.SessionsOf(root.Number)) {
		gone := old.RootEmail != next.RootEmail
		if session.Kind == directory.SessionBreakGlass {
			gone = next.Stands(session.Email) != directory.StandingBreakGlass
		}
		if gone {
			tx.state.DeleteSession(session)
		}
	}
}

// choicesKnown refuses what this release gives no meaning, and new break-glass addresses outside of the domains. Addresses
// that were there stay, although a domain may have been lost or be still to be proved.
func choicesKnown(f *command.OrganizationFields, breakGlass []string) *directory.Error {
	if !f.SCIM.Valid() {
		return directory.Errorf(directory.KindInvalid, "scim", "there is no SCIM state %d", f.SCIM)
	}
	if !f.DeletePolicy.Valid() {
		return directory.Errorf(directory.KindInvalid, "delete_policy", "there is no delete policy %d", f.DeletePolicy)
	}
	if refusal := asRefusal(f.SignIn.Validate()); refusal != nil {
		return refusal
	}
	if slices.Equal(f.BreakGlass, breakGlass) {
		return nil
	}
	return asRefusal(directory.ValidateBreakGlass(f.BreakGlass, f.Domains))
}

func organizationRecord(tx *transaction, f *command.OrganizationFields, created directory.Time) *directory.Organization {
	return &directory.Organization{
		ID: tx.organization, Slug: f.Slug, Name: f.Name, Domains: f.Domains, RootEmail: f.RootEmail, Profile: f.Profile,
		SCIM: f.SCIM, SCIMPaused: f.SCIMPaused, Principal: f.Principal, DeletePolicy: f.DeletePolicy,
		SingleToken: f.SingleToken, Plan: f.Plan, SignIn: f.SignIn, BreakGlass: f.BreakGlass, Phone: f.Phone,
		Created: created, Modified: tx.now, Version: tx.seq,
	}
}

func sameOrganization(a, b *directory.Organization) bool { return len(organizationChanges(a, b)) == 0 }

// organizationChanges names the fields that differ.
func organizationChanges(a, b *directory.Organization) []string {
	return changes{
		{"slug", a.Slug != b.Slug},
		{"name", a.Name != b.Name},
		{"domains", !slices.Equal(a.Domains, b.Domains)},
		{"root.email", a.RootEmail != b.RootEmail},
		{"scim_profile", a.Profile != b.Profile},
		{"scim", a.SCIM != b.SCIM},
		{"scim_paused", a.SCIMPaused != b.SCIMPaused},
		{"principal", a.Principal != b.Principal},
		{"delete_policy", a.DeletePolicy != b.DeletePolicy},
		{"single_token", a.SingleToken != b.SingleToken},
		{"plan", a.Plan != b.Plan},
		{"sign_in", a.SignIn != b.SignIn},
		{"break_glass", !slices.Equal(a.BreakGlass, b.BreakGlass)},
		{"phone", a.Phone != b.Phone},
	}.names()
}
