package apps_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"domicile/apps"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// A code buys both tokens; the ID token says who, of which organization, in which teams, by what session.
func TestToken(t *testing.T) {
	h := newHouse(t)
	h.group("g1", "Engineering", rosa)
	h.group("g2", "Administrators", rosa)
	h.group("g3", "Others")
	authed := h.Now().Add(-5 * time.Minute)
	cookie := h.signIn(rosa, authed)
	tokens := h.tokens(cookie)
	if tokens.Expires != 120 || !slices.Equal(tokens.Scopes, []string{"openid", "profile", "email"}) {
		t.Errorf("for %d s, scopes %v", tokens.Expires, tokens.Scopes)
	}
	typ, got := h.claims(tokens.ID.Reveal())
	if typ != "JWT" {
		t.Errorf("typ %q", typ)
	}
	session := h.session(cookie)
	now := float64(h.Now().Unix())
	if issued, _ := got["iat"].(float64); issued < now-5 || issued > now || got["exp"] != issued+120 {
		t.Errorf("from %v to %v", got["iat"], got["exp"])
	}
	delete(got, "iat")
	delete(got, "exp")
	team := func(id directory.ResourceID, name string) map[string]any {
		return map[string]any{"id": directory.AutomaticTeam(acme, &directory.Group{ID: id}).ID, "name": name}
	}
	want := map[string]any{
		"iss": issuer, "aud": string(billing), "sub": string(rosa), "nonce": "the nonce", "at_hash": halfHash(tokens.Access.Reveal()),
		"sid": string(session.ID), "auth_time": float64(authed.Unix()), "amr": []any{"pwd", "mfa"}, "acr": "urn:acr",
		"session_expiry": float64(int64(session.Expires) / 1_000_000),
		"name":           "Rosa Díaz, 100%", "preferred_username": "rosa", "email": "rosa@acme.example", "email_verified": true,
		"organization": map[string]any{
			"id": "acme", "slug": "acme", "name": "Acme", "phone_policy": map[string]any{"may_change": false, "must_confirm": false},
		},
		"organization_role": "member", "teams": []any{team("g2", "Administrators"), team("g1", "Engineering")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("claims\n%v, want\n%v", got, want)
	}
	if !slices.Equal(session.Applications, []directory.ApplicationID{billing}) {
		t.Errorf("the session knows of %v", session.Applications)
	}
}

// What no scope asks for is not told; an address outside the organization's domains is not vouched for; the root user owns.
func TestToken_claims(t *testing.T) {
	h := newHouse(t)
	idToken := func(cookie, scope string) map[string]any {
		tokens, err := h.Token(t.Context(), buys(h.code(cookie, "scope", scope)))
		if err != nil {
			t.Fatal(err)
		}
		_, claims := h.claims(tokens.ID.Reveal())
		return claims
	}
	bare := idToken(h.signIn(rosa, time.Time{}), "openid offline_access")
	for _, name := range []string{"name", "preferred_username", "email", "email_verified"} {
		if _, told := bare[name]; told {
			t.Errorf("%s is told", name)
		}
	}
	if teams, ok := bare["teams"].([]any); !ok || len(teams) != 0 {
		t.Errorf("teams %v", bare["teams"])
	}
	h.user("guest", "guest@gmail.example")
	if claims := idToken(h.signIn("guest", time.Time{}), "openid email"); claims["email_verified"] != false {
		t.Errorf("a foreign address: %v", claims)
	}
	if claims := idToken(h.local("root@acme.example"), "openid"); claims["organization_role"] != "owner" || claims["sub"] != "root" {
		t.Errorf("the root user: %v", claims)
	}
}

// What the organization decides about telephone numbers is told of those whom it provisioned, and as it is now.
func TestToken_phonePolicy(t *testing.T) {
	h := newHouse(t)
	cookie := h.signIn(rosa, time.Time{})
	tokens := h.tokens(cookie)
	d, _ := h.FSM.View().Directory(acme)
	organization := d.Organization()
	h.Must(acme, &command.UpdateOrganization{ExpectVersion: organization.Version, OrganizationFields: command.OrganizationFields{
		Slug: organization.Slug, Name: organization.Name, Domains: organization.Domains, RootEmail: "root@acme.example",
		Profile: organization.Profile, Phone: directory.PhonePolicy{MayChange: true, MustConfirm: true},
	}})
	asked, err := h.Userinfo(t.Context(), tokens.Access.Reveal())
	if err != nil || asked.Organization.Phone == nil || !asked.Organization.Phone.MayChange || !asked.Organization.Phone.MustConfirm {
		t.Errorf("userinfo %+v, %v", asked.Organization, err)
	}
	policy := func(cookie string) any {
		_, claims := h.claims(h.tokens(cookie).ID.Reveal())
		return claims["organization"].(map[string]any)["phone_policy"]
	}
	if got := policy(cookie); !reflect.DeepEqual(got, map[string]any{"may_change": true, "must_confirm": true}) {
		t.Errorf("ID token %v", got)
	}
	if got := policy(h.local("root@acme.example")); got != nil {
		t.Errorf("of the root user %v", got)
	}
}

// More teams than a token holds are cut, and the token says so; userinfo has more.
func TestToken_manyTeams(t *testing.T) {
	h := newHouse(t)
	for i := range 60 {
		h.group(directory.ResourceID(fmt.Sprintf("g%d", i)), fmt.Sprintf("Group %d", i), rosa)
	}
	tokens := h.tokens(h.signIn(rosa, time.Time{}))
	_, claims := h.claims(tokens.ID.Reveal())
	if len(claims["teams"].([]any)) != 50 || claims["teams_truncated"] != true {
		t.Errorf("%d teams, truncated: %v", len(claims["teams"].([]any)), claims["teams_truncated"])
	}
	if len(tokens.ID.Reveal()) > 8<<10 {
		t.Errorf("the token has %d bytes", len(tokens.ID.Reveal()))
	}
	asked, err := h.Userinfo(t.Context(), tokens.Access.Reveal())
	if err != nil || len(asked.Teams) != 60 || asked.TeamsCut {
		t.Errorf("userinfo has %d teams, %v", len(asked.Teams), err)
	}
}

// A code buys once, however often and wherever it comes at the same time, and however it is spelt.
func TestToken_replay(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.signIn(rosa, time.Time{}))
	nodes := []*apps.Service{h.Service, h.node(h.ring), h.node(h.ring)}
	var bought, refused atomic.Int64
	var work sync.WaitGroup
	for i := range 30 {
		work.Go(func() {
			_, err := nodes[i%len(nodes)].Token(t.Context(), buys(code))
			if err == nil {
				bought.Add(1)
			} else if fault, ok := err.(*apps.Error); ok && fault.Code == apps.CodeInvalidGrant { //nolint:errorlint // not wrapped
				refused.Add(1)
			}
		})
	}
	work.Wait()
	if bought.Load() != 1 || refused.Load() != 29 {
		t.Errorf("bought %d times, refused %d times", bought.Load(), refused.Load())
	}
	for _, spelling := range []string{code, code + "\n", code[:10] + "\r\n" + code[10:], code + "=", " " + code, code[:len(code)-1] + "_"} {
		_, err := h.Token(t.Context(), buys(spelling))
		wantFault(t, err, apps.CodeInvalidGrant, false)
	}
}

