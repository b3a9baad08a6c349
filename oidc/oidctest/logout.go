package oidctest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Further faults of logout tokens. Those in the payload of ID tokens happen in
// them too, and in revocation tokens.
const (
	LogoutWrongAlg  Fault = "logout_wrong_alg"  // by another published key than that of ID tokens
	LogoutEventText Fault = "logout_event_text" // the event is a text instead of an object
)

// EndSessionNotAnnounced leaves the end_session_endpoint out of the discovery
// document; always lasting.
const EndSessionNotAnnounced Fault = "end_session_not_announced"

// endSession ends the browser's session, tells its clients over the back
// channel, and sends the browser on (RP-Initiated Logout 1.0).
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.showError(w, "malformed request")
		return
	}
	clientID := r.Form.Get("client_id")
	if hint := r.Form.Get("id_token_hint"); hint != "" && clientID == "" {
		clientID = audienceOf(hint)
	}
	if s := p.dropSession(r); s != nil {
		for _, id := range s.clients {
			if c, ok := p.client(id); ok && c.BackchannelLogoutURI != "" {
				_ = p.BackchannelLogout(r.Context(), id, s.subject, s.sid) // best effort, as the specification has it
			}
		}
	}
	http.SetCookie(w, &http.Cookie{Name: p.cookie, Path: "/", MaxAge: -1, HttpOnly: true})
	target := r.Form.Get("post_logout_redirect_uri")
	if target == "" {
		p.render(w, http.StatusOK, "message", map[string]any{"Title": "Signed out", "Text": "You are signed out."})
		return
	}
	client, ok := p.client(clientID)
	if !ok || !allowedURI(client.PostLogoutRedirectURIs, target) {
		p.showError(w, "post-logout redirect URI is not registered")
		return
	}
	if state := r.Form.Get("state"); state != "" {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + url.Values{"state": {state}}.Encode()
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}

func (p *Provider) dropSession(r *http.Request) *session {
	c, err := r.Cookie(p.cookie)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sessions[c.Value]
	delete(p.sessions, c.Value)
	return s
}

// audienceOf reads the client from an ID token hint; an expired or foreign
// hint only loses the redirect.
func audienceOf(hint string) string {
	signed, err := jose.ParseSignedCompact(hint, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA})
	if err != nil {
		return ""
	}
	var c struct {
		Audience string `json:"aud"`
	}
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &c) != nil {
		return ""
	}
	return c.Audience
}

// LogoutToken signs a logout token, scripted faults included. An empty sub or
// sid is left out (Back-Channel Logout 1.0 section 2.4).
func (p *Provider) LogoutToken(clientID, sub, sid string) (string, error) {
	now := p.now()
	c := claims{
		{"iss", p.issuer},
		{"aud", clientID},
		{"iat", now.Unix()},
		{"exp", now.Add(2 * time.Minute).Unix()},
		{"jti", newSecret()},
		{"events", map[string]any{logoutEvent: map[string]any{}}},
	}
	if sub != "" {
		c.add("sub", sub)
	}
	if sid != "" {
		c.add("sid", sid)
	}
	p.wrong(&c, clientID)
	p.wrongLogout(&c)
	payload, err := c.MarshalJSON()
	if err != nil {
		return "", fmt.Errorf("marshal logout token: %w", err)
	}
	if p.fails(LogoutAlgNone) {
		return unsigned("none", payload), nil
	}
	how := signing{key: p.currentKey(), typ: "logout+jwt"}
	if p.fails(LogoutWrongTyp) {
		how.typ = "at+jwt"
	}
	if p.fails(LogoutWrongAlg) {
		how.key = otherKey(how.key)
	}
	signed, err := p.jws(how, payload)
	if err != nil {
		return "", err
	}
	if p.fails(LogoutSigBad) {
		return p.breakSignature(signed)
	}
	return signed.CompactSerialize()
}

func (p *Provider) wrongLogout(c *claims) {
	faults := []struct {
		fault Fault
		apply func()
	}{
		{LogoutNoEvent, func() { c.remove("events") }},
		{LogoutWrongEvent, func() { c.set("events", map[string]any{logoutEvent + "s": map[string]any{}}) }},
		{LogoutNonce, func() { c.set("nonce", newSecret()) }},
		{LogoutWrongAud, func() { c.set("aud", "another-client") }},
		{LogoutWrongIss, func() { c.set("iss", p.foreign()) }},
		{LogoutNoJTI, func() { c.remove("jti") }},
		{LogoutSameJTI, func() { c.set("jti", "always-the-same") }},
		{LogoutOld, func() { c.set("iat", p.now().Add(-time.Hour).Unix()) }},
		{LogoutNoSubject, func() { c.remove("sub"); c.remove("sid") }},
		{LogoutEventText, func() { c.set("events", map[string]any{logoutEvent: "yes"}) }},
	}
	for _, f := range faults {
		if p.fails(f.fault) {
			f.apply()
		}
	}
}

// BackchannelLogout posts a logout token to the client and returns an error
// unless the answer is 200 or 204. The session at the provider stays.
func (p *Provider) BackchannelLogout(ctx context.Context, clientID, sub, sid string) error {
	client, ok := p.client(clientID)
	if !ok || client.BackchannelLogoutURI == "" {
		return fmt.Errorf("client %q has no back-channel logout URI", clientID)
	}
	token, err := p.LogoutToken(clientID, sub, sid)
	if err != nil {
		return err
	}
	form := url.Values{"logout_token": {token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, client.BackchannelLogoutURI, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("back-channel logout: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.outbound.Do(req)
	if err != nil {
		return fmt.Errorf("back-channel logout: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("back-channel logout: client answered %d", resp.StatusCode)
	}
	return nil
}

// otherKey is a good key that the provider does not sign ID tokens with.
func otherKey(key keyName) keyName {
	if key == keyName(jose.RS256) {
		return keyName(jose.ES256)
	}
	return keyName(jose.RS256)
}

// RevocationToken signs the token with which the provider authenticates at a
// client's revocation endpoint, as Okta documents it for Universal Logout.
// Faults of ID tokens and of logout tokens happen in it too.
func (p *Provider) RevocationToken(clientID, endpoint string) (string, error) {
	now := p.now()
	c := claims{
		{"jti", newSecret()},
		{"iss", p.issuer},
		{"sub", clientID},
		{"aud", endpoint},
		{"exp", now.Add(tokenLifetime).Unix()},
		{"nbf", now.Add(-tokenLifetime).Unix()},
		{"iat", now.Unix()},
	}
	p.wrong(&c, clientID)
	p.wrongLogout(&c)
	return p.sign("global-token-revocation+jwt", c)
}

// Revoke asks a client to revoke everything of a subject, a JSON object such
// as {"format":"email","email":"…"}, and returns the status of the answer.
func (p *Provider) Revoke(ctx context.Context, clientID, endpoint, subject string) (int, error) {
	token, err := p.RevocationToken(clientID, endpoint)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(`{"sub_id":`+subject+`}`))
	if err != nil {
		return 0, fmt.Errorf("revoke: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := p.outbound.Do(req)
	if err != nil {
		return 0, fmt.Errorf("revoke: %w", err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
}
