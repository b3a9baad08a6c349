package oidctest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const codeLifetime = 60 * time.Second

// grant is what a code, and later an access token, stands for.
type grant struct {
	client      string
	redirectURI string
	subject     string
	sid         string
	nonce       string
	scopes      []string
	challenge   string
	authTime    time.Time
	expires     time.Time
}

// authRequest is a checked authorization request.
type authRequest struct {
	client      Client
	redirectURI string
	state       string
	mode        string // "query" or "form_post"
	hint        string
	prompts     []string
	maxAge      time.Duration // negative: not asked
	query       url.Values
}

// parseAuthRequest returns an error text for a page when the client or the
// redirect URI is wrong, since then nothing may be sent back.
func (p *Provider) parseAuthRequest(q url.Values) (authRequest, string) {
	client, ok := p.client(q.Get("client_id"))
	if !ok {
		return authRequest{}, "unknown client"
	}
	if !allowedURI(client.RedirectURIs, q.Get("redirect_uri")) {
		return authRequest{}, "redirect URI is not registered"
	}
	a := authRequest{
		client:      client,
		redirectURI: q.Get("redirect_uri"),
		state:       q.Get("state"),
		mode:        q.Get("response_mode"),
		hint:        q.Get("login_hint"),
		prompts:     strings.Fields(q.Get("prompt")),
		maxAge:      -1,
		query:       q,
	}
	if a.mode != "form_post" {
		a.mode = "query"
	}
	if seconds, err := strconv.Atoi(q.Get("max_age")); err == nil && seconds >= 0 {
		a.maxAge = time.Duration(seconds) * time.Second
	}
	return a, ""
}

// refusal is the OAuth error code for a request that cannot succeed, "" if it
// can.
func (a authRequest) refusal() string {
	switch {
	case a.query.Get("response_type") != "code":
		return "unsupported_response_type"
	case !slices.Contains(strings.Fields(a.query.Get("scope")), "openid"):
		return "invalid_scope"
	case a.query.Get("code_challenge") != "" && a.query.Get("code_challenge_method") != "S256":
		return "invalid_request"
	case slices.Contains(a.prompts, "none") && len(a.prompts) > 1:
		return "invalid_request"
	default:
		return ""
	}
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.showError(w, "malformed request")
		return
	}
	a, problem := p.parseAuthRequest(r.Form)
	if problem != "" {
		p.showError(w, problem)
		return
	}
	if code := a.refusal(); code != "" {
		p.answer(w, a, url.Values{"error": {code}})
		return
	}
	if p.fails(ResponseError) {
		p.answer(w, a, url.Values{
			"error":             {"access_denied"},
			"error_description": {`<h1>call +1 555 0100</h1><script>alert(1)</script>`},
		})
		return
	}
	s := p.sessionOf(r)
	fresh := s != nil && (a.maxAge < 0 || p.now().Sub(s.authTime) <= a.maxAge)
	asked := slices.Contains(a.prompts, "login") || slices.Contains(a.prompts, "select_account")
	switch {
	case fresh && !asked:
		p.grant(w, a, s)
	case slices.Contains(a.prompts, "none"):
		p.answer(w, a, url.Values{"error": {"login_required"}})
	default:
		p.showLogin(w, http.StatusOK, a, "")
	}
}

// login receives the form of the login page; the authorization request is in
// its query.
func (p *Provider) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		p.showError(w, "malformed form")
		return
	}
	a, problem := p.parseAuthRequest(r.URL.Query())
	if problem != "" {
		p.showError(w, problem)
		return
	}
	if code := a.refusal(); code != "" {
		p.answer(w, a, url.Values{"error": {code}})
		return
	}
	user, ok := p.authenticate(r.PostForm)
	if !ok {
		a.hint = r.PostForm.Get("email")
		p.showLogin(w, http.StatusUnauthorized, a, "E-mail or password is wrong.")
		return
	}
	p.grant(w, a, p.openSession(w, user.Subject))
}

func (p *Provider) authenticate(form url.Values) (User, bool) {
	if subject := form.Get("as"); subject != "" && p.demo {
		return p.user(bySubject(subject))
	}
	user, ok := p.user(byEmail(form.Get("email")))
	return user, ok && user.Password != "" && user.Password == form.Get("password")
}

func (p *Provider) openSession(w http.ResponseWriter, subject string) *session {
	s := &session{sid: newSecret(), subject: subject, authTime: p.now()}
	id := newSecret()
	p.mu.Lock()
	p.sessions[id] = s
	p.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: p.cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return s
}

func (p *Provider) sessionOf(r *http.Request) *session {
	c, err := r.Cookie(p.cookie)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[c.Value]
}

// grant issues a code for the session and sends the browser back.
func (p *Provider) grant(w http.ResponseWriter, a authRequest, s *session) {
	code := newSecret()
	p.mu.Lock()
	p.forgetExpired()
	if !slices.Contains(s.clients, a.client.ID) {
		s.clients = append(s.clients, a.client.ID)
	}
	p.codes[code] = grant{
		client:      a.client.ID,
		redirectURI: a.redirectURI,
		subject:     s.subject,
		sid:         s.sid,
		nonce:       a.query.Get("nonce"),
		scopes:      strings.Fields(a.query.Get("scope")),
		challenge:   a.query.Get("code_challenge"),
		authTime:    s.authTime,
		expires:     p.now().Add(codeLifetime),
	}
	p.mu.Unlock()
	p.answer(w, a, url.Values{"code": {code}})
}

// forgetExpired keeps a long-running demo small. The caller holds mu.
func (p *Provider) forgetExpired() {
	now := p.now()
	old := func(_ string, g grant) bool { return now.After(g.expires) }
	maps.DeleteFunc(p.codes, old)
	maps.DeleteFunc(p.access, old)
}

// answer sends parameters to the client, with state and iss (RFC 9207).
func (p *Provider) answer(w http.ResponseWriter, a authRequest, params url.Values) {
	if a.state != "" {
		params.Set("state", a.state)
	}
	params.Set("iss", p.issuer)
	if p.fails(ResponseIssMissing) || p.scripted(IssNotSupported) {
		params.Del("iss")
	}
	if p.fails(ResponseIssWrong) {
		params.Set("iss", p.foreign())
	}
	if p.fails(ResponseStateMissing) {
		params.Del("state")
	}
	if p.fails(ResponseStateOther) {
		params.Set("state", newSecret())
	}
	if p.fails(ResponseDuplicate) {
		params["code"] = append(params["code"], newSecret())
		params["state"] = append(params["state"], newSecret())
	}
	if a.mode == "form_post" {
		p.showFormPost(w, a.redirectURI, params)
		return
	}
	target := a.redirectURI
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	w.Header().Set("Location", target+separator+params.Encode())
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}
