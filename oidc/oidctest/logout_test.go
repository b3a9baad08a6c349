package oidctest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"domicile/oidc/oidctest"
)

func TestEndSession(t *testing.T) {
	rp := newParty(t, oidctest.Config{})
	received := make(chan string, 4)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		received <- r.PostFormValue("logout_token")
	}))
	t.Cleanup(other.Close)
	rp.idp.SetClient(oidctest.Client{ID: "other", BackchannelLogoutURI: other.URL})

	b := oidctest.NewBrowser(nil)
	if status, _ := rp.walk(b, ada.Password); status != 200 {
		t.Fatalf("sign-in %d", status)
	}
	// The same browser signs in to the other client, which will be told.
	q := url.Values{"client_id": {"other"}, "redirect_uri": {rp.server.URL + "/bye"}, "response_type": {"code"}, "scope": {"openid"}}
	if _, _, err := b.SignIn(t.Context(), rp.idp.Issuer()+"/authorize?"+q.Encode(), "", ""); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		q    url.Values
		want string // last URL
	}{
		{"foreign target", url.Values{"client_id": {"app"}, "post_logout_redirect_uri": {"https://evil.example"}}, "/logout"},
		{"by hint", url.Values{"id_token_hint": {rp.raw}, "post_logout_redirect_uri": {rp.server.URL + "/bye"}, "state": {"s"}}, "/bye?state=s"},
		{"by client", url.Values{"client_id": {"app"}, "post_logout_redirect_uri": {rp.server.URL + "/bye"}}, "/bye"},
		{"nothing", url.Values{}, "/logout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, trail, err := b.SignIn(t.Context(), rp.idp.Issuer()+"/logout?"+tt.q.Encode(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			if last := trail[len(trail)-1]; !strings.Contains(last, tt.want) {
				t.Errorf("ended at %s", last)
			}
		})
	}
	token := <-received
	verifier := rp.provider.Verifier(&oidc.Config{ClientID: "other"})
	logout, err := verifier.VerifyLogout(t.Context(), token)
	if err != nil || logout.Subject != ada.Subject {
		t.Errorf("logout token %+v, %v", logout, err)
	}
	if status, _ := rp.walk(b, "wrong"); status != 401 {
		t.Errorf("session outlives logout: %d", status)
	}
}

func TestBackchannelLogout(t *testing.T) {
	rp := newParty(t, oidctest.Config{})
	verifier := rp.provider.Verifier(&oidc.Config{ClientID: "app"})
	seen := map[string]bool{}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw := r.PostFormValue("logout_token")
		header, payload := parts(t, raw)
		logout, err := verifier.VerifyLogout(r.Context(), raw)
		old := strings.Contains(payload, `"old":`)
		if err != nil || header["typ"] != "logout+jwt" || old || seen[logout.TokenID] || !strings.Contains(payload, `"sid":"sid-1"`) {
			http.Error(w, "refused", http.StatusBadRequest)
			return
		}
		seen[logout.TokenID] = true
	}))
	t.Cleanup(endpoint.Close)
	rp.idp.SetClient(oidctest.Client{ID: "app", Secret: "s", BackchannelLogoutURI: endpoint.URL})

	send := func(faults ...oidctest.Fault) error {
		rp.idp.Script(oidctest.Faults{Lasting: faults})
		return rp.idp.BackchannelLogout(t.Context(), "app", ada.Subject, "sid-1")
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []oidctest.Fault{
		oidctest.LogoutAlgNone, oidctest.LogoutSigBad, oidctest.LogoutNoEvent, oidctest.LogoutWrongEvent, oidctest.LogoutNonce,
		oidctest.LogoutWrongAud, oidctest.LogoutWrongIss, oidctest.LogoutNoJTI, oidctest.LogoutNoSubject, oidctest.LogoutWrongTyp,
	} {
		if err := send(f); err == nil {
			t.Errorf("%s was accepted", f)
		}
	}
	if err := send(oidctest.LogoutSameJTI); err != nil {
		t.Error(err)
	}
	if err := send(oidctest.LogoutSameJTI); err == nil {
		t.Error("replayed jti was accepted")
	}
	if err := rp.idp.BackchannelLogout(t.Context(), "unknown", "", ""); err == nil {
		t.Error("unknown client")
	}
	rp.idp.Script(oidctest.Faults{Once: []oidctest.Fault{oidctest.LogoutOld}})
	old, err := rp.idp.LogoutToken("app", ada.Subject, "")
	if err != nil {
		t.Fatal(err)
	}
	if logout, err := verifier.VerifyLogout(t.Context(), old); err != nil || logout.Expiry.Sub(logout.IssuedAt).Hours() < 1 {
		t.Errorf("old token %+v, %v", logout, err)
	}
}
