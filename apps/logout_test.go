package apps_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/apps"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// An ID token of this very session vouches for the wish, whatever its age; everything else asks the person.
func TestLogout(t *testing.T) {
	h := newHouse(t)
	cookie := h.signIn(rosa, time.Time{})
	hint := h.tokens(cookie).ID.Reveal()
	foreign := h.tokens(h.signIn(other(h), time.Time{})).ID.Reveal()
	h.Advance(time.Hour)
	address, posts := receiver(t, http.StatusOK)
	h.put(&command.PutApplication{
		ID: billing, Name: "Billing", SecretHash: seal.HashToken(secret), RedirectURIs: []string{callback},
		LogoutURIs: []string{afterwards}, BackChannelURI: address,
	})
	errand := &directory.Errand{Application: billing, Subject: string(rosa), Detail: string(h.session(cookie).ID)}
	if err := h.DeliverLogout(t.Context(), errand); err != nil {
		t.Fatal(err)
	}
	logoutToken := strings.TrimPrefix(posts()[0], "logout_token=")
	for name, test := range map[string]struct {
		cookie   string
		values   url.Values
		ask      bool
		location string
	}{
		"hint":               {cookie, url.Values{"id_token_hint": {hint}}, false, ""},
		"hint and address":   {cookie, url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {afterwards}}, false, afterwards},
		"state":              {cookie, url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {afterwards}, "state": {"a&b"}}, false, afterwards + "?state=a%26b"},
		"state alone":        {cookie, url.Values{"id_token_hint": {hint}, "state": {"x"}}, false, ""},
		"another session's":  {h.signIn(rosa, time.Time{}), url.Values{"id_token_hint": {hint}}, true, ""},
		"another person's":   {cookie, url.Values{"id_token_hint": {foreign}}, true, ""},
		"a logout token":     {cookie, url.Values{"id_token_hint": {logoutToken}}, true, ""},
		"changed":            {cookie, url.Values{"id_token_hint": {hint[:len(hint)-4] + "AAAA"}}, true, ""},
		"nothing":            {cookie, url.Values{}, true, ""},
		"client and address": {cookie, url.Values{"client_id": {string(billing)}, "post_logout_redirect_uri": {afterwards}}, true, afterwards},
		"nobody signed in":   {"", url.Values{"client_id": {string(billing)}, "post_logout_redirect_uri": {afterwards}}, false, afterwards},
	} {
		t.Run(name, func(t *testing.T) {
			bye, err := h.Logout(t.Context(), test.cookie, test.values)
			if err != nil || bye.Ask != test.ask || bye.Location != test.location {
				t.Errorf("%+v, %v", bye, err)
			}
			if onward := h.node(h.ring).Onward(t.Context(), bye.Kept); onward != test.location || (bye.Kept == "") != (test.location == "") {
				t.Errorf("by way of the identity provider to %q", onward)
			}
			if !bye.Ask {
				return
			}
			// The answer to the question leads to the same place.
			again, err := h.Logout(t.Context(), "", bye.Parameters)
			if err != nil || again.Location != test.location {
				t.Errorf("after the question: %+v, %v", again, err)
			}
		})
	}
	for name, values := range map[string]url.Values{
		"no application":       {"post_logout_redirect_uri": {afterwards}},
		"another application":  {"post_logout_redirect_uri": {afterwards}, "client_id": {"nobody"}},
		"not registered":       {"id_token_hint": {hint}, "post_logout_redirect_uri": {afterwards + "/"}},
		"a redirect URI":       {"id_token_hint": {hint}, "post_logout_redirect_uri": {callback}},
		"evil":                 {"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://evil.example/"}},
		"hint of another":      {"id_token_hint": {hint}, "client_id": {string(spa)}},
		"given twice":          {"id_token_hint": {hint, hint}},
		"changed, with an URI": {"id_token_hint": {hint[:len(hint)-4] + "AAAA"}, "post_logout_redirect_uri": {afterwards}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Logout(t.Context(), cookie, values)
			wantFault(t, err, apps.CodeInvalidRequest, false)
		})
	}
	h.Cut(true)
	if _, err := h.Logout(t.Context(), cookie, url.Values{}); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("cut off: %v", err)
	}
}

