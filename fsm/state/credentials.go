package state

import (
	"iter"
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
)

// passkeyRow finds credentials by the raw id of one of their passkeys.
type passkeyRow struct {
	id          string
	credentials *directory.Credentials
}

// CredentialsByHandle finds the credentials of any organization by the WebAuthn user handle.
func (t *tables) CredentialsByHandle(handle string) (*directory.Credentials, bool) {
	return t.credentialsHandle.Get(&directory.Credentials{Handle: handle})
}

// CredentialsByPasskey finds the credentials of any organization by the raw id of a passkey.
func (t *tables) CredentialsByPasskey(id string) (*directory.Credentials, bool) {
	row, ok := t.passkeys.Get(passkeyRow{id: id})
	return row.credentials, ok
}

// CredentialsByRecovery finds the credentials of any organization by the hash of an unused recovery code.
func (t *tables) CredentialsByRecovery(hash directory.Hash) (*directory.Credentials, bool) {
	row, ok := t.recovery.Get(hashRow[directory.Credentials]{hash: hash})
	return row.record, ok
}

// Credentials finds what a folded address signs in with.
func (d *Directory) Credentials(email string) (*directory.Credentials, bool) {
	return d.credentials.Get(&directory.Credentials{Email: email})
}

// Stands says what a folded address is to the organization, and which user signs in with it, whether or not they may at
// present. The user is nil for strangers, and while there is no root user.
func (d *Directory) Stands(email string) (directory.Standing, *directory.User) {
	if standing := d.org.Stands(email); standing != directory.StandingNone {
		root, _ := d.RootUser()
		return standing, root
	}
	if user, ok := d.UserByName(email); ok && user.Source == directory.SourceInvited {
		return directory.StandingInvited, user
	}
	return directory.StandingNone, nil
}

// Holds tells whether an address still is what its credentials were made for: the root user's or a break-glass address, whoever
// has it, or the same invited person's. Only such credentials are there.
func (d *Directory) Holds(held *directory.Credentials) bool {
	switch standing, user := d.Stands(held.Email); standing {
	case directory.StandingNone:
		return false
	case directory.StandingInvited:
		return user.ID == held.User
	default:
		return true
	}
}

// AllCredentials iterates over the credentials by address.
func (d *Directory) AllCredentials() iter.Seq[*directory.Credentials] { return d.credentials.all() }

// CredentialsCount counts the addresses that have credentials.
func (d *Directory) CredentialsCount() int { return d.credentials.Len() }

func lessCredentials(a, b *directory.Credentials) bool { return a.Email < b.Email }

func lessHandle(a, b *directory.Credentials) bool { return a.Handle < b.Handle }

// PutCredentials adds credentials, or replaces those of their address. Empty ones are removed.
func (s *State) PutCredentials(d *Directory, credentials *directory.Credentials) {
	if old, ok := d.Credentials(credentials.Email); ok {
		s.dropCredentials(old)
		d.credentials.Delete(old)
	}
	if credentials.Empty() {
		return
	}
	d.credentials.Set(credentials)
	s.credentialsHandle.Set(credentials)
	for i := range credentials.Passkeys {
		s.passkeys.Set(passkeyRow{credentials.Passkeys[i].ID, credentials})
	}
	for _, hash := range credentials.Recovery {
		s.recovery.Set(hashRow[directory.Credentials]{hash, credentials})
	}
}

// dropCredentials removes credentials from the region's trees.
func (s *State) dropCredentials(credentials *directory.Credentials) {
	s.credentialsHandle.Delete(credentials)
	for i := range credentials.Passkeys {
		s.passkeys.Delete(passkeyRow{id: credentials.Passkeys[i].ID})
	}
	for _, hash := range credentials.Recovery {
		s.recovery.Delete(hashRow[directory.Credentials]{hash: hash})
	}
}

func encodeCredentials(w *wire.Writer, c *directory.Credentials) {
	w.Text(string(c.Organization))
	w.Text(c.Email)
	w.Text(string(c.User))
	w.Text(c.Handle)
	wire.List(w, c.Passkeys, func(w *wire.Writer, p *directory.Passkey) {
		w.Text(p.ID)
		w.Text(p.PublicKey)
		w.Uint(uint64(p.SignCount))
		w.Uint(uint64(p.Flags))
		w.Text(p.AAGUID)
		w.Text(p.Name)
		w.Int(int64(p.Created))
		w.Int(int64(p.LastUsed))
	})
	wire.List(w, c.Recovery, func(w *wire.Writer, hash *directory.Hash) { w.Fixed(hash[:]) })
	wire.List(w, c.Links, func(w *wire.Writer, link *directory.SetupLink) {
		w.Fixed(link.Hash[:])
		w.Int(int64(link.Expires))
	})
	w.Int(int64(c.Created))
	w.Int(int64(c.Modified))
	w.Uint(c.Version)
}

func decodeCredentials(r *wire.Reader) *directory.Credentials {
	return &directory.Credentials{
		Organization: directory.OrganizationID(r.Text()),
		Email:        r.Text(),
		User:         directory.ResourceID(r.Text()),
		Handle:       r.Text(),
		Passkeys: wire.ReadList(r, func(r *wire.Reader, p *directory.Passkey) {
			p.ID = r.Text()
			p.PublicKey = r.Text()
			p.SignCount = uint32(min(r.Uint(), math.MaxUint32))
			p.Flags = uint8(min(r.Uint(), math.MaxUint8))
			p.AAGUID = r.Text()
			p.Name = r.Text()
			p.Created = directory.Time(r.Int())
			p.LastUsed = directory.Time(r.Int())
		}),
		Recovery: wire.ReadList(r, func(r *wire.Reader, hash *directory.Hash) { r.Fixed(hash[:]) }),
		Links: wire.ReadList(r, func(r *wire.Reader, link *directory.SetupLink) {
			r.Fixed(link.Hash[:])
			link.Expires = directory.Time(r.Int())
		}),
		Created:  directory.Time(r.Int()),
		Modified: directory.Time(r.Int()),
		Version:  r.Uint(),
	}
}

// localCredentials checks what people sign in with here.
func (c *checker) localCredentials(v *View, d *Directory) (passkeys, recovery int) {
	for credentials := range d.credentials.all() {
		same(c, "credentials by handle", v.credentialsHandle, credentials)
		for i := range credentials.Passkeys {
			found, _ := v.CredentialsByPasskey(credentials.Passkeys[i].ID)
			c.holds(found == credentials, "credentials by passkey holds another record or none")
		}
		for _, hash := range credentials.Recovery {
			found, _ := v.CredentialsByRecovery(hash)
			c.holds(found == credentials, "credentials by recovery code holds another record or none")
		}
		p, r := len(credentials.Passkeys), len(credentials.Recovery)
		c.holds(!credentials.Empty() && p <= directory.MaxPasskeys && r <= directory.MaxRecoveryCodes,
			"credentials hold %d passkeys and %d codes", p, r)
		c.holds(len(credentials.Links) <= directory.MaxSetupLinks, "credentials hold %d set-up links", len(credentials.Links))
		c.holds(credentials.Organization == d.org.ID, "credentials are filed under another organization")
		c.holds(credentials.Version <= v.seq, "credentials are of the future")
		c.holds(d.Holds(credentials), "an address of organization %s has the credentials of somebody else", d.org.ID)
		passkeys, recovery = passkeys+p, recovery+r
	}
	c.holds(d.credentials.Len() <= directory.MaxCredentials, "organization %s has too many credentials", d.org.ID)
	return passkeys, recovery
}
