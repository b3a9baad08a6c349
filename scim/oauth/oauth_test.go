package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/scim/oauth"
	"domicile/seal"
)

const (
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	pkce     = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
)

// question is an authorization request of okta.
func question(pairs ...string) url.Values {
	values := form("response_type", "code", "client_id", string(okta), "redirect_uri", callback, "state", "a b&c")
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			values.Del(pairs[i])
			continue
		}
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

// approve gives an approval of okta.
func (h *house) approve() string {
	h.t.Helper()
	approval, expires, err := h.Approve(h.t.Context(), acme, okta)
	if err != nil {
		h.t.Fatal(err)
	}
	if life := expires.Sub(h.Now()); life <= 0 || life > oauth.ApprovalLife {
		h.t.Errorf("the approval lives for %s", life)
	}
	return approval.Reveal()
}

// code takes an approval to the page and gives the code that came of it.
func (h *house) code(approval string, pairs ...string) string {
	h.t.Helper()
	location, err := h.Decide(h.t.Context(), question(append(pairs, oauth.FieldApproval, approval)...))
	if err != nil {
		h.t.Fatal(err)
	}
	return parsed(h.t, location).Query().Get("code")
}

func (h *house) exchange(code string, pairs ...string) (oauth.Tokens, error) {
	return h.Token(h.t.Context(), by(okta, append(pairs, "grant_type", "authorization_code", "code", code, "redirect_uri", callback)...))
}

