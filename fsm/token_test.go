package fsm

import (
	"fmt"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// bearer makes a bearer token with this number's hash.
func bearer(id directory.TokenID, n int) *command.CreateToken {
	return &command.CreateToken{Tokens: []command.NewToken{{ID: id, Hash: number(n), Name: "n", Hint: "h"}}}
}

// grant makes an access token and its refresh token, of client "client".
func grant(n int) *command.CreateToken {
	id := func(prefix string) directory.TokenID { return directory.TokenID(fmt.Sprintf("%s-%d", prefix, n)) }
	return &command.CreateToken{Tokens: []command.NewToken{
		{ID: id("access"), Hash: number(2 * n), Kind: directory.TokenAccess, Client: "client"},
		{ID: id("refresh"), Hash: number(2*n + 1), Kind: directory.TokenRefresh, Client: "client"},
	}}
}

// withClient makes acme with an OAuth client.
func withClient(t *testing.T) *ledger {
	l := newLedger(t).acme(0)
	l.do("acme", &command.CreateClient{ID: "client", Name: "Okta", SecretHash: number(9)})
	return l
}

func (l *ledger) tokens(kind directory.TokenKind, client directory.ClientID) (ids []directory.TokenID) {
	for token := range l.directory("acme").TokensOf(kind, client) {
		ids = append(ids, token.ID)
	}
	return ids
}

// check tells whether the ledger still agrees with itself.
func (l *ledger) check() {
	l.Helper()
	if err := l.fsm.View().Check(); err != nil {
		l.Error(err)
	}
}

func TestTokens(t *testing.T) {
	l := newLedger(t).acme(0)
	l.do("acme", bearer("a", 1))
	l.refuse("acme", bearer("b", 1), directory.KindConflict)
	l.refuse("acme", bearer("a", 2), directory.KindConflict)
	l.refuse("nowhere", bearer("b", 2), directory.KindNotFound)
	if _, ok := l.fsm.View().TokenByHash(number(1)); !ok {
		t.Fatal("the token is not there")
	}
	l.do("acme", &command.RevokeToken{ID: "a"})
	if _, ok := l.fsm.View().TokenByHash(number(1)); ok {
		t.Error("the revoked token is still there")
	}
	l.refuse("acme", &command.RevokeToken{ID: "a"}, directory.KindNotFound)
}

func TestCreateToken_together(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*command.CreateToken)
		want   directory.Kind
	}{
		"none":             {func(p *command.CreateToken) { p.Tokens = nil }, directory.KindInvalid},
		"three":            {func(p *command.CreateToken) { p.Tokens = append(p.Tokens, bearer("a", 1).Tokens[0]) }, directory.KindInvalid},
		"bearers":          {func(p *command.CreateToken) { p.Tokens = append(bearer("a", 1).Tokens, bearer("b", 2).Tokens...) }, directory.KindInvalid},
		"refresh first":    {func(p *command.CreateToken) { p.Tokens[0], p.Tokens[1] = p.Tokens[1], p.Tokens[0] }, directory.KindInvalid},
		"unknown kind":     {func(p *command.CreateToken) { p.Tokens[1].Kind = 3 }, directory.KindInvalid},
		"two clients":      {func(p *command.CreateToken) { p.Tokens[1].Client = "other" }, directory.KindInvalid},
		"one id":           {func(p *command.CreateToken) { p.Tokens[1].ID = p.Tokens[0].ID }, directory.KindConflict},
		"one hash":         {func(p *command.CreateToken) { p.Tokens[1].Hash = p.Tokens[0].Hash }, directory.KindConflict},
		"bearer's client":  {func(p *command.CreateToken) { p.Tokens = p.Tokens[:1]; p.Tokens[0].Kind = 0 }, directory.KindInvalid},
		"without a client": {func(p *command.CreateToken) { p.Tokens = p.Tokens[:1]; p.Tokens[0].Client = "" }, directory.KindNotFound},
		"unknown client":   {func(p *command.CreateToken) { p.Tokens = p.Tokens[:1]; p.Tokens[0].Client = "other" }, directory.KindNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			l := withClient(t)
			p := grant(1)
			c.change(p)
			l.refuse("acme", p, c.want)
			if len(l.tokens(directory.TokenAccess, "client")) != 0 {
				t.Error("a refusal made a token")
			}
			l.do("acme", grant(1))
			l.check()
		})
	}
}

