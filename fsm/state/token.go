package state

import (
	"iter"

	"domicile/directory"
	"domicile/fsm/wire"
)

// TokenByHash finds a token of any organization and kind. The caller checks what it is good for and whether it has expired.
func (t *tables) TokenByHash(hash directory.Hash) (*directory.Token, bool) {
	row, ok := t.tokens.Get(hashRow[directory.Token]{hash: hash})
	return row.record, ok
}

// Tokens iterates over the tokens of every kind by id.
func (d *Directory) Tokens() iter.Seq[*directory.Token] { return d.tokens.all() }

// TokensOf iterates over the tokens of one kind and client, oldest first; bearer tokens have no client.
func (d *Directory) TokensOf(kind directory.TokenKind, client directory.ClientID) iter.Seq[*directory.Token] {
	return while(d.tokensKind.from(&directory.Token{Kind: kind, Client: client}),
		func(t *directory.Token) bool { return t.Kind == kind && t.Client == client })
}

// TokenCount counts the bearer tokens.
func (d *Directory) TokenCount() int {
	n := 0
	for range d.TokensOf(directory.TokenBearer, "") {
		n++
	}
	return n
}

// Token finds a token by its id.
func (d *Directory) Token(id directory.TokenID) (*directory.Token, bool) {
	return d.tokens.Get(&directory.Token{ID: id})
}

func lessTokenKind(a, b *directory.Token) bool {
	if a.Kind != b.Kind {
		return a.Kind < b.Kind
	}
	if a.Client != b.Client {
		return a.Client < b.Client
	}
	return a.Created < b.Created || a.Created == b.Created && a.ID < b.ID
}

func lessTokenEnd(a, b *directory.Token) bool {
	return a.Expires < b.Expires || a.Expires == b.Expires && less(a.Hash, b.Hash)
}

// PutToken adds a token to its organization, or replaces the one with its id, which differs in when and where it was used.
func (s *State) PutToken(d *Directory, token *directory.Token) {
	s.tokens.Set(hashRow[directory.Token]{token.Hash, token})
	if token.Expires != 0 {
		s.tokensEnd.Set(token)
	}
	d.tokens.Set(token)
	d.tokensKind.Set(token)
}

// DeleteToken removes a token.
func (s *State) DeleteToken(token *directory.Token) {
	s.dropToken(token)
	if d, ok := s.Write(token.Organization); ok {
		d.tokens.Delete(token)
		d.tokensKind.Delete(token)
	}
}

// dropToken removes a token from the region's trees.
func (s *State) dropToken(token *directory.Token) {
	s.tokens.Delete(hashRow[directory.Token]{hash: token.Hash})
	s.tokensEnd.Delete(token)
}

// sweepTokens removes what has expired, at most limit of them.
func (s *State) sweepTokens(limit int) {
	for range limit {
		token, ok := s.tokensEnd.Min()
		if !ok || !token.Expired(s.at) {
			return
		}
		s.DeleteToken(token)
	}
}

func encodeToken(w *wire.Writer, t *directory.Token) {
	w.Text(string(t.ID))
	w.Text(string(t.Organization))
	w.Fixed(t.Hash[:])
	w.Text(t.Name)
	w.Text(t.Hint)
	w.Int(int64(t.Created))
	w.Int(int64(t.Expires))
	w.Uint(uint64(t.Kind))
	w.Text(string(t.Client))
	w.Int(int64(t.LastUsed))
	w.Text(t.LastIP)
}

func decodeToken(r *wire.Reader) *directory.Token {
	t := &directory.Token{ID: directory.TokenID(r.Text()), Organization: directory.OrganizationID(r.Text())}
	r.Fixed(t.Hash[:])
	t.Name = r.Text()
	t.Hint = r.Text()
	t.Created = directory.Time(r.Int())
	t.Expires = directory.Time(r.Int())
	t.Kind = directory.TokenKind(r.Uint())
	t.Client = directory.ClientID(r.Text())
	t.LastUsed = directory.Time(r.Int())
	t.LastIP = r.Text()
	return t
}
