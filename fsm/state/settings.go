package state

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// Settings gives the region's settings, never nil.
func (t *tables) Settings() *directory.Settings { return t.settings }

// PutSettings replaces the region's settings.
func (s *State) PutSettings(settings *directory.Settings) { s.settings = settings }

func encodeSettings(w *wire.Writer, s *directory.Settings) {
	wire.List(w, s.Plans, func(w *wire.Writer, p *directory.Plan) {
		w.Text(p.Name)
		w.Bool(p.SignIn)
		w.Bool(p.SCIM)
	})
	w.Text(s.DefaultPlan)
	w.Uint(uint64(s.NewSCIM))
	w.Bool(s.SCIMWithoutSignIn)
	w.Int(int64(s.RequestRate))
	w.Int(int64(s.Modified))
	w.Uint(s.Version)
}

func decodeSettings(r *wire.Reader) *directory.Settings {
	return &directory.Settings{
		Plans: wire.ReadList(r, func(r *wire.Reader, p *directory.Plan) {
			p.Name = r.Text()
			p.SignIn = r.Bool()
			p.SCIM = r.Bool()
		}),
		DefaultPlan:       r.Text(),
		NewSCIM:           directory.ProvisioningState(r.Uint()),
		SCIMWithoutSignIn: r.Bool(),
		RequestRate:       int(r.Int()),
		Modified:          directory.Time(r.Int()),
		Version:           r.Uint(),
	}
}
