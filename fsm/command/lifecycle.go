package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// RestoreUser brings a deleted user of the header's organization back as it was, with its memberships in the groups that
// are still there, each of which gets a new version. Links and sessions do not come back. The userName must be free.
type RestoreUser struct{ ID directory.ResourceID }

// Kind implements Payload.
func (*RestoreUser) Kind() Kind              { return KindRestoreUser }
func (p *RestoreUser) encode(w *wire.Writer) { w.Text(string(p.ID)) }
func (p *RestoreUser) decode(r *wire.Reader) { p.ID = directory.ResourceID(r.Text()) }

// EraseUser removes a deleted user for good.
type EraseUser struct{ ID directory.ResourceID }

// Kind implements Payload.
func (*EraseUser) Kind() Kind              { return KindEraseUser }
func (p *EraseUser) encode(w *wire.Writer) { w.Text(string(p.ID)) }
func (p *EraseUser) decode(r *wire.Reader) { p.ID = directory.ResourceID(r.Text()) }

// ConvertUsers changes who owns users of the header's organization: To is SourceSCIM or SourceInvited. It is all or
// nothing: an unknown id, the root user, or another source is KindInvalid, more than directory.MaxConvert ids are
// KindTooLarge. Each user that was of another source gets a new version, and so do its groups, because SCIM shows the members of
// its own source only.
type ConvertUsers struct {
	IDs []directory.ResourceID
	To  directory.Source
}

// Kind implements Payload.
func (*ConvertUsers) Kind() Kind { return KindConvertUsers }
func (p *ConvertUsers) encode(w *wire.Writer) {
	wire.Texts(w, p.IDs)
	w.Uint(uint64(p.To))
}

func (p *ConvertUsers) decode(r *wire.Reader) {
	p.IDs = wire.ReadTexts[directory.ResourceID](r)
	p.To = directory.Source(r.Uint())
}

// RenameUsers calls every user of the header's organization, the root user apart, by the primary e-mail address, in userName
// and in the document. It is all or nothing: any collision is KindConflict (state.Directory.RenamePlan tells before).
type RenameUsers struct{}

// Kind implements Payload.
func (*RenameUsers) Kind() Kind          { return KindRenameUsers }
func (*RenameUsers) encode(*wire.Writer) {}
func (*RenameUsers) decode(*wire.Reader) {}
