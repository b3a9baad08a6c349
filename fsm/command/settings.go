package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// SettingsFields is what the operator decides for the region, see directory.Settings.
type SettingsFields struct {
	Plans             []directory.Plan
	DefaultPlan       string
	NewSCIM           directory.ProvisioningState
	SCIMWithoutSignIn bool
	RequestRate       int
}

// PutSettings replaces the region's settings; the header names no organization.
type PutSettings struct {
	ExpectVersion uint64 // 0: whatever it is
	SettingsFields
}

// Kind implements Payload.
func (*PutSettings) Kind() Kind { return KindPutSettings }
func (p *PutSettings) encode(w *wire.Writer) {
	w.Uint(p.ExpectVersion)
	wire.List(w, p.Plans, func(w *wire.Writer, plan *directory.Plan) {
		w.Text(plan.Name)
		w.Bool(plan.SignIn)
		w.Bool(plan.SCIM)
	})
	w.Text(p.DefaultPlan)
	w.Uint(uint64(p.NewSCIM))
	w.Bool(p.SCIMWithoutSignIn)
	w.Int(int64(p.RequestRate))
}

func (p *PutSettings) decode(r *wire.Reader) {
	p.ExpectVersion = r.Uint()
	p.Plans = wire.ReadList(r, func(r *wire.Reader, plan *directory.Plan) {
		plan.Name = r.Text()
		plan.SignIn = r.Bool()
		plan.SCIM = r.Bool()
	})
	p.DefaultPlan = r.Text()
	p.NewSCIM = directory.ProvisioningState(r.Uint())
	p.SCIMWithoutSignIn = r.Bool()
	p.RequestRate = int(r.Int())
}
