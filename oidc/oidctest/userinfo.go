package oidctest

import (
	"net/http"
	"strings"
)

// userinfo answers the bearer of an access token (Core section 5.3).
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	switch {
	case p.fails(UserinfoFails):
		http.Error(w, "scripted failure", http.StatusInternalServerError)
		return
	case p.fails(UserinfoHuge):
		writeHuge(w)
		return
	}
	user, g, ok := p.bearer(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, "invalid token", http.StatusUnauthorized)
		return
	}
	c := claims{{"sub", user.Subject}}
	for _, m := range profile(user, g.scopes) {
		c.set(m.name, m.value)
	}
	if p.fails(UserinfoOtherSub) {
		c.set("sub", "another-subject")
	}
	if p.fails(UserinfoNoSub) {
		c.remove("sub")
	}
	if p.fails(UserinfoEmailVerified) {
		c.set("email_verified", true)
	}
	if p.fails(UserinfoOtherIss) {
		c.set("iss", p.foreign())
		c.set("aud", "another-client")
	}
	writeJSON(w, http.StatusOK, c)
}

func (p *Provider) bearer(r *http.Request) (User, grant, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return User{}, grant{}, false
	}
	p.mu.Lock()
	g, known := p.access[token]
	p.mu.Unlock()
	if !known || p.now().After(g.expires) {
		return User{}, grant{}, false
	}
	user, ok := p.user(bySubject(g.subject))
	return user, g, ok
}