// Who did not get the code cannot use it, and a failed try does not use it up.
func TestToken_refused(t *testing.T) {
	h := newHouse(t)
	cookie := h.signIn(rosa, time.Time{})
	code := h.code(cookie)
	tokens := h.tokens(cookie)
	basic := func(id, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+password))
	}
	noForm := []string{"client_id", "", "client_secret", ""}
	for name, test := range map[string]struct {
		code          apps.Code
		authorization string
		pairs         []string
	}{
		"no verifier":             {apps.CodeInvalidGrant, "", []string{"code_verifier", ""}},
		"other verifier":          {apps.CodeInvalidGrant, "", []string{"code_verifier", strings.Repeat("v", 43)}},
		"challenge as verifier":   {apps.CodeInvalidGrant, "", []string{"code_verifier", s256}},
		"no redirect_uri":         {apps.CodeInvalidGrant, "", []string{"redirect_uri", ""}},
		"other redirect_uri":      {apps.CodeInvalidGrant, "", []string{"redirect_uri", "https://billing.example/other"}},
		"no code":                 {apps.CodeInvalidGrant, "", []string{"code", ""}},
		"access token as code":    {apps.CodeInvalidGrant, "", []string{"code", tokens.Access.Reveal()}},
		"huge code":               {apps.CodeInvalidGrant, "", []string{"code", strings.Repeat("A", 60_000)}},
		"other client":            {apps.CodeInvalidGrant, "", []string{"client_id", string(spa), "client_secret", ""}},
		"no grant":                {apps.CodeUnsupportedGrant, "", []string{"grant_type", ""}},
		"refresh":                 {apps.CodeUnsupportedGrant, "", []string{"grant_type", "refresh_token"}},
		"client credentials":      {apps.CodeUnsupportedGrant, "", []string{"grant_type", "client_credentials"}},
		"wrong secret":            {apps.CodeInvalidClient, "", []string{"client_secret", "wrong"}},
		"no secret":               {apps.CodeInvalidClient, "", []string{"client_secret", ""}},
		"no client":               {apps.CodeInvalidClient, "", noForm},
		"unknown client":          {apps.CodeInvalidClient, "", []string{"client_id", "nobody"}},
		"secret of a public one":  {apps.CodeInvalidClient, "", []string{"client_id", string(spa)}},
		"basic, wrong secret":     {apps.CodeInvalidClient, basic(string(billing), "wrong"), noForm},
		"basic, no secret":        {apps.CodeInvalidClient, basic(string(billing), ""), noForm},
		"basic, garbage":          {apps.CodeInvalidClient, "Basic !", noForm},
		"bearer":                  {apps.CodeInvalidClient, "Bearer " + secret, noForm},
		"both ways":               {apps.CodeInvalidRequest, basic(string(billing), "x"), nil},
		"two names":               {apps.CodeInvalidRequest, basic(string(billing), "x"), []string{"client_id", string(spa), "client_secret", ""}},
		"hash instead of secret":  {apps.CodeInvalidClient, "", []string{"client_secret", fmt.Sprintf("%x", seal.HashToken(secret))}},
		"secret with a NUL at it": {apps.CodeInvalidClient, "", []string{"client_secret", secret + "\x00"}},
	} {
		t.Run(name, func(t *testing.T) {
			request := buys(code, test.pairs...)
			request.Authorization = test.authorization
			_, err := h.Token(t.Context(), request)
			wantFault(t, err, test.code, false)
		})
	}
	twice := buys(code)
	twice.Form["code"] = []string{code, code}
	_, err := h.Token(t.Context(), twice)
	wantFault(t, err, apps.CodeInvalidRequest, false)

	right := buys(code, noForm...)
	right.Authorization = basic(string(billing), "s3cret%2Fwith%2Bodd+characters") // form-encoded (RFC 6749 §2.3.1)
	if _, err := h.Token(t.Context(), right); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

