package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"domicile/jobs/posttest"
	"domicile/oidc/local/localtest"
	"domicile/oidc/oidctest"
	"domicile/test/region"
)

// mailbox is a mail server that keeps what it is given.
type mailbox struct {
	posttest.Sink
	address string
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{address: listener.Addr().String()}
	server := m.Server()
	go func() { _ = server.Serve(listener) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return m
}

// await waits for a new letter to an address that the pattern matches, and gives what it found.
func (m *mailbox) await(t *testing.T, to string, pattern *regexp.Regexp) string {
	t.Helper()
	found := ""
	eventually(t, "a letter to "+to, func() bool {
		for _, letter := range m.Letters() {
			if match := pattern.FindStringSubmatch(letter.Body); match != nil && strings.Join(letter.To, " ") == to {
				found = match[1]
			}
		}
		return found != ""
	})
	return found
}

// gatherer uses a region as people do, and notes every secret that it comes across on the way.
type gatherer struct {
	*world
	letters  *mailbox
	canaries map[string]string // by what it is
}

// note keeps a secret; what is too short would be found by chance.
func (g *gatherer) note(what, secret string) {
	if len(secret) >= 8 {
		g.canaries[fmt.Sprintf("%s (%d)", what, len(g.canaries))] = secret
	}
}

// login is the origin of the sign-in page: by its name, not its number.
func (g *gatherer) login() string {
	return strings.Replace(g.Nodes[0].URL, "127.0.0.1", "localhost", 1)
}

func (g *gatherer) noteCookies(t *testing.T, browser *oidctest.Browser) {
	t.Helper()
	origin, err := url.Parse(g.login())
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range browser.Cookies(origin) {
		g.note("cookie "+cookie.Name, cookie.Value)
	}
}

func (g *gatherer) noteQuery(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	for _, name := range []string{"code", "state", "nonce", "code_challenge", "id_token_hint"} {
		g.note(name, u.Query().Get(name))
	}
}

// signsIn walks through a sign-in that another node finishes.
func (g *gatherer) signsIn(t *testing.T, p oidctest.User, finish *region.Node, want int) *oidctest.Browser {
	t.Helper()
	host := strings.TrimPrefix(g.login(), "http://")
	browser := oidctest.NewBrowser(rewrite{from: host, to: hostOf(finish), only: "/signin-oidc/"})
	resp, trail, err := browser.SignIn(t.Context(), g.login()+"/login", p.Email, p.Password)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("the sign-in ended with %d\n%s", resp.StatusCode, body)
	}
	codes := 0
	for _, address := range trail {
		g.noteQuery(address)
		codes += strings.Count(address, "code=")
	}
	if codes == 0 {
		t.Fatalf("no code on the way %v", trail)
	}
	g.noteCookies(t, browser)
	return browser
}

// page sends a form, or asks for a page where there is none, and gives the answer with its body.
func (g *gatherer) page(t *testing.T, browser *oidctest.Browser, path string, form url.Values) (*http.Response, string) {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, g.login()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	g.noteCookies(t, browser)
	return resp, string(body)
}

// rotatesClientSecret gives the connection a second secret.
func (g *gatherer) rotatesClientSecret(t *testing.T) {
	t.Helper()
	const rotated = "canary-rotated-secret-91aa3e"
	g.note("rotated client secret", rotated)
	var list struct {
		Connections []struct {
			ID string `json:"id"`
		} `json:"connections"`
	}
	path := "/organizations/" + g.org.ID + "/connections"
	if err := g.Admin(t.Context(), g.Nodes[0], http.MethodGet, path, nil, &list); err != nil || len(list.Connections) != 1 {
		t.Fatalf("connections %v, %v", list, err)
	}
	path += "/" + list.Connections[0].ID + "/secret"
	if err := g.Admin(t.Context(), g.Nodes[2], http.MethodPost, path, map[string]any{"client_secret": rotated}, nil); err != nil {
		t.Fatal(err)
	}
	g.idp.SetClient(oidctest.Client{ID: "acme", Secret: rotated})
	digest(t, g.Region) // a sign-in that began before would have to begin again
}

// usesApplication signs somebody in to an application of the operator's.
func (g *gatherer) usesApplication(t *testing.T, browser *oidctest.Browser) {
	t.Helper()
	const callback = "https://shop.example/callback"
	var app struct {
		ID     string `json:"id"`
		Secret string `json:"client_secret"`
	}
	body := map[string]any{"name": "Shop", "redirect_uris": []string{callback}}
	if err := g.Admin(t.Context(), g.Nodes[0], http.MethodPost, "/applications", body, &app); err != nil || app.Secret == "" {
		t.Fatalf("%+v, %v", app, err)
	}
	g.note("application's secret", app.Secret)
	eventually(t, "the region has a signing key", func() bool {
		return strings.Contains(fetch(t.Context(), t, g.Region, g.Nodes[0].URL+"/oidc/jwks"), `"kid"`)
	})
	resp, text := g.page(t, browser, "/oidc/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {app.ID}, "redirect_uri": {callback}, "scope": {"openid profile email"},
		"state": {"canary-state-of-the-shop"}, "nonce": {"canary-nonce-of-the-shop"}, "login_hint": {"hint-canary@acme.example"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}.Encode(), nil)
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("the application gets no code: %d to %s\n%s", resp.StatusCode, back, text)
	}
	g.noteQuery(back.String())
	g.note("login hint", "hint-canary")
	const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	g.note("verifier", verifier)
	_, text = g.page(t, oidctest.NewBrowser(nil), "/oidc/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier},
		"client_id": {app.ID}, "client_secret": {app.Secret},
	})
	var tokens struct {
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(text), &tokens); err != nil || tokens.Access == "" || tokens.ID == "" {
		t.Fatalf("no tokens: %v %s", err, text)
	}
	g.note("access token", tokens.Access)
	g.note("ID token", tokens.ID)
	g.note("ID token's claims", strings.Split(tokens.ID, ".")[1])
	if status, raw, err := region.Call(t.Context(), g.Client, http.MethodGet, g.Nodes[1].URL+"/oidc/userinfo", tokens.Access, "", nil); err != nil || status != http.StatusOK {
		t.Errorf("userinfo: %d %s, %v", status, raw, err)
	}
	if err := g.Admin(t.Context(), g.Nodes[1], http.MethodPost, "/applications/"+app.ID+"/rotate-secret", map[string]any{}, &app); err != nil {
		t.Fatal(err)
	}
	g.note("application's rotated secret", app.Secret)
}