func parsed(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// wantCode checks that err is an OAuth error.
func wantCode(t testing.TB, err error, code oauth.Code) *oauth.Error {
	t.Helper()
	fault, ok := errors.AsType[*oauth.Error](err)
	if !ok || fault.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	return fault
}

func TestClientCredentials(t *testing.T) {
	h := newHouse(t)
	tokens, err := h.Token(t.Context(), by(daemon, "grant_type", "client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	if !tokens.Refresh.IsZero() {
		t.Error("client credentials bought a refresh token")
	}
	if text := tokens.Access.Reveal(); !strings.HasPrefix(text, "dom_eu_") {
		t.Errorf("token %q is not one of ours", text)
	}
	row, _ := h.FSM.View().TokenByHash(seal.HashToken(tokens.Access.Reveal()))
	if row.Organization != acme || row.Kind != directory.TokenAccess || row.Client != daemon || row.Hint == "" {
		t.Errorf("row %+v", row)
	}
	if !h.opens(tokens.Access) {
		t.Error("the token opens nothing")
	}
	h.Advance(oauth.AccessLife + time.Second)
	if h.opens(tokens.Access) {
		t.Error("the token opens after its life")
	}
}

func TestClientAuthentication(t *testing.T) {
	h := newHouse(t)
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	grant := []string{"grant_type", "client_credentials"}
	for name, c := range map[string]struct {
		request oauth.Request
		want    oauth.Code
	}{
		"post":             {by(daemon, grant...), ""},
		"basic":            {oauth.Request{Authorization: basic("daemon:" + secret), Form: form(grant...)}, ""},
		"encoded basic":    {oauth.Request{Authorization: basic("%64aemon:s3cre%74"), Form: form(grant...)}, ""},
		"scheme's case":    {oauth.Request{Authorization: "bAsIc" + basic("daemon:" + secret)[5:], Form: form(grant...)}, ""},
		"basic and its id": {oauth.Request{Authorization: basic("daemon:" + secret), Form: form(append(grant, "client_id", "daemon")...)}, ""},
		"another's id":     {oauth.Request{Authorization: basic("daemon:" + secret), Form: form(append(grant, "client_id", "okta")...)}, oauth.CodeInvalidRequest},
		"both ways":        {oauth.Request{Authorization: basic("daemon:" + secret), Form: by(daemon, grant...).Form}, oauth.CodeInvalidRequest},
		"nobody":           {oauth.Request{Form: form(grant...)}, oauth.CodeInvalidClient},
		"no secret":        {oauth.Request{Form: form(append(grant, "client_id", "daemon")...)}, oauth.CodeInvalidClient},
		"wrong secret":     {oauth.Request{Authorization: basic("daemon:" + secret + "x"), Form: form(grant...)}, oauth.CodeInvalidClient},
		"unknown":          {by("nobody", grant...), oauth.CodeInvalidClient},
		"no colon":         {oauth.Request{Authorization: basic("daemon"), Form: form(grant...)}, oauth.CodeInvalidClient},
		"no base64":        {oauth.Request{Authorization: "Basic ?", Form: form(grant...)}, oauth.CodeInvalidClient},
		"bad escape":       {oauth.Request{Authorization: basic("daemon:%zz"), Form: form(grant...)}, oauth.CodeInvalidClient},
		"bearer":           {oauth.Request{Authorization: "Bearer abc", Form: form(grant...)}, oauth.CodeInvalidClient},
		"twice":            {by(daemon, append(grant, "scope", "a", "scope", "b")...), oauth.CodeInvalidRequest},
		"no grant":         {by(daemon), oauth.CodeUnsupportedGrant},
		"unknown grant":    {by(daemon, "grant_type", "password"), oauth.CodeUnsupportedGrant},
		"unknown to anyone before known by": {
			oauth.Request{Form: form("grant_type", "password", "client_id", "daemon", "client_secret", "no")}, oauth.CodeInvalidClient,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Token(t.Context(), c.request)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantCode(t, err, c.want)
		})
	}
}

// TestOrganizationState: tokens are for organizations that SCIM serves; a pause is no reason to fail.
func TestOrganizationState(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*command.OrganizationFields)
		plans  []directory.Plan
		want   string
	}{
		"active":          {change: func(*command.OrganizationFields) {}},
		"paused":          {change: func(f *command.OrganizationFields) { f.SCIMPaused = true }},
		"off":             {change: func(f *command.OrganizationFields) { f.SCIM = directory.SCIMOff }, want: "it is off"},
		"plan without":    {change: func(f *command.OrganizationFields) { f.Plan = "free" }, plans: []directory.Plan{{Name: "free"}}, want: "plan"},
		"plan with":       {change: func(f *command.OrganizationFields) { f.Plan = "pro" }, plans: []directory.Plan{{Name: "pro", SCIM: true}}},
		"plan of nothing": {change: func(*command.OrganizationFields) {}, plans: []directory.Plan{{Name: "pro", SCIM: true}}, want: "plan"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			if c.plans != nil {
				h.Must("", &command.PutSettings{SettingsFields: command.SettingsFields{Plans: c.plans}})
			}
			h.organization(acme, c.change, false)
			_, tokenErr := h.Token(t.Context(), by(daemon, "grant_type", "client_credentials"))
			_, pageErr := h.Authorize(t.Context(), question())
			_, _, approvalErr := h.Approve(t.Context(), acme, okta)
			if c.want == "" {
				if err := errors.Join(tokenErr, pageErr, approvalErr); err != nil {
					t.Error(err)
				}
				return
			}
			for _, err := range []error{tokenErr, pageErr} {
				if fault := wantCode(t, err, oauth.CodeUnauthorizedClient); !strings.Contains(fault.Detail, c.want) {
					t.Errorf("detail %q does not say %q", fault.Detail, c.want)
				}
			}
			if directory.KindOf(approvalErr) != directory.KindConflict {
				t.Errorf("approval: %v", approvalErr)
			}
		})
	}
}

