package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// OpenSession signs a person in through the identity provider: it consumes the login transaction (a second use is
// KindReplayed), ties the identity to the user where it was not yet tied, and opens the session, all in one step. The user
// must be active and the connection enabled and at the version under which the sign-in was judged. A refused sign-in consumes
// nothing. Where Algorithm is another one than the connection keeps to, the connection keeps to this one from now on: whether it
// may is the door's to judge, which reads what the provider announces.
type OpenSession struct {
	ID                directory.SessionID
	Hash              directory.Hash // of the session cookie
	User              directory.ResourceID
	Connection        directory.ConnectionID
	ConnectionVersion uint64
	Transaction       directory.Hash // of the login transaction's id
	TransactionExpiry directory.Time // until when the transaction may be used, and is remembered once used
	Lifetime          int64          // microseconds from the leader's stamp
	Issuer            string
	Subject           string

	SessionDetails
	ProviderSID string
	Context     string         // acr
	Authed      directory.Time // auth_time
	Algorithm   string         // that signed the ID token; empty: not told
}

// SessionDetails is what every new session carries, see directory.Session.
type SessionDetails struct {
	Idle    directory.Time
	Methods []string
	Agent   string
	Address string
}

func (d *SessionDetails) encode(w *wire.Writer) {
	w.Int(int64(d.Idle))
	wire.Texts(w, d.Methods)
	w.Text(d.Agent)
	w.Text(d.Address)
}

func (d *SessionDetails) decode(r *wire.Reader) {
	d.Idle = directory.Time(r.Int())
	d.Methods = wire.ReadTexts[string](r)
	d.Agent = r.Text()
	d.Address = r.Text()
}

// Kind implements Payload.
func (*OpenSession) Kind() Kind { return KindOpenSession }
func (p *OpenSession) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Fixed(p.Hash[:])
	w.Text(string(p.User))
	w.Text(string(p.Connection))
	w.Uint(p.ConnectionVersion)
	w.Fixed(p.Transaction[:])
	w.Int(int64(p.TransactionExpiry))
	w.Int(p.Lifetime)
	w.Text(p.Issuer)
	w.Text(p.Subject)
	w.Later(func(w *wire.Writer) {
		p.SessionDetails.encode(w)
		w.Text(p.ProviderSID)
		w.Text(p.Context)
		w.Int(int64(p.Authed))
		w.Text(p.Algorithm)
	})
}

func (p *OpenSession) decode(r *wire.Reader) {
	p.ID = directory.SessionID(r.Text())
	r.Fixed(p.Hash[:])
	p.User = directory.ResourceID(r.Text())
	p.Connection = directory.ConnectionID(r.Text())
	p.ConnectionVersion = r.Uint()
	r.Fixed(p.Transaction[:])
	p.TransactionExpiry = directory.Time(r.Int())
	p.Lifetime = r.Int()
	p.Issuer = r.Text()
	p.Subject = r.Text()
	p.SessionDetails.decode(r)
	p.ProviderSID = r.Text()
	p.Context = r.Text()
	p.Authed = directory.Time(r.Int())
	p.Algorithm = r.Text()
}

// CloseSession ends one session; one that is not there is a no-op.
type CloseSession struct{ Hash directory.Hash }

// Kind implements Payload.
func (*CloseSession) Kind() Kind              { return KindCloseSession }
func (p *CloseSession) encode(w *wire.Writer) { w.Fixed(p.Hash[:]) }
func (p *CloseSession) decode(r *wire.Reader) { r.Fixed(p.Hash[:]) }

// OpenLocalSession signs somebody in without an identity provider: the root user, an invited person or a break-glass
// address. It consumes the challenge (a second use is KindReplayed) and, where one is named, a recovery code; it notes the
// use of a passkey; and it opens the session, all in one step. What the address is to the organization is judged when the
// command applies; a refused sign-in consumes nothing.
type OpenLocalSession struct {
	ID              directory.SessionID
	Hash            directory.Hash       // of the session cookie
	Email           string               // folded
	User            directory.ResourceID // of an invited person; for the others the root user's, which is made if there is none
	Challenge       directory.Hash
	ChallengeExpiry directory.Time
	Recovery        directory.Hash // zero: no recovery code was used
	Passkey         string         // raw id; empty: none was used
	SignCount       uint32         // that the passkey told
	Lifetime        int64          // microseconds from the leader's stamp; cut for break-glass
	SessionDetails
}

