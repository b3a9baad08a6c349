package main

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	cookieSession = "app_session"
	cookieLogin   = "app_login"
)

// app is the application. Its sessions live in memory, as a small one's may.
type app struct {
	url        string
	issuer     string
	endSession string // of the provider
	oauth      oauth2.Config
	verifier   *oidc.IDTokenVerifier

	mu       sync.Mutex // guards what follows
	sessions map[string]session
}

// session is somebody who is signed in here.
type session struct {
	sid     string // the region's name of its session
	idToken string // for signing out there
	claims  string // to be shown
	expires time.Time
}

func newApp(ctx context.Context, issuer, clientID, secret, url string) (*app, error) {
	provider, err := oidc.NewProvider(ctx, issuer) // reads issuer/.well-known/openid-configuration
	if err != nil {
		return nil, err
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, err
	}
	return &app{
		url: url, issuer: issuer, endSession: more.EndSession,
		oauth: oauth2.Config{
			ClientID: clientID, ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: url + "/callback",
			Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
		},
		verifier: provider.Verifier(&oidc.Config{ClientID: clientID}),
		sessions: make(map[string]session),
	}, nil
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /logout", a.logout)
	mux.HandleFunc("POST /backchannel-logout", a.backchannelLogout)
	return http.NewCrossOriginProtection().Handler(mux) // the back channel comes from no browser
}

var page = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><title>Sample</title>
{{if .}}<pre id="claims">{{.}}</pre><form method="post" action="/logout"><button>Sign out</button></form>
{{else}}<p><a href="/login">Sign in</a></p>{{end}}</html>
`))

// home shows who is signed in. A session whose ID token has expired is checked with the region first.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	s, ok := a.session(r)
	if ok && time.Now().After(s.expires) {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	_ = page.Execute(w, s.claims)
}

// login sends the browser to the region. State, nonce and PKCE verifier wait in a cookie of this browser.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	state, nonce, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	a.setCookie(w, cookieLogin, state+"."+nonce+"."+verifier)
	http.Redirect(w, r, a.oauth.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), http.StatusSeeOther)
}

// callback takes the code that the browser brings back.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	s, err := a.finish(r)
	a.dropCookie(w, cookieLogin)
	if err != nil {
		http.Error(w, "You could not be signed in: "+err.Error(), http.StatusBadRequest)
		return
	}
	id := oauth2.GenerateVerifier() // 256 random bits
	a.mu.Lock()
	a.sessions[id] = s
	a.mu.Unlock()
	a.setCookie(w, cookieSession, id)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) finish(r *http.Request) (session, error) {
	cookie, err := r.Cookie(cookieLogin)
	if err != nil {
		return session{}, errors.New("no sign-in was begun in this browser")
	}
	parts := strings.Split(cookie.Value, ".")
	query := r.URL.Query()
	switch {
	case len(parts) != 3 || query.Get("state") != parts[0]:
		return session{}, errors.New("this is the answer to another sign-in")
	case query.Get("iss") != a.issuer: // RFC 9207
		return session{}, errors.New("this is another provider's answer")
	case query.Has("error"):
		return session{}, errors.New("the region refused")
	}
	tokens, err := a.oauth.Exchange(r.Context(), query.Get("code"), oauth2.VerifierOption(parts[2]))
	if err != nil {
		return session{}, errors.New("the code was not accepted")
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := a.verifier.Verify(r.Context(), raw)
	if err != nil || token.Nonce != parts[1] {
		return session{}, errors.New("the ID token is not good")
	}
	var claims struct {
		SessionID string `json:"sid"`
	}
	var all map[string]any
	if err := errors.Join(token.Claims(&claims), token.Claims(&all)); err != nil {
		return session{}, err
	}
	shown, err := json.MarshalIndent(all, "", "  ")
	return session{sid: claims.SessionID, idToken: raw, claims: string(shown), expires: token.Expiry}, err
}

// logout ends the session here, and lets the region end its own.
func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	s, ok := a.session(r)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	a.end(s.sid)
	a.dropCookie(w, cookieSession)
	query := url.Values{"id_token_hint": {s.idToken}, "post_logout_redirect_uri": {a.url + "/"}}
	http.Redirect(w, r, a.endSession+"?"+query.Encode(), http.StatusSeeOther)
}

// backchannelLogout hears from the region itself that a session ended: somebody signed out elsewhere, or may not come in any
// more (OpenID Connect Back-Channel Logout §2.6).
func (a *app) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	token, err := a.verifier.Verify(r.Context(), r.PostFormValue("logout_token"))
	if err != nil {
		http.Error(w, "the logout token is not good", http.StatusBadRequest)
		return
	}
	var claims struct {
		SessionID string                     `json:"sid"`
		Nonce     *string                    `json:"nonce"`
		Events    map[string]json.RawMessage `json:"events"`
	}
	err = token.Claims(&claims)
	_, isLogout := claims.Events["http://schemas.openid.net/event/backchannel-logout"]
	if err != nil || !isLogout || claims.Nonce != nil || claims.SessionID == "" { // an ID token is no logout token
		http.Error(w, "the logout token is not good", http.StatusBadRequest)
		return
	}
	a.end(claims.SessionID)
}

func (a *app) session(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(cookieSession)
	if err != nil {
		return session{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[cookie.Value]
	return s, ok
}

// end forgets the sessions that came of one session of the region.
func (a *app) end(sid string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, s := range a.sessions {
		if s.sid == sid {
			delete(a.sessions, id)
		}
	}
}

func (a *app) setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(a.url, "https://"),
	})
}

func (a *app) dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1})
}
