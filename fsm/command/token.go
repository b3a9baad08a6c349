package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// NewToken is one token on its way into the ledger. Its id must be free in the organization and its hash in the region.
type NewToken struct {
	ID      directory.TokenID
	Hash    directory.Hash
	Name    string
	Hint    string
	Expires directory.Time // 0: never
	Kind    directory.TokenKind
	Client  directory.ClientID // of the organization; for access and refresh tokens, and only for them
}

// CreateToken adds a token, or an access token and its refresh token, to the header's organization, all or nothing. A
// bearer token more than directory.MaxTokens is refused (KindTooLarge), unless the organization has one token at a time:
// then the new one voids all other bearer tokens. An access or refresh token more than directory.MaxClientTokens of its
// client takes the place of the oldest.
type CreateToken struct {
	Tokens []NewToken // one, or an access token and its refresh token
	// Consume is what the tokens are given for and may be used once, such as the hash of an authorization code: a second
	// use is KindReplayed. Zero: nothing.
	Consume       directory.Hash
	ConsumeExpiry directory.Time // until when it may be used, and is remembered once used
}

// Kind implements Payload.
func (*CreateToken) Kind() Kind { return KindCreateToken }
func (p *CreateToken) encode(w *wire.Writer) {
	wire.List(w, p.Tokens, func(w *wire.Writer, t *NewToken) {
		w.Text(string(t.ID))
		w.Fixed(t.Hash[:])
		w.Text(t.Name)
		w.Text(t.Hint)
		w.Int(int64(t.Expires))
		w.Uint(uint64(t.Kind))
		w.Text(string(t.Client))
	})
	w.Fixed(p.Consume[:])
	w.Int(int64(p.ConsumeExpiry))
}

func (p *CreateToken) decode(r *wire.Reader) {
	p.Tokens = wire.ReadList(r, func(r *wire.Reader, t *NewToken) {
		t.ID = directory.TokenID(r.Text())
		r.Fixed(t.Hash[:])
		t.Name = r.Text()
		t.Hint = r.Text()
		t.Expires = directory.Time(r.Int())
		t.Kind = directory.TokenKind(r.Uint())
		t.Client = directory.ClientID(r.Text())
	})
	r.Fixed(p.Consume[:])
	p.ConsumeExpiry = directory.Time(r.Int())
}

// RevokeToken removes a token of the header's organization; it is refused everywhere as soon as this applies.
type RevokeToken struct{ ID directory.TokenID }

// Kind implements Payload.
func (*RevokeToken) Kind() Kind              { return KindRevokeToken }
func (p *RevokeToken) encode(w *wire.Writer) { w.Text(string(p.ID)) }
func (p *RevokeToken) decode(r *wire.Reader) { p.ID = directory.TokenID(r.Text()) }

// MaxTokenUses bounds the uses in one TouchTokens.
const MaxTokenUses = 500

// TokenUse says when and from where a token was used.
type TokenUse struct {
	Organization directory.OrganizationID
	ID           directory.TokenID
	At           directory.Time
	IP           string // at most 64 characters
}

// TouchTokens notes uses of tokens of any organizations of the region; the header names none. A use that is not newer than
// the one known, and a use of a token that is gone, is left out. No version changes.
type TouchTokens struct{ Uses []TokenUse }

// Kind implements Payload.
func (*TouchTokens) Kind() Kind { return KindTouchTokens }
func (p *TouchTokens) encode(w *wire.Writer) {
	wire.List(w, p.Uses, func(w *wire.Writer, use *TokenUse) {
		w.Text(string(use.Organization))
		w.Text(string(use.ID))
		w.Int(int64(use.At))
		w.Text(use.IP)
	})
}

func (p *TouchTokens) decode(r *wire.Reader) {
	p.Uses = wire.ReadList(r, func(r *wire.Reader, use *TokenUse) {
		use.Organization = directory.OrganizationID(r.Text())
		use.ID = directory.TokenID(r.Text())
		use.At = directory.Time(r.Int())
		use.IP = r.Text()
	})
}
