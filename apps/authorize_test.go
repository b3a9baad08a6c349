package apps_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/apps"
	"domicile/directory"
	"domicile/fsm/command"
)

// wantFault checks an OAuth error, and whether the application hears of it.
func wantFault(t *testing.T, err error, code apps.Code, told bool) *apps.Error {
	t.Helper()
	fault, ok := errors.AsType[*apps.Error](err)
	if !ok || fault.Code != code || (fault.Redirect != "") != told || fault.Detail == "" {
		t.Fatalf("%#v, want %s", err, code)
	}
	for _, r := range fault.Detail {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			t.Errorf("detail %q cannot be an error_description", fault.Detail)
		}
	}
	if told {
		query := queryOf(t, fault.Redirect)
		if query.Get("error") != string(code) || query.Get("iss") != issuer || query.Has("code") {
			t.Errorf("the application is told %s", fault.Redirect)
		}
	}
	return fault
}

// With a session the application has its code at once; the answer says who answers (RFC 9207) and echoes the state.
func TestAuthorize(t *testing.T) {
	h := newHouse(t)
	next, err := h.Authorize(t.Context(), h.signIn(rosa, time.Time{}), asks())
	if err != nil || !strings.HasPrefix(next.Location, callback+"&") {
		t.Fatalf("%+v, %v", next, err)
	}
	if query := queryOf(t, next.Location); query.Get("state") != "a state & more" || query.Get("iss") != issuer || query.Get("tenant") != "1" {
		t.Errorf("answer %s", next.Location)
	}
}

// Until application and address are certain, nobody but the person is told anything.
func TestAuthorize_redirectTricks(t *testing.T) {
	h := newHouse(t)
	cookie := h.signIn(rosa, time.Time{})
	for _, uri := range []string{
		"", "https://billing.example/callback", callback + "&x=1", callback + "#", callback + "/", "https://billing.example/callback?tenant=2",
		"https://billing.example/callback?TENANT=1", "HTTPS://billing.example/callback?tenant=1", "https://billing.example:443/callback?tenant=1",
		"https://billing.example/a/../callback?tenant=1", "https://billing.example/%63allback?tenant=1", "https://evil.example/",
		"https://billing.example@evil.example/callback?tenant=1", "https://billing.example.evil.example/callback?tenant=1",
		"//billing.example/callback?tenant=1", "javascript:alert(1)", callback + "\r\nX: y", callback + " ", " " + callback, spaBack,
		"https://billing.example\\@evil.example/callback?tenant=1",
	} {
		_, err := h.Authorize(t.Context(), cookie, asks("redirect_uri", uri))
		wantFault(t, err, apps.CodeInvalidRequest, false)
	}
	_, err := h.Authorize(t.Context(), cookie, asks("client_id", "nobody"))
	wantFault(t, err, apps.CodeInvalidClient, false)
	for _, name := range []string{"redirect_uri", "client_id", "state", "nonce", "whatever"} {
		values := asks()
		values[name] = append(values[name], "again", "again")
		_, err := h.Authorize(t.Context(), cookie, values)
		wantFault(t, err, apps.CodeInvalidRequest, false)
	}
}