// Where an application wants a browser after its provider's logout is sealed, for a while, and has to be the application's still.
func TestOnward(t *testing.T) {
	h := newHouse(t)
	leaving := func(state string) apps.Goodbye {
		t.Helper()
		bye, err := h.Logout(t.Context(), "", url.Values{
			"client_id": {string(billing)}, "post_logout_redirect_uri": {afterwards}, "state": {state},
		})
		if err != nil {
			t.Fatal(err)
		}
		return bye
	}
	bye := leaving(strings.Repeat("%", 2000))
	if onward := h.Onward(t.Context(), bye.Kept); onward != bye.Location || len(bye.Kept) > 4096-300 {
		t.Errorf("%d bytes lead to %q", len(bye.Kept), onward)
	}
	for name, kept := range map[string]string{
		"nothing": "", "garbage": "garbage", "changed": bye.Kept[:len(bye.Kept)-4] + "AAAA", "a request": keptElsewhere(t),
	} {
		if onward := h.Onward(t.Context(), kept); onward != "" {
			t.Errorf("%s leads to %q", name, onward)
		}
	}
	next, err := h.Authorize(t.Context(), "", asks())
	if err != nil || h.Onward(t.Context(), next.Request) != "" {
		t.Errorf("a request leads somewhere, %v", err)
	}
	h.Cut(true)
	if onward := h.Onward(t.Context(), bye.Kept); onward != "" {
		t.Errorf("cut off, it leads to %q", onward)
	}
	h.Cut(false)
	h.put(&command.PutApplication{ID: billing, Name: "Billing", RedirectURIs: []string{callback}, LogoutURIs: []string{afterwards + "/"}})
	if onward := h.Onward(t.Context(), bye.Kept); onward != "" {
		t.Errorf("it is not registered any more, and leads to %q", onward)
	}
	h.application(billing, directory.Hash{1}, callback)
	h.Advance(apps.RequestLife)
	if onward := h.Onward(t.Context(), bye.Kept); onward != "" {
		t.Errorf("too late, it leads to %q", onward)
	}
}

// receiver is an application's back-channel endpoint.
func receiver(t *testing.T, status int) (address string, posts func() []string) {
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("%s %s", r.Method, r.Header.Get("Content-Type"))
		}
		bodies = append(bodies, string(body))
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string { server.Close(); return bodies }
}

// Applications that know of a session are told that it ended; each telling is a token of its own.
func TestDeliverLogout(t *testing.T) {
	h := newHouse(t)
	address, posts := receiver(t, http.StatusNoContent)
	h.put(&command.PutApplication{
		ID: billing, Name: "Billing", SecretHash: seal.HashToken(secret), RedirectURIs: []string{callback}, BackChannelURI: address,
	})
	cookie := h.signIn(rosa, time.Time{})
	session := h.session(cookie)
	h.tokens(cookie)
	h.deactivate(rosa)
	var errands []*directory.Errand
	for errand := range h.FSM.View().Errands() {
		if errand.Kind == directory.ErrandLogout {
			errands = append(errands, errand)
		}
	}
	if len(errands) != 1 {
		t.Fatalf("%d errands", len(errands))
	}
	for range 2 {
		if err := h.DeliverLogout(t.Context(), errands[0]); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(map[any]bool)
	for _, body := range posts() {
		form, _ := url.ParseQuery(body)
		typ, claims := h.claims(form.Get("logout_token"))
		events, _ := json.Marshal(claims["events"])
		if typ != "logout+jwt" || claims["iss"] != issuer || claims["aud"] != string(billing) || claims["sub"] != string(rosa) ||
			claims["sid"] != string(session.ID) || string(events) != `{"http://schemas.openid.net/event/backchannel-logout":{}}` ||
			claims["exp"].(float64)-claims["iat"].(float64) != 120 || claims["nonce"] != nil || seen[claims["jti"]] {
			t.Errorf("%s %v", typ, claims)
		}
		seen[claims["jti"]] = true
	}
	if len(seen) != 2 {
		t.Errorf("%d posts", len(seen))
	}
}

// What cannot be delivered comes again; an application that is gone, or does not want to know, needs none.
func TestDeliverLogout_failures(t *testing.T) {
	h := newHouse(t)
	errand := &directory.Errand{Kind: directory.ErrandLogout, Organization: acme, Application: billing, Subject: "rosa", Detail: "sid"}
	if err := h.DeliverLogout(t.Context(), errand); err != nil {
		t.Errorf("it does not want to know: %v", err)
	}
	for _, status := range []int{http.StatusFound, http.StatusBadRequest, http.StatusServiceUnavailable} {
		address, _ := receiver(t, status)
		h.put(&command.PutApplication{ID: billing, Name: "Billing", RedirectURIs: []string{callback}, BackChannelURI: address})
		if err := h.DeliverLogout(t.Context(), errand); err == nil {
			t.Errorf("%d passed", status)
		}
	}
	address, posts := receiver(t, http.StatusOK)
	posts() // closes it
	h.put(&command.PutApplication{ID: billing, Name: "Billing", RedirectURIs: []string{callback}, BackChannelURI: address})
	if err := h.DeliverLogout(t.Context(), errand); err == nil {
		t.Error("nobody listens, and it passed")
	}
	h.Must("", &command.DeleteApplication{ID: billing})
	if err := h.DeliverLogout(t.Context(), errand); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}
