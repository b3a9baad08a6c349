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

// The names are kept as places in the document, where they mostly stand too.
func (f *UserFields) encode(w *wire.Writer) {
	w.Text(f.Attributes)
	w.Bool(f.Active)
	w.TextIn(f.Attributes, f.UserName)
	w.TextIn(f.Attributes, f.UserNameKey)
	w.TextIn(f.Attributes, f.ExternalID)
	w.TextIn(f.Attributes, f.DisplayName)
	w.Uint(uint64(len(f.Emails)))
	for _, email := range f.Emails {
		w.TextIn(f.Attributes, email)
	}
}

func (f *UserFields) decode(r *wire.Reader) {
	f.Attributes = r.Text()
	f.Active = r.Bool()
	f.UserName = r.TextIn(f.Attributes)
	f.UserNameKey = r.TextIn(f.Attributes)
	f.ExternalID = r.TextIn(f.Attributes)
	f.DisplayName = r.TextIn(f.Attributes)
	if n := r.Count(); n > 0 {
		f.Emails = make([]string, n)
		for i := range f.Emails {
			f.Emails[i] = r.TextIn(f.Attributes)
		}
	}
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

// DeleteUser removes a user, its memberships (each such group gets a new version), links and sessions. The user and its
// memberships are kept for RestoreUser (directory.DeletedUser), unless Erase says otherwise.
type DeleteUser struct {
	ID            directory.ResourceID
	ExpectVersion uint64 // 0: whatever it is
	Erase         bool
}

// Kind implements Payload.
func (*DeleteUser) Kind() Kind { return KindDeleteUser }
func (p *DeleteUser) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(p.ExpectVersion)
	w.Bool(p.Erase)
}

func (p *DeleteUser) decode(r *wire.Reader) {
	p.ID = directory.ResourceID(r.Text())
	p.ExpectVersion = r.Uint()
	p.Erase = r.Bool()
}