// Everything else that is wrong is for the application.
func TestAuthorize_refused(t *testing.T) {
	h := newHouse(t)
	cookie := h.signIn(rosa, time.Time{})
	for name, test := range map[string]struct {
		code  apps.Code
		pairs []string
	}{
		"no PKCE":                {apps.CodeInvalidRequest, []string{"code_challenge", "", "code_challenge_method", ""}},
		"no challenge":           {apps.CodeInvalidRequest, []string{"code_challenge", ""}},
		"no method":              {apps.CodeInvalidRequest, []string{"code_challenge_method", ""}},
		"plain":                  {apps.CodeInvalidRequest, []string{"code_challenge", verifier, "code_challenge_method", "plain"}},
		"challenge too short":    {apps.CodeInvalidRequest, []string{"code_challenge", s256[:42]}},
		"challenge not base64":   {apps.CodeInvalidRequest, []string{"code_challenge", strings.Repeat("=", 43)}},
		"implicit":               {apps.CodeUnsupportedResponse, []string{"response_type", "id_token"}},
		"hybrid":                 {apps.CodeUnsupportedResponse, []string{"response_type", "code id_token"}},
		"no type":                {apps.CodeUnsupportedResponse, []string{"response_type", ""}},
		"fragment":               {apps.CodeInvalidRequest, []string{"response_mode", "fragment"}},
		"form_post":              {apps.CodeInvalidRequest, []string{"response_mode", "form_post"}},
		"no openid":              {apps.CodeInvalidScope, []string{"scope", "profile email"}},
		"no scope":               {apps.CodeInvalidScope, []string{"scope", ""}},
		"prompt none and login":  {apps.CodeInvalidRequest, []string{"prompt", "none login"}},
		"unknown prompt":         {apps.CodeInvalidRequest, []string{"prompt", "create"}},
		"max_age":                {apps.CodeInvalidRequest, []string{"max_age", "-1"}},
		"max_age overflows":      {apps.CodeInvalidRequest, []string{"max_age", "99999999999999999999"}},
		"request object":         {apps.CodeNoRequestObject, []string{"request", "eyJ"}},
		"request_uri":            {apps.CodeNoRequestURI, []string{"request_uri", "https://evil.example"}},
		"state too long":         {apps.CodeInvalidRequest, []string{"state", strings.Repeat("s", 2001)}},
		"nonce too long":         {apps.CodeInvalidRequest, []string{"nonce", strings.Repeat("n", 301)}},
		"foreign hint":           {apps.CodeInvalidRequest, []string{"id_token_hint", "a.b.c"}},
		"huge hint":              {apps.CodeInvalidRequest, []string{"id_token_hint", strings.Repeat("h", 1<<20)}},
		"hint for somebody else": {apps.CodeLoginRequired, []string{"prompt", "none", "id_token_hint", h.tokens(h.signIn(other(h), time.Time{})).ID.Reveal()}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Authorize(t.Context(), cookie, asks(test.pairs...))
			fault := wantFault(t, err, test.code, true)
			if state := queryOf(t, fault.Redirect).Get("state"); state != "a state & more" && name != "state too long" {
				t.Errorf("state %q", state)
			}
		})
	}
}

// other makes somebody else.
func other(h *house) directory.ResourceID {
	h.user("tom")
	return "tom"
}