// A public application has PKCE alone.
func TestToken_public(t *testing.T) {
	h := newHouse(t)
	mine := []string{"client_id", string(spa), "redirect_uri", spaBack}
	code := h.code(h.signIn(rosa, time.Time{}), mine...)
	request := buys(code, append(mine, "client_secret", "")...)
	if _, err := h.Token(t.Context(), with2(request, "code_verifier", strings.Repeat("x", 43))); err == nil {
		t.Error("without the verifier")
	}
	if _, err := h.Token(t.Context(), with2(request, "code_verifier", verifier)); err != nil {
		t.Error(err)
	}
}

func with2(r apps.TokenRequest, pairs ...string) apps.TokenRequest {
	with(r.Form, pairs...)
	return r
}

// During a rotation both secrets are good, after it the new one alone.
func TestToken_rotatedSecret(t *testing.T) {
	h := newHouse(t)
	cookie := h.signIn(rosa, time.Time{})
	try := func(secret string, good bool) {
		t.Helper()
		if _, err := h.Token(t.Context(), buys(h.code(cookie), "client_secret", secret)); (err == nil) != good {
			t.Errorf("%s: %v", secret, err)
		}
	}
	rotate := &command.PutApplication{
		ID: billing, Name: "Billing", RedirectURIs: []string{callback},
		SecretHash: seal.HashToken("new"), PreviousHash: seal.HashToken(secret),
	}
	h.put(rotate)
	try(secret, true)
	try("new", true)
	rotate.PreviousHash = directory.Hash{}
	h.put(rotate)
	try(secret, false)
	try("new", true)
}

// A code is worth nothing once it is old, its session has ended, or its application is gone.
func TestToken_tooLate(t *testing.T) {
	for name, end := range map[string]func(h *house, cookie string){
		"expired":      func(h *house, _ string) { h.Advance(apps.CodeLife) },
		"deactivated":  func(h *house, _ string) { h.deactivate(rosa) },
		"signed out":   func(h *house, cookie string) { h.Must(acme, &command.CloseSession{Hash: seal.HashToken(cookie)}) },
		"organization": func(h *house, _ string) { h.Must(acme, &command.DeleteOrganization{}) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			cookie := h.signIn(rosa, time.Time{})
			code := h.code(cookie)
			end(h, cookie)
			_, err := h.Token(t.Context(), buys(code))
			wantFault(t, err, apps.CodeInvalidGrant, false)
		})
	}
	h := newHouse(t)
	code := h.code(h.signIn(rosa, time.Time{}))
	h.Must("", &command.DeleteApplication{ID: billing})
	_, err := h.Token(t.Context(), buys(code))
	wantFault(t, err, apps.CodeInvalidClient, false)
}