// Kind implements Payload.
func (*OpenLocalSession) Kind() Kind { return KindOpenLocalSession }
func (p *OpenLocalSession) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Fixed(p.Hash[:])
	w.Text(p.Email)
	w.Text(string(p.User))
	w.Fixed(p.Challenge[:])
	w.Int(int64(p.ChallengeExpiry))
	w.Fixed(p.Recovery[:])
	w.Text(p.Passkey)
	w.Uint(uint64(p.SignCount))
	w.Int(p.Lifetime)
	p.SessionDetails.encode(w)
}

func (p *OpenLocalSession) decode(r *wire.Reader) {
	p.ID = directory.SessionID(r.Text())
	r.Fixed(p.Hash[:])
	p.Email = r.Text()
	p.User = directory.ResourceID(r.Text())
	r.Fixed(p.Challenge[:])
	p.ChallengeExpiry = directory.Time(r.Int())
	r.Fixed(p.Recovery[:])
	p.Passkey = r.Text()
	p.SignCount = readUint32(r)
	p.Lifetime = r.Int()
	p.SessionDetails.decode(r)
}

// JoinSession tells the ledger that an application knows of a session: it consumes the authorization code (a second use is
// KindReplayed), and the application is told when the session ends.
type JoinSession struct {
	Session     directory.Hash
	Application directory.ApplicationID
	Code        directory.Hash
	CodeExpiry  directory.Time
}

// Kind implements Payload.
func (*JoinSession) Kind() Kind { return KindJoinSession }
func (p *JoinSession) encode(w *wire.Writer) {
	w.Fixed(p.Session[:])
	w.Text(string(p.Application))
	w.Fixed(p.Code[:])
	w.Int(int64(p.CodeExpiry))
}

func (p *JoinSession) decode(r *wire.Reader) {
	r.Fixed(p.Session[:])
	p.Application = directory.ApplicationID(r.Text())
	r.Fixed(p.Code[:])
	p.CodeExpiry = directory.Time(r.Int())
}

// EndSessions ends sessions of the header's organization: those that match every field that is set, at least one of which
// must be. None matching is a no-op. Where Once is set it is consumed, and a second command with it is KindReplayed.
type EndSessions struct {
	ID          directory.SessionID
	User        directory.ResourceID
	Connection  directory.ConnectionID
	Subject     string // with Connection
	ProviderSID string // with Connection
	All         bool   // every session of the organization, alone
	Cause       string // for audit, such as "owner", "back-channel logout"
	Once        directory.Hash
	OnceExpiry  directory.Time
}

// Kind implements Payload.
func (*EndSessions) Kind() Kind { return KindEndSessions }
func (p *EndSessions) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Text(string(p.User))
	w.Text(string(p.Connection))
	w.Text(p.Subject)
	w.Text(p.ProviderSID)
	w.Bool(p.All)
	w.Text(p.Cause)
	w.Fixed(p.Once[:])
	w.Int(int64(p.OnceExpiry))
}

func (p *EndSessions) decode(r *wire.Reader) {
	p.ID = directory.SessionID(r.Text())
	p.User = directory.ResourceID(r.Text())
	p.Connection = directory.ConnectionID(r.Text())
	p.Subject = r.Text()
	p.ProviderSID = r.Text()
	p.All = r.Bool()
	p.Cause = r.Text()
	r.Fixed(p.Once[:])
	p.OnceExpiry = directory.Time(r.Int())
}

// SessionUse is when a session was used last.
type SessionUse struct {
	Hash directory.Hash
	At   directory.Time
}

// MaxSessionUses bounds the uses in one command.
const MaxSessionUses = 1000

// TouchSessions notes uses of sessions of any organization; sessions that are not there are passed over. The header names
// no organization.
type TouchSessions struct{ Uses []SessionUse }

// Kind implements Payload.
func (*TouchSessions) Kind() Kind { return KindTouchSessions }
func (p *TouchSessions) encode(w *wire.Writer) {
	wire.List(w, p.Uses, func(w *wire.Writer, use *SessionUse) {
		w.Fixed(use.Hash[:])
		w.Int(int64(use.At))
	})
}

func (p *TouchSessions) decode(r *wire.Reader) {
	p.Uses = wire.ReadList(r, func(r *wire.Reader, use *SessionUse) {
		r.Fixed(use.Hash[:])
		use.At = directory.Time(r.Int())
	})
}