func TestAuthorizationCode(t *testing.T) {
	h := newHouse(t)
	q, err := h.Authorize(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	if q.Client != "Client okta" || q.Organization != "The acme company" || q.Redirect.Host != "idp.example" || q.Parameters.Get("state") != "a b&c" {
		t.Errorf("question %+v", q)
	}
	values := q.Parameters
	values.Set(oauth.FieldApproval, " "+h.approve()+"\n")
	location, err := h.Decide(t.Context(), values)
	if err != nil {
		t.Fatal(err)
	}
	answer := parsed(t, location)
	query := answer.Query()
	if answer.Host != "idp.example" || answer.Path != "/callback" || query.Get("tenant") != "1" || query.Get("state") != "a b&c" || query.Get("iss") != issuer {
		t.Errorf("answer %s", location)
	}
	tokens, err := h.exchange(query.Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	if !h.opens(tokens.Access) || h.opens(tokens.Refresh) {
		t.Error("the access token opens SCIM, the refresh token must not")
	}
	h.Advance(30 * 24 * time.Hour)
	refresh := by(okta, "grant_type", "refresh_token", "refresh_token", tokens.Refresh.Reveal())
	for range 2 {
		again, err := h.Token(t.Context(), refresh)
		if err != nil {
			t.Fatal(err)
		}
		if !again.Refresh.IsZero() || !h.opens(again.Access) {
			t.Errorf("refreshed %v", again)
		}
	}
	_, err = h.Token(t.Context(), by(daemon, "grant_type", "refresh_token", "refresh_token", tokens.Refresh.Reveal()))
	wantCode(t, err, oauth.CodeInvalidGrant)
	_, err = h.Token(t.Context(), by(okta, "grant_type", "refresh_token", "refresh_token", tokens.Access.Reveal()))
	wantCode(t, err, oauth.CodeInvalidGrant)
}

// TestCodeIsBound: a code is good for who got it, as it was got, on any node of the region.
func TestCodeIsBound(t *testing.T) {
	h := newHouse(t)
	grant := func(client directory.ClientID, code string, pairs ...string) oauth.Request {
		return by(client, append(pairs, "grant_type", "authorization_code", "code", code)...)
	}
	challenge := []string{"code_challenge", pkce, "code_challenge_method", "S256"}
	plain, challenged := h.code(h.approve()), h.code(h.approve(), challenge...)
	for name, c := range map[string]oauth.Request{
		"another client":            grant(stranger, plain, "redirect_uri", callback),
		"another of the same":       grant(daemon, plain, "redirect_uri", callback),
		"another URI":               grant(okta, plain, "redirect_uri", "https://idp.example/other"),
		"no URI":                    grant(okta, plain),
		"verifier without need":     grant(okta, plain, "redirect_uri", callback, "code_verifier", verifier),
		"no verifier":               grant(okta, challenged, "redirect_uri", callback),
		"wrong verifier":            grant(okta, challenged, "redirect_uri", callback, "code_verifier", verifier+"x"),
		"challenge as its verifier": grant(okta, challenged, "redirect_uri", callback, "code_verifier", pkce),
		"no code":                   grant(okta, "", "redirect_uri", callback),
		"an approval":               grant(okta, h.approve(), "redirect_uri", callback),
		"a changed code":            grant(okta, plain[:len(plain)-8]+"AAAAAAAA", "redirect_uri", callback),
		"a long code":               grant(okta, strings.Repeat("A", 5000), "redirect_uri", callback),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Token(t.Context(), c)
			wantCode(t, err, oauth.CodeInvalidGrant)
		})
	}
	for code, extra := range map[string][]string{plain: nil, challenged: {"code_verifier", verifier}} {
		if _, err := h.exchange(code, extra...); err != nil {
			t.Error("what was refused used the code up:", err)
		}
	}
	late := h.code(h.approve())
	h.Advance(oauth.CodeLife + time.Second)
	_, err := h.exchange(late)
	wantCode(t, err, oauth.CodeInvalidGrant)
}

// TestReplayedCode: whoever comes second gets nothing, and takes from the first what the code gave.
func TestReplayedCode(t *testing.T) {
	h := newHouse(t)
	approval := h.approve()
	code, twin := h.code(approval), h.code(approval)
	tokens, err := h.exchange(code)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.exchange(twin)
	wantCode(t, err, oauth.CodeInvalidGrant)
	if h.opens(tokens.Access) {
		t.Error("the access token outlives the replay")
	}
	_, err = h.Token(t.Context(), by(okta, "grant_type", "refresh_token", "refresh_token", tokens.Refresh.Reveal()))
	wantCode(t, err, oauth.CodeInvalidGrant)
	_, err = h.exchange(code) // the refresh token is not in the way any more
	wantCode(t, err, oauth.CodeInvalidGrant)
	if _, err := h.Decide(t.Context(), question(oauth.FieldApproval, approval)); !errors.Is(err, oauth.ErrApproval) {
		t.Errorf("a used approval gives %v", err)
	}
}

func TestCodeRace(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.approve())
	var mu sync.Mutex
	var won []oauth.Tokens
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if tokens, err := h.exchange(code); err == nil {
				mu.Lock()
				defer mu.Unlock()
				won = append(won, tokens)
			}
		})
	}
	group.Wait()
	if len(won) != 1 || h.opens(won[0].Access) {
		t.Errorf("%d exchanges won", len(won))
	}
}