// Tokens end with the session.
func TestToken_sessionEndsSoon(t *testing.T) {
	h := newHouse(t)
	cookie := h.signIn(rosa, time.Time{})
	h.Advance(12*time.Hour - 30*time.Second)
	if tokens := h.tokens(cookie); tokens.Expires > 30 || tokens.Expires < 20 {
		t.Errorf("tokens for %d s", tokens.Expires)
	}
}

// A code survives what goes wrong on our side.
func TestToken_unavailable(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.signIn(rosa, time.Time{}))
	h.Cut(true)
	if _, err := h.Token(t.Context(), buys(code)); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("cut off: %v", err)
	}
	h.Cut(false)
	if _, err := h.node(seal.GenerateKeyring()).Token(t.Context(), buys(code)); err == nil {
		t.Error("another region's node took the code")
	}
	if _, err := h.Token(t.Context(), buys(code)); err != nil {
		t.Error(err)
	}
}

// An access token is judged by the live session at each use.
func TestUserinfo(t *testing.T) {
	h := newHouse(t)
	cookie := h.signIn(rosa, time.Time{})
	access := h.tokens(cookie).Access.Reveal()
	claims, err := h.node(h.ring).Userinfo(t.Context(), access)
	if err != nil || claims.Subject != rosa || claims.Email != "rosa@acme.example" || claims.Session != h.session(cookie).ID {
		t.Errorf("%+v, %v", claims, err)
	}
	for name, token := range map[string]string{
		"none": "", "garbage": "garbage", "a code": h.code(cookie), "the cookie": cookie, "changed": access[:len(access)-8] + "AAAAAAAA",
		"huge": strings.Repeat("A", 1<<20), "an ID token": h.tokens(cookie).ID.Reveal(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Userinfo(t.Context(), token)
			wantFault(t, err, apps.CodeInvalidToken, false)
		})
	}
	h.Cut(true)
	if _, err := h.Userinfo(t.Context(), access); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("cut off: %v", err)
	}
	h.Cut(false)
	h.deactivate(rosa)
	_, err = h.Userinfo(t.Context(), access)
	wantFault(t, err, apps.CodeInvalidToken, false)
}

// An access token ends after two minutes, and with its application.
func TestUserinfo_ends(t *testing.T) {
	h := newHouse(t)
	access := h.tokens(h.signIn(rosa, time.Time{})).Access.Reveal()
	h.Advance(apps.TokenLife - time.Second)
	if _, err := h.Userinfo(t.Context(), access); err != nil {
		t.Error(err)
	}
	h.Advance(time.Second)
	_, err := h.Userinfo(t.Context(), access)
	wantFault(t, err, apps.CodeInvalidToken, false)

	access = h.tokens(h.signIn(rosa, time.Time{})).Access.Reveal()
	h.Must("", &command.DeleteApplication{ID: billing})
	_, err = h.Userinfo(t.Context(), access)
	wantFault(t, err, apps.CodeInvalidToken, false)
}

// A new key is published an hour before it signs, and the old one for a day after it signed last; so that no application that
// keeps the key set for less than an hour meets a signature that it cannot check.
func TestKeySet_rotation(t *testing.T) {
	h := newHouse(t)
	first := h.FSM.View().SigningKeys(directory.KeyIDToken)[0].ID
	signer := func() string {
		t.Helper()
		text := h.tokens(h.signIn(rosa, time.Time{})).ID.Reveal()
		h.claims(text) // checks the signature
		head, _, _ := strings.Cut(text, ".")
		raw, _ := base64.RawURLEncoding.DecodeString(head)
		var header struct {
			KeyID string `json:"kid"`
		}
		if err := json.Unmarshal(raw, &header); err != nil {
			t.Fatal(err)
		}
		return header.KeyID
	}
	published := func() int {
		t.Helper()
		set, err := h.KeySet(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range set.Keys {
			if strings.Contains(string(key), `"d"`) {
				t.Fatalf("a private key is published: %s", key)
			}
		}
		return len(set.Keys)
	}
	h.Advance(30 * 24 * time.Hour)
	second := h.key()
	if signer() != first || published() != 2 {
		t.Errorf("at once: %s signs, %d published", signer(), published())
	}
	h.Advance(time.Hour + time.Minute)
	if signer() != second || published() != 2 {
		t.Errorf("after an hour: %s signs, %d published", signer(), published())
	}
	h.Advance(24 * time.Hour)
	if signer() != second || published() != 1 {
		t.Errorf("after a day: %s signs, %d published", signer(), published())
	}
}