// What tokens are given for is used once, whatever used it, and only by success.
func TestCreateToken_consumes(t *testing.T) {
	l := withClient(t)
	l.do("acme", createUserCommand(0))
	code := func(n int, transaction directory.Hash) *command.CreateToken {
		p := grant(n)
		p.Consume, p.ConsumeExpiry = transaction, l.now+1000
		return p
	}
	taken := code(1, number(1))
	taken.Tokens[0].Client, taken.Tokens[1].Client = "other", "other"
	l.refuse("acme", taken, directory.KindNotFound)
	late := code(1, number(1))
	late.ConsumeExpiry = l.now - 1
	l.refuse("acme", late, directory.KindUnauthenticated)
	l.do("acme", code(1, number(1)))
	l.refuse("acme", code(2, number(1)), directory.KindReplayed)
	sessionOf := l.signIn(0, 1) // its transaction is the same number
	l.refuse("acme", sessionOf, directory.KindReplayed)
	l.do("acme", l.signIn(0, 2))
	l.refuse("acme", code(2, number(2)), directory.KindReplayed)
	l.do("acme", code(2, directory.Hash{}))
	l.do("acme", code(3, directory.Hash{}))
	l.check()
}

func TestCreateToken_bounds(t *testing.T) {
	l := withClient(t)
	for n := range directory.MaxTokens {
		l.do("acme", bearer(directory.TokenID(fmt.Sprint("bearer-", n)), 1000+n))
	}
	l.refuse("acme", bearer("one-more", 5000), directory.KindTooLarge)
	for n := range directory.MaxClientTokens + 2 {
		l.now++
		l.do("acme", grant(n))
	}
	for _, kind := range []directory.TokenKind{directory.TokenAccess, directory.TokenRefresh} {
		held := l.tokens(kind, "client")
		if len(held) != directory.MaxClientTokens {
			t.Errorf("%d tokens of kind %d", len(held), kind)
		}
	}
	if _, ok := l.directory("acme").Token("access-1"); ok {
		t.Error("the second oldest access token is still there")
	}
	if _, ok := l.directory("acme").Token("refresh-2"); !ok {
		t.Error("the oldest refresh token inside the bound is gone")
	}
	l.check()
}

// An organization with one rotating token has one after any number of them, and room for it even at the bound.
func TestCreateToken_single(t *testing.T) {
	l := withClient(t)
	for n := range directory.MaxTokens {
		l.do("acme", bearer(directory.TokenID(fmt.Sprint("bearer-", n)), 1000+n))
	}
	l.do("acme", grant(1))
	l.do("acme", &command.UpdateOrganization{OrganizationFields: command.OrganizationFields{Slug: "acme", SingleToken: true}})
	if n := len(l.tokens(directory.TokenBearer, "")); n != directory.MaxTokens {
		t.Errorf("%d tokens before the first rotation", n)
	}
	for n := range 2 {
		id := directory.TokenID(fmt.Sprint("rotated-", n))
		l.do("acme", bearer(id, 5000+n))
		if held := l.tokens(directory.TokenBearer, ""); len(held) != 1 || held[0] != id {
			t.Errorf("after rotation %d: %v", n, held)
		}
	}
	if len(l.tokens(directory.TokenAccess, "client")) != 1 || len(l.tokens(directory.TokenRefresh, "client")) != 1 {
		t.Error("a rotation voided a client's tokens")
	}
	l.check()
}

// An expired token is found nowhere after the next entry, a bounded number of them per entry.
func TestTokens_sweep(t *testing.T) {
	l := newLedger(t).acme(0)
	l.do("acme", bearer("forever", 9000))
	for o := range 4 {
		org := directory.OrganizationID(fmt.Sprint("org-", o))
		l.do(org, &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: string(org)}})
		for n := range 80 {
			p := bearer(directory.TokenID(fmt.Sprint("t", n)), 100*o+n)
			p.Tokens[0].Expires = l.now + 5_000_000
			l.do(org, p)
		}
	}
	left := func() (byHash, byID int) {
		view := l.fsm.View()
		for o := range 4 {
			d, _ := view.Directory(directory.OrganizationID(fmt.Sprint("org-", o)))
			for n := range 80 {
				if _, ok := view.TokenByHash(number(100*o + n)); ok {
					byHash++
				}
				if _, ok := d.Token(directory.TokenID(fmt.Sprint("t", n))); ok {
					byID++
				}
			}
		}
		return byHash, byID
	}
	for _, c := range []struct {
		after directory.Time
		want  int
	}{{4_999_999, 320}, {1, 320 - 256}, {0, 0}} {
		l.now += c.after
		l.do("acme", &command.CloseSession{})
		if byHash, byID := left(); byHash != c.want || byID != c.want {
			t.Errorf("%d tokens by hash and %d by id, want %d", byHash, byID, c.want)
		}
		l.check()
	}
	if _, ok := l.fsm.View().TokenByHash(number(9000)); !ok {
		t.Error("a token without end is gone")
	}
}