func TestApproval(t *testing.T) {
	h := newHouse(t)
	foreign, _, err := h.Approve(t.Context(), globex, stranger)
	if err != nil {
		t.Fatal(err)
	}
	old := h.approve()
	h.Advance(oauth.ApprovalLife)
	elsewhere := h.node(seal.GenerateKeyring())
	other, _, err := elsewhere.Approve(t.Context(), acme, okta)
	if err != nil {
		t.Fatal(err)
	}
	for name, approval := range map[string]string{
		"none": "", "nonsense": "abc", "no base64": "###", "another client's": foreign.Reveal(), "expired": old,
		"of other keys": other.Reveal(), "a code": h.code(h.approve()),
	} {
		if _, err := h.Decide(t.Context(), question(oauth.FieldApproval, approval)); !errors.Is(err, oauth.ErrApproval) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		org    directory.OrganizationID
		client directory.ClientID
		want   directory.Kind
	}{
		"another organization's": {acme, stranger, directory.KindNotFound},
		"unknown":                {acme, "nobody", directory.KindNotFound},
		"needs none":             {acme, daemon, directory.KindConflict},
	} {
		if _, _, err := h.Approve(t.Context(), c.org, c.client); directory.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAuthorizationErrors: who hears of an error depends on whether the redirect URI is known to be the client's.
func TestAuthorizationErrors(t *testing.T) {
	h := newHouse(t)
	short := base64.RawURLEncoding.EncodeToString(make([]byte, sha256.Size-1))
	for name, c := range map[string]struct {
		values     url.Values
		want       oauth.Code
		redirected bool
	}{
		"no client":           {question("client_id", ""), oauth.CodeInvalidClient, false},
		"unknown client":      {question("client_id", "nobody"), oauth.CodeInvalidClient, false},
		"unknown URI":         {question("redirect_uri", callback+"&x=1"), oauth.CodeInvalidRequest, false},
		"path below":          {question("redirect_uri", "https://idp.example/callback/../evil"), oauth.CodeInvalidRequest, false},
		"no URI of two":       {question("redirect_uri", ""), oauth.CodeInvalidRequest, false},
		"client without URIs": {question("client_id", string(daemon)), oauth.CodeInvalidRequest, false},
		"twice":               {url.Values{"client_id": {"okta", "okta"}}, oauth.CodeInvalidRequest, false},
		"no response type":    {question("response_type", ""), oauth.CodeUnsupportedResponse, true},
		"implicit":            {question("response_type", "token"), oauth.CodeUnsupportedResponse, true},
		"plain challenge":     {question("code_challenge", verifier, "code_challenge_method", "plain"), oauth.CodeInvalidRequest, true},
		"silent challenge":    {question("code_challenge", pkce), oauth.CodeInvalidRequest, true},
		"method alone":        {question("code_challenge_method", "S256"), oauth.CodeInvalidRequest, true},
		"short challenge":     {question("code_challenge", short, "code_challenge_method", "S256"), oauth.CodeInvalidRequest, true},
		"endless state":       {question("state", strings.Repeat("x", 5000)), oauth.CodeInvalidRequest, true},
		"denied":              {question(oauth.FieldDeny, "1", oauth.FieldApproval, h.approve()), oauth.CodeAccessDenied, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Decide(t.Context(), c.values)
			fault := wantCode(t, err, c.want)
			if (fault.Redirect != "") != c.redirected {
				t.Fatalf("redirect %q", fault.Redirect)
			}
			if !c.redirected {
				return
			}
			query := parsed(t, fault.Redirect).Query()
			if query.Get("error") != string(c.want) || query.Get("iss") != issuer || query.Get("code") != "" || query.Get("error_description") == "" {
				t.Errorf("answer %s", fault.Redirect)
			}
		})
	}
	only, err := h.Authorize(t.Context(), form("response_type", "code", "client_id", string(stranger)))
	if err != nil || only.Redirect.String() != callback {
		t.Errorf("a client's only URI need not be named: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	h := newHouse(t)
	tokens, err := h.exchange(h.code(h.approve()))
	if err != nil {
		t.Fatal(err)
	}
	refreshed, err := h.Token(t.Context(), by(okta, "grant_type", "refresh_token", "refresh_token", tokens.Refresh.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	bearer, hash := seal.MintToken("dom_eu_")
	h.Must(acme, &command.CreateToken{Tokens: []command.NewToken{{ID: "bearer", Hash: hash, Name: "by hand"}}})

	wantCode(t, h.Revoke(t.Context(), by(okta)), oauth.CodeInvalidRequest)
	wantCode(t, h.Revoke(t.Context(), oauth.Request{Form: form("token", tokens.Access.Reveal())}), oauth.CodeInvalidClient)
	wantCode(t, h.Revoke(t.Context(), by(okta, "token", bearer.Reveal())), oauth.CodeUnsupportedToken)
	wantCode(t, h.Revoke(t.Context(), by(daemon, "token", tokens.Access.Reveal())), oauth.CodeInvalidGrant)
	wantCode(t, h.Revoke(t.Context(), by(stranger, "token", tokens.Refresh.Reveal())), oauth.CodeInvalidGrant)
	if !h.opens(tokens.Access) || !h.opens(bearer) {
		t.Error("what was refused revoked something")
	}
	for range 2 {
		if err := h.Revoke(t.Context(), by(okta, "token", tokens.Access.Reveal())); err != nil {
			t.Error(err)
		}
	}
	if h.opens(tokens.Access) || !h.opens(refreshed.Access) {
		t.Error("an access token goes alone")
	}
	if err := h.Revoke(t.Context(), by(okta, "token", tokens.Refresh.Reveal(), "token_type_hint", "access_token")); err != nil {
		t.Error(err)
	}
	if h.opens(refreshed.Access) {
		t.Error("with a refresh token go the access tokens")
	}
	_, err = h.Token(t.Context(), by(okta, "grant_type", "refresh_token", "refresh_token", tokens.Refresh.Reveal()))
	wantCode(t, err, oauth.CodeInvalidGrant)
	if !h.opens(bearer) {
		t.Error("a bearer token went too")
	}
}

// TestCutOff: a node that does not know says so, and nothing that looks like a refusal.
func TestCutOff(t *testing.T) {
	h := newHouse(t)
	h.Cut(true)
	_, token := h.Token(t.Context(), by(daemon, "grant_type", "client_credentials"))
	_, page := h.Authorize(t.Context(), question())
	_, decision := h.Decide(t.Context(), question())
	_, _, approval := h.Approve(t.Context(), acme, okta)
	revocation := h.Revoke(t.Context(), by(daemon, "token", "x"))
	for _, err := range []error{token, page, decision, approval, revocation} {
		if directory.KindOf(err) != directory.KindUnavailable {
			t.Error(err)
		}
	}
}

// TestErrorText: a description holds only what RFC 6749 allows.
func TestErrorText(t *testing.T) {
	h := newHouse(t)
	_, err := h.Token(t.Context(), by(daemon, "ü\"\\\n", "1", "ü\"\\\n", "2"))
	if fault := wantCode(t, err, oauth.CodeInvalidRequest); strings.ContainsFunc(fault.Detail, func(r rune) bool {
		return r < ' ' || r > '~' || r == '"' || r == '\\'
	}) {
		t.Errorf("%q", fault.Detail)
	}
}

// FuzzRequest: whatever a stranger sends gets no token.
func FuzzRequest(f *testing.F) {
	h := newHouse(f)
	for _, seed := range [][2]string{
		{"", "grant_type=client_credentials&client_id=daemon&client_secret=x"},
		{"Basic ZGFlbW9uOg==", "grant_type=client_credentials"},
		{"Basic OjpA", "grant_type=refresh_token&refresh_token=&client_id="},
		{"basic JTY0YWVtb246JXp6", "grant_type=authorization_code&code=AAAA&code_verifier=" + verifier},
		{"Bearer x", "token=x&token=y"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, authorization, body string) {
		values, _ := url.ParseQuery(body)
		if strings.Contains(authorization+body, secret) || values.Get("client_secret") == secret {
			return
		}
		request := oauth.Request{Authorization: authorization, Form: values}
		if tokens, err := h.Token(t.Context(), request); err == nil || !tokens.Access.IsZero() {
			t.Errorf("%q with %q bought a token", authorization, body)
		}
		if err := h.Revoke(t.Context(), request); err == nil {
			t.Errorf("%q with %q revoked", authorization, body)
		}
		if _, err := h.Authorize(t.Context(), values); err == nil && values.Get("response_type") != "code" {
			t.Errorf("%q is a question", body)
		}
	})
}