// signsOut shows the provider's ID token, with which the browser is sent there.
func (g *gatherer) signsOut(t *testing.T, browser *oidctest.Browser) {
	t.Helper()
	resp, _ := g.page(t, browser, "/logout", url.Values{})
	at, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || strings.Count(at.Query().Get("id_token_hint"), ".") != 2 {
		t.Fatalf("signed out to %s, %v", at, err)
	}
	g.noteQuery(at.String())
	g.note("provider's ID token's claims", strings.Split(at.Query().Get("id_token_hint"), ".")[1])
}

var (
	optionsOf  = regexp.MustCompile(`data-options="([^"]*)"`)
	codesOf    = regexp.MustCompile(`<code>([A-Z2-7]{5}(?:-[A-Z2-7]{5}){3})</code>`)
	setupLink  = regexp.MustCompile(`(?m)^ +http\S+(/login/setup/\S+?)\s*$`)
	mailedCode = regexp.MustCompile(`(?m)^ +(\d{4} \d{4})\s*$`)
)

// setsUp lets the root user and a break-glass address make passkeys and recovery codes, and sign in with them.
func (g *gatherer) setsUp(t *testing.T) {
	t.Helper()
	const root, glass = "root-canary@acme.example", "glass-canary@acme.example"
	body := map[string]any{"root": map[string]any{"email": root}, "break_glass": []string{glass}}
	organization := "/organizations/" + g.org.ID
	if err := g.Admin(t.Context(), g.Nodes[0], http.MethodPatch, organization, body, nil); err != nil {
		t.Fatal(err)
	}
	for address, entrance := range map[string]string{root: "/login/local", glass: "/login/emergency"} {
		link := g.letters.await(t, address, setupLink)
		g.note("set-up link", strings.TrimPrefix(link, "/login/setup/"))
		key := &localtest.Authenticator{Origin: g.login(), Domain: "localhost"}
		browser := oidctest.NewBrowser(nil)
		made := g.passkey(t, g.ask(t, browser, link), key.Create)
		_, page := g.page(t, browser, link+"/passkey", url.Values{"response": {made}, "name": {"Canary-Key"}})
		g.note("passkey's name", "Canary-Key")
		codes := codesOf.FindAllStringSubmatch(page, -1)
		if len(codes) != 10 {
			t.Fatalf("%d recovery codes\n%s", len(codes), page)
		}
		for _, code := range codes {
			g.note("recovery code", code[1])
		}
		resp := g.showsKey(t, browser, entrance, key, codes[0][1], address)
		if resp.StatusCode != http.StatusSeeOther || !strings.Contains(strings.Join(resp.Header.Values("Set-Cookie"), "\n"), "domicile_session") {
			t.Errorf("%s: %d, and no session", entrance, resp.StatusCode)
		}
	}
}

// showsKey signs in with a passkey, or where that is not enough with a recovery code and a mailed one.
func (g *gatherer) showsKey(t *testing.T, browser *oidctest.Browser, entrance string, key *localtest.Authenticator, recovery, address string) *http.Response {
	t.Helper()
	if entrance == "/login/local" {
		shown := g.passkey(t, g.ask(t, browser, entrance), key.Get)
		resp, _ := g.page(t, browser, entrance+"/passkey", url.Values{"response": {shown}})
		return resp
	}
	g.page(t, browser, entrance+"/recovery", url.Values{"email": {address}, "recovery": {recovery}})
	code := g.letters.await(t, address, mailedCode)
	g.note("mailed code", code)
	g.note("mailed code, as typed", strings.ReplaceAll(code, " ", ""))
	resp, _ := g.page(t, browser, entrance+"/code", url.Values{"code": {code}})
	return resp
}

// ask opens a page that asks for a passkey, and gives what it lets the browser ask for.
func (g *gatherer) ask(t *testing.T, browser *oidctest.Browser, path string) []byte {
	t.Helper()
	resp, page := g.page(t, browser, path, nil)
	found := optionsOf.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("%s asks for no passkey: %d\n%s", path, resp.StatusCode, page)
	}
	return []byte(html.UnescapeString(found[1]))
}

// passkey lets an authenticator answer, and notes what the answer has of the key and the challenge.
func (g *gatherer) passkey(t *testing.T, options []byte, do func([]byte) ([]byte, error)) string {
	t.Helper()
	answer, err := do(options)
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		ID       string         `json:"id"`
		Response map[string]any `json:"response"`
	}
	if err := json.Unmarshal(answer, &made); err != nil || made.ID == "" {
		t.Fatalf("%v in %s", err, answer)
	}
	g.note("passkey", made.ID)
	for name, value := range made.Response {
		if text, ok := value.(string); ok {
			g.note("passkey's "+name, text)
		}
	}
	return string(answer)
}
