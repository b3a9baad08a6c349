package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// UserFields is what a door decides about a user; keys are folded by the door (directory.Fold).
type UserFields struct {
	Active      bool
	UserName    string
	UserNameKey string
	ExternalID  string
	DisplayName string
	Emails      []string // folded, primary first
	Attributes  string   // the canonical SCIM document, see directory.User
}

func (f *UserFields) encode(w *wire.Writer) {
	w.Bool(f.Active)
	w.Text(f.UserName)
	w.Text(f.UserNameKey)
	w.Text(f.ExternalID)
	w.Text(f.DisplayName)
	wire.Texts(w, f.Emails)
	w.Text(f.Attributes)
}

func (f *UserFields) decode(r *wire.Reader) {
	f.Active = r.Bool()
	f.UserName = r.Text()
	f.UserNameKey = r.Text()
	f.ExternalID = r.Text()
	f.DisplayName = r.Text()
	f.Emails = wire.ReadTexts[string](r)
	f.Attributes = r.Text()
}

// CreateUser adds a user to the header's organization. The userName key must be free.
type CreateUser struct {
	ID     directory.ResourceID
	Source directory.Source
	UserFields
}

// Kind implements Payload.
func (*CreateUser) Kind() Kind { return KindCreateUser }
func (p *CreateUser) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(uint64(p.Source))
	p.UserFields.encode(w)
}

func (p *CreateUser) decode(r *wire.Reader) {
	p.ID = directory.ResourceID(r.Text())
	p.Source = directory.Source(r.Uint())
	p.UserFields.decode(r)
}

// ReplaceUser replaces a user's fields. Turning Active off ends all of the user's sessions in the same command. A replace
// that changes nothing keeps version and modification time.
type ReplaceUser struct {
	ID            directory.ResourceID
	ExpectVersion uint64 // 0: whatever it is
	UserFields
}

// Kind implements Payload.
func (*ReplaceUser) Kind() Kind { return KindReplaceUser }
func (p *ReplaceUser) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(p.ExpectVersion)
	p.UserFields.encode(w)
}

func (p *ReplaceUser) decode(r *wire.Reader) {
	p.ID = directory.ResourceID(r.Text())
	p.ExpectVersion = r.Uint()
	p.UserFields.decode(r)
}

// DeleteUser removes a user, its memberships (each such group gets a new version), links and sessions.
type DeleteUser struct {
	ID            directory.ResourceID
	ExpectVersion uint64 // 0: whatever it is
}

// Kind implements Payload.
func (*DeleteUser) Kind() Kind { return KindDeleteUser }
func (p *DeleteUser) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(p.ExpectVersion)
}

func (p *DeleteUser) decode(r *wire.Reader) {
	p.ID = directory.ResourceID(r.Text())
	p.ExpectVersion = r.Uint()
}
