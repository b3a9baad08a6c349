package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// RaiseLevel turns on the behaviour of a newer release, once every member supports it. It never goes down.
type RaiseLevel struct{ Level uint64 }

// Kind implements Payload.
func (*RaiseLevel) Kind() Kind              { return KindRaiseLevel }
func (p *RaiseLevel) encode(w *wire.Writer) { w.Uint(p.Level) }
func (p *RaiseLevel) decode(r *wire.Reader) { p.Level = r.Uint() }

// OrganizationFields is what a person chooses about an organization.
type OrganizationFields struct {
	Slug      string
	Name      string
	Domains   []string
	RootEmail string
	Profile   directory.Profile

	// See directory.Organization. SCIM takes only the steps that directory.ProvisioningState.May allows.
	SCIM         directory.ProvisioningState
	SCIMPaused   bool
	Principal    string
	DeletePolicy directory.DeletePolicy
	SingleToken  bool
	Plan         string

	SignIn     directory.SignInPolicy
	BreakGlass []string
	Phone      directory.PhonePolicy
}

func (f *OrganizationFields) encode(w *wire.Writer) {
	w.Text(f.Slug)
	w.Text(f.Name)
	wire.Texts(w, f.Domains)
	w.Text(f.RootEmail)
	w.Text(string(f.Profile))
	w.Uint(uint64(f.SCIM))
	w.Bool(f.SCIMPaused)
	w.Text(f.Principal)
	w.Uint(uint64(f.DeletePolicy))
	w.Bool(f.SingleToken)
	w.Text(f.Plan)
	w.Later(func(w *wire.Writer) {
		w.Int(int64(f.SignIn.SessionLifetime))
		w.Int(int64(f.SignIn.SessionIdle))
		w.Bool(f.SignIn.RequireSSO)
		wire.Texts(w, f.BreakGlass)
		w.Bool(f.Phone.MayChange)
		w.Bool(f.Phone.MustConfirm)
	})
}

func (f *OrganizationFields) decode(r *wire.Reader) {
	f.Slug = r.Text()
	f.Name = r.Text()
	f.Domains = wire.ReadTexts[string](r)
	f.RootEmail = r.Text()
	f.Profile = directory.Profile(r.Text())
	f.SCIM = directory.ProvisioningState(r.Uint())
	f.SCIMPaused = r.Bool()
	f.Principal = r.Text()
	f.DeletePolicy = directory.DeletePolicy(r.Uint())
	f.SingleToken = r.Bool()
	f.Plan = r.Text()
	f.SignIn.SessionLifetime = directory.Time(r.Int())
	f.SignIn.SessionIdle = directory.Time(r.Int())
	f.SignIn.RequireSSO = r.Bool()
	f.BreakGlass = wire.ReadTexts[string](r)
	f.Phone.MayChange = r.Bool()
	f.Phone.MustConfirm = r.Bool()
}

// CreateOrganization makes the organization that the command's header names. Slug and domains must be free.
type CreateOrganization struct{ OrganizationFields }

// Kind implements Payload.
func (*CreateOrganization) Kind() Kind              { return KindCreateOrganization }
func (p *CreateOrganization) encode(w *wire.Writer) { p.OrganizationFields.encode(w) }
func (p *CreateOrganization) decode(r *wire.Reader) { p.OrganizationFields.decode(r) }

// UpdateOrganization replaces the fields of the header's organization.
type UpdateOrganization struct {
	ExpectVersion uint64 // 0: whatever it is
	OrganizationFields
}

// Kind implements Payload.
func (*UpdateOrganization) Kind() Kind { return KindUpdateOrganization }
func (p *UpdateOrganization) encode(w *wire.Writer) {
	w.Uint(p.ExpectVersion)
	p.OrganizationFields.encode(w)
}

func (p *UpdateOrganization) decode(r *wire.Reader) {
	p.ExpectVersion = r.Uint()
	p.OrganizationFields.decode(r)
}

// DeleteOrganization removes the header's organization and everything in it: people, groups, tokens, connections, sessions.
type DeleteOrganization struct{}

// Kind implements Payload.
func (*DeleteOrganization) Kind() Kind            { return KindDeleteOrganization }
func (*DeleteOrganization) encode(*wire.Writer)   {}
func (*DeleteOrganization) decode(r *wire.Reader) {}
