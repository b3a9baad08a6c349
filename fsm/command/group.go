package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// GroupFields is what a door decides about a group besides its members.
type GroupFields struct {
	DisplayName    string
	DisplayNameKey string
	ExternalID     string
	Attributes     string // the canonical SCIM document, see directory.Group
}

func (f *GroupFields) encode(w *wire.Writer) {
	w.Text(f.DisplayName)
	w.Text(f.DisplayNameKey)
	w.Text(f.ExternalID)
	w.Text(f.Attributes)
}

func (f *GroupFields) decode(r *wire.Reader) {
	f.DisplayName = r.Text()
	f.DisplayNameKey = r.Text()
	f.ExternalID = r.Text()
	f.Attributes = r.Text()
}

// CreateGroup adds a group with its first members to the header's organization. Every member must exist there. The members
// of a staged change join them, but for those that are gone since; an unknown staged change is KindStale.
type CreateGroup struct {
	ID     directory.ResourceID
	Source directory.Source
	GroupFields
	Members []directory.ResourceID
	Staged  directory.ChangeID // zero: none
}

// Kind implements Payload.
func (*CreateGroup) Kind() Kind { return KindCreateGroup }
func (p *CreateGroup) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(uint64(p.Source))
	p.GroupFields.encode(w)
	wire.Texts(w, p.Members)
	w.Fixed(p.Staged[:])
}

func (p *CreateGroup) decode(r *wire.Reader) {
	p.ID = directory.ResourceID(r.Text())
	p.Source = directory.Source(r.Uint())
	p.GroupFields.decode(r)
	p.Members = wire.ReadTexts[directory.ResourceID](r)
	r.Fixed(p.Staged[:])
}

// MembersMode says what UpdateGroup does to the members.
type MembersMode uint8

const (
	// MembersKeep leaves them alone.
	MembersKeep MembersMode = 0
	// MembersDelta removes Remove and adds Add, which wins where both name a member; it means the same whatever the members were, so it needs no version.
	MembersDelta MembersMode = 1
	// MembersReplace makes Add the whole set.
	MembersReplace MembersMode = 2
)

// UpdateGroup changes a group's fields, its members, or both in one step. An update that changes nothing keeps version
// and modification time. Adding an unknown member, or the group itself, is KindInvalid; removing one that is not there is a no-op. Cycles through
// other groups are possible: whoever walks nested groups keeps a set of those it has seen. A staged change joins Add and
// Remove, but for what is gone since, and is used up; an unknown one is KindStale.
type UpdateGroup struct {
	ID            directory.ResourceID
	ExpectVersion uint64       // 0: whatever it is
	Fields        *GroupFields // nil: unchanged
	Mode          MembersMode
	Add           []directory.ResourceID
	Remove        []directory.ResourceID
	Staged        directory.ChangeID // zero: none
}

// Kind implements Payload.
func (*UpdateGroup) Kind() Kind { return KindUpdateGroup }
func (p *UpdateGroup) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(p.ExpectVersion)
	w.Bool(p.Fields != nil)
	if p.Fields != nil {
		p.Fields.encode(w)
	}
	w.Uint(uint64(p.Mode))
	wire.Texts(w, p.Add)
	wire.Texts(w, p.Remove)
	w.Fixed(p.Staged[:])
}

func (p *UpdateGroup) decode(r *wire.Reader) {
	p.ID = directory.ResourceID(r.Text())
	p.ExpectVersion = r.Uint()
	if r.Bool() {
		p.Fields = new(GroupFields)
		p.Fields.decode(r)
	}
	p.Mode = MembersMode(r.Uint())
	p.Add = wire.ReadTexts[directory.ResourceID](r)
	p.Remove = wire.ReadTexts[directory.ResourceID](r)
	r.Fixed(p.Staged[:])
}

// DeleteGroup removes a group, its members' memberships and its place in other groups.
type DeleteGroup struct {
	ID            directory.ResourceID
	ExpectVersion uint64 // 0: whatever it is
}

// Kind implements Payload.
func (*DeleteGroup) Kind() Kind { return KindDeleteGroup }
func (p *DeleteGroup) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(p.ExpectVersion)
}

func (p *DeleteGroup) decode(r *wire.Reader) {
	p.ID = directory.ResourceID(r.Text())
	p.ExpectVersion = r.Uint()
}