// Without a session the request waits in the browser, and goes on when somebody has signed in.
func TestAuthorize_signInFirst(t *testing.T) {
	h := newHouse(t)
	long := strings.Repeat("s", 2000)
	next, err := h.Authorize(t.Context(), "nobody", asks("login_hint", "rosa@acme.example", "state", long))
	if err != nil || next.Location != "" || next.Request == "" || next.Hint != "rosa@acme.example" {
		t.Fatalf("%+v, %v", next, err)
	}
	if len(next.Request) > 4096-300 || strings.Contains(next.Request, "billing") {
		t.Errorf("%d bytes to keep: %s", len(next.Request), next.Request)
	}
	again, err := h.Resume(t.Context(), "nobody", next.Request)
	if err != nil || again.Location != "" {
		t.Errorf("nobody signed in: %+v, %v", again, err)
	}
	done, err := h.node(h.ring).Resume(t.Context(), h.signIn(rosa, time.Time{}), next.Request) // on another node
	if err != nil || queryOf(t, done.Location).Get("state") != long || queryOf(t, done.Location).Get("code") == "" {
		t.Errorf("%+v, %v", done, err)
	}

	cookie := h.signIn(rosa, time.Time{})
	for name, kept := range map[string]string{
		"empty": "", "garbage": "garbage", "changed": next.Request[:len(next.Request)-8] + "AAAAAAAA", "a code": h.code(cookie),
		"of another region": keptElsewhere(t), "huge": strings.Repeat("A", 1<<20),
	} {
		if _, err := h.Resume(t.Context(), cookie, kept); !errors.Is(err, apps.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.put(&command.PutApplication{ID: billing, Name: "Billing", RedirectURIs: []string{"https://billing.example/other"}})
	_, err = h.Resume(t.Context(), cookie, next.Request) // its redirect URI was taken away
	wantFault(t, err, apps.CodeInvalidRequest, false)
	h.Advance(apps.RequestLife)
	if _, err := h.Resume(t.Context(), cookie, next.Request); !errors.Is(err, apps.ErrRequest) {
		t.Errorf("too late: %v", err)
	}
}

func keptElsewhere(t *testing.T) string {
	next, err := newHouse(t).Authorize(t.Context(), "", asks())
	if err != nil {
		t.Fatal(err)
	}
	return next.Request
}

// A request that does not fit a cookie is refused, not cut.
func TestAuthorize_tooLarge(t *testing.T) {
	h := newHouse(t)
	long := "https://billing.example/" + strings.Repeat("p", 1900)
	h.application(billing, directory.Hash{1}, long)
	_, err := h.Authorize(t.Context(), "", asks("redirect_uri", long, "state", strings.Repeat("s", 2000)))
	wantFault(t, err, apps.CodeInvalidRequest, true)
}

// prompt=none never shows a page: a code, login_required, or temporarily_unavailable.
func TestAuthorize_silent(t *testing.T) {
	h := newHouse(t)
	_, err := h.Authorize(t.Context(), "", asks("prompt", "none"))
	wantFault(t, err, apps.CodeLoginRequired, true)
	cookie := h.signIn(rosa, h.Now().Add(-time.Hour))
	h.code(cookie, "prompt", "none")
	h.code(cookie, "prompt", "none", "max_age", "3700")
	h.code(cookie, "prompt", "none", "id_token_hint", h.tokens(cookie).ID.Reveal())
	_, err = h.Authorize(t.Context(), cookie, asks("prompt", "none", "max_age", "3500"))
	wantFault(t, err, apps.CodeLoginRequired, true)
}

// prompt=login and max_age want a sign-in that is newer than the request, and say so; one that the provider did not make the
// person authenticate for is refused, not passed off as one, and so is one of which nobody says when that was.
func TestAuthorize_again(t *testing.T) {
	for name, test := range map[string]struct {
		demand apps.Demand
		pairs  []string
	}{
		"login":             {apps.Demand{Login: true}, []string{"prompt", "login"}},
		"max_age 0":         {apps.Demand{Login: true}, []string{"max_age", "0"}},
		"max_age":           {apps.Demand{MaxAge: 600}, []string{"max_age", "600"}},
		"login and max_age": {apps.Demand{Login: true, MaxAge: 600}, []string{"prompt", "login", "max_age", "600"}},
		"login and account": {apps.Demand{Login: true, Select: true}, []string{"prompt", "login select_account"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			old := h.signIn(rosa, h.Now().Add(-time.Hour))
			next, err := h.Authorize(t.Context(), old, asks(test.pairs...))
			if err != nil || next.Request == "" {
				t.Fatalf("%+v, %v", next, err)
			}
			if demand := h.Demand(next.Request); demand != test.demand {
				t.Errorf("the sign-in has to be %+v", demand)
			}
			if again, err := h.Resume(t.Context(), old, next.Request); err != nil || again.Location != "" {
				t.Errorf("with the old session: %+v, %v", again, err)
			}
			_, err = h.Resume(t.Context(), h.signIn(rosa, h.Now().Add(-time.Hour)), next.Request)
			wantFault(t, err, apps.CodeLoginRequired, true)
			if test.demand.Login {
				_, err = h.Resume(t.Context(), h.signIn(rosa, time.Time{}), next.Request)
				wantFault(t, err, apps.CodeLoginRequired, true)
			}
			behind := h.Now().Add(-30 * time.Second) // by a clock that is
			done, err := h.Resume(t.Context(), h.signIn(rosa, behind), next.Request)
			if err != nil || queryOf(t, done.Location).Get("code") == "" {
				t.Errorf("%+v, %v", done, err)
			}
		})
	}
}

// A provider that never says when people authenticate is told once to do it now; if that is not done either, it is refused.
func TestAuthorize_untold(t *testing.T) {
	h := newHouse(t)
	next, err := h.Authorize(t.Context(), "", asks("max_age", "600"))
	if err != nil || h.Demand(next.Request) != (apps.Demand{MaxAge: 600}) {
		t.Fatalf("%+v, %v", next, err)
	}
	untold := h.signIn(rosa, time.Time{})
	for range 3 { // coming back with the same session is no second try
		next, err = h.Resume(t.Context(), untold, next.Request)
		if err != nil || h.Demand(next.Request) != (apps.Demand{Login: true, MaxAge: 600}) {
			t.Fatalf("%+v, %v", next, err)
		}
	}
	_, err = h.Resume(t.Context(), h.signIn(rosa, time.Time{}), next.Request)
	wantFault(t, err, apps.CodeLoginRequired, true)
	done, err := h.Resume(t.Context(), h.signIn(rosa, h.Now()), next.Request)
	if err != nil || queryOf(t, done.Location).Get("code") == "" {
		t.Errorf("%+v, %v", done, err)
	}
	_, err = h.Authorize(t.Context(), untold, asks("max_age", "600", "prompt", "none"))
	wantFault(t, err, apps.CodeLoginRequired, true)
	root := h.local("root@acme.example") // signed in here, and we know when
	h.code(root, "max_age", "600")
}

// prompt=select_account wants another sign-in, and no new authentication; prompt=consent wants nothing.
func TestAuthorize_selectAccount(t *testing.T) {
	h := newHouse(t)
	old := h.signIn(rosa, h.Now().Add(-time.Hour))
	h.code(old, "prompt", "consent")
	next, err := h.Authorize(t.Context(), old, asks("prompt", "select_account"))
	if err != nil || h.Demand(next.Request) != (apps.Demand{Select: true}) {
		t.Fatalf("%+v, %v", next, err)
	}
	if again, err := h.Resume(t.Context(), old, next.Request); err != nil || again.Location != "" {
		t.Errorf("with the old session: %+v, %v", again, err)
	}
	done, err := h.Resume(t.Context(), h.signIn(rosa, time.Time{}), next.Request)
	if err != nil || queryOf(t, done.Location).Get("code") == "" {
		t.Errorf("%+v, %v", done, err)
	}
}

// Whoever gives up goes back to the application, which is told.
func TestAbandon(t *testing.T) {
	h := newHouse(t)
	next, err := h.Authorize(t.Context(), "", asks("prompt", "login"))
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, h.Abandon(t.Context(), next.Request), apps.CodeAccessDenied, true)
	if err := h.Abandon(t.Context(), "garbage"); !errors.Is(err, apps.ErrRequest) {
		t.Errorf("garbage: %v", err)
	}
	if demand := h.Demand("garbage"); demand != (apps.Demand{}) {
		t.Errorf("garbage demands %+v", demand)
	}
	h.Advance(apps.RequestLife)
	if err := h.Abandon(t.Context(), next.Request); !errors.Is(err, apps.ErrRequest) {
		t.Errorf("too late: %v", err)
	}
}

// A break-glass session opens no application; the root user's does.
func TestAuthorize_breakGlass(t *testing.T) {
	h := newHouse(t)
	_, err := h.Authorize(t.Context(), h.local("fire@acme.example"), asks())
	wantFault(t, err, apps.CodeAccessDenied, true)
	h.code(h.local("root@acme.example"))
}

// A node that is cut off says so, and tells no application that nobody is signed in.
func TestAuthorize_cutOff(t *testing.T) {
	h := newHouse(t)
	cookie := h.signIn(rosa, time.Time{})
	h.Cut(true)
	for _, prompt := range []string{"", "none"} {
		if _, err := h.Authorize(t.Context(), cookie, asks("prompt", prompt)); directory.KindOf(err) != directory.KindUnavailable {
			t.Errorf("prompt %q: %v", prompt, err)
		}
	}
}

// Whatever a stranger sends is refused in words, and goes to registered addresses only.
func FuzzAuthorize(f *testing.F) {
	f.Add(asks().Encode())
	f.Add("client_id=billing&redirect_uri=" + url.QueryEscape(callback) + "&state=%0d%0a")
	f.Add(asks("max_age", "1", "prompt", "login", "id_token_hint", "e30.e30.e30").Encode())
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query)
		next, err := h.Authorize(t.Context(), "", values)
		if err == nil {
			if next.Location != "" || next.Request == "" {
				t.Errorf("%+v without a session", next)
			}
			return
		}
		fault, ok := errors.AsType[*apps.Error](err)
		if !ok {
			t.Fatal(err)
		}
		at, _, _ := strings.Cut(fault.Redirect, "?")
		if at != "" && at != "https://billing.example/callback" && at != "https://billing.example/other" && at != spaBack {
			t.Errorf("sent to %s", fault.Redirect)
		}
		if strings.ContainsAny(fault.Redirect, "\r\n \"<>") {
			t.Errorf("not an address: %q", fault.Redirect)
		}
	})
}