func TestTouchTokens(t *testing.T) {
	l := newLedger(t).acme(0)
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	expiring := bearer("a", 1)
	expiring.Tokens[0].Expires = l.now + 9_000_000
	l.do("acme", expiring)
	l.do("other", bearer("a", 2))
	touch := func(uses ...command.TokenUse) command.Result {
		t.Helper()
		return l.do("", &command.TouchTokens{Uses: uses})
	}
	want := func(org directory.OrganizationID, at directory.Time, ip string) {
		t.Helper()
		d, _ := l.fsm.View().Directory(org)
		token, _ := d.Token("a")
		byHash, _ := l.fsm.View().TokenByHash(token.Hash)
		if token.LastUsed != at || token.LastIP != ip || byHash != token {
			t.Errorf("token of %s was used at %d from %q, want %d from %q", org, token.LastUsed, token.LastIP, at, ip)
		}
		l.check()
	}
	first := touch(
		command.TokenUse{Organization: "acme", ID: "a", At: l.now - 5, IP: "192.0.2.1"},
		command.TokenUse{Organization: "other", ID: "a", At: l.now + 1_000_000, IP: "192.0.2.2"},
		command.TokenUse{Organization: "acme", ID: "gone", At: l.now, IP: "192.0.2.3"},
		command.TokenUse{Organization: "nowhere", ID: "a", At: l.now, IP: "192.0.2.4"},
	)
	if !first.Changed || first.Version != 0 {
		t.Errorf("result %+v", first)
	}
	want("acme", l.now-5, "192.0.2.1")
	want("other", l.now, "192.0.2.2") // a clock ahead of the ledger's
	older := touch(command.TokenUse{Organization: "acme", ID: "a", At: l.now - 6, IP: "192.0.2.9"})
	if older.Changed {
		t.Error("an older use is news")
	}
	want("acme", l.now-5, "192.0.2.1")
	l.refuse("", &command.TouchTokens{Uses: make([]command.TokenUse, command.MaxTokenUses+1)}, directory.KindTooLarge)
	long := command.TokenUse{Organization: "acme", ID: "a", At: l.now, IP: string(make([]byte, 65))}
	l.refuse("", &command.TouchTokens{Uses: []command.TokenUse{long}}, directory.KindInvalid)
	want("acme", l.now-5, "192.0.2.1")
	l.now += 9_000_000
	touch(command.TokenUse{Organization: "acme", ID: "a", At: l.now, IP: "192.0.2.1"})
	if _, ok := l.fsm.View().TokenByHash(number(1)); ok {
		t.Error("a touched token outlives its end")
	}
	l.check()
}

// The most uses of one command, each at its longest, fit into an entry.
func TestTouchTokens_fits(t *testing.T) {
	use := command.TokenUse{
		Organization: "2819c223-7f76-453a-919d-413861904646", ID: "2819c223-7f76-453a-919d-413861904646", At: dawn,
		IP: "2001:0db8:85a3:0000:0000:8a2e:0370:7334%en0",
	}
	p := new(command.TouchTokens)
	for range command.MaxTokenUses {
		p.Uses = append(p.Uses, use)
	}
	c := newLedger(t).command("", p)
	if n := len(c.Encode()); n > command.MaxEntryBytes {
		t.Errorf("%d bytes", n)
	}
}

// A view that was published keeps what it held while tokens come and go.
func TestTokens_viewsStay(t *testing.T) {
	l := withClient(t)
	l.do("acme", grant(1))
	view := l.fsm.View()
	digest := view.Digest()
	l.do("", &command.TouchTokens{Uses: []command.TokenUse{{Organization: "acme", ID: "access-1", At: l.now, IP: "::1"}}})
	l.do("acme", &command.DeleteClient{ID: "client"})
	if view.Digest() != digest || view.Check() != nil {
		t.Error("a published view changed")
	}
}
