package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// TestAttack12_tokensOfAnotherKind: a token that is good for one thing is good for nothing else.
func TestAttack12_tokensOfAnotherKind(t *testing.T) {
	w, acme := logoutWorld(t)
	b := acme.enter("alice@acme.example")
	address, body := acme.at("/revoke/"), `{"sub_id":{"format":"email","email":"alice@acme.example"}}`
	idToken := func(faults ...oidctest.Fault) string {
		acme.provider.Script(oidctest.Faults{Lasting: faults})
		defer acme.provider.Script(oidctest.Faults{})
		token, err := acme.provider.IDToken("client-acme", "sub-alice", "nonce")
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	revocation, err := acme.provider.RevocationToken("client-acme", address)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"ID token":                  idToken(),
		"ID token without nonce":    idToken(oidctest.NonceMissing),
		"ID token with the event":   idToken(oidctest.EventsClaim),
		"access token with events":  idToken(oidctest.EventsClaim, oidctest.NonceMissing, oidctest.TypAccessToken),
		"logout token of other typ": acme.logoutToken("sub-alice", "", oidctest.LogoutWrongTyp),
		"revocation token":          revocation,
	} {
		t.Run(name+" as a logout token", func(t *testing.T) {
			w.t = t
			machineError(t, acme.tell(token), http.StatusBadRequest, "invalid_request")
			w.holds(b, true)
		})
	}
	for name, token := range map[string]string{
		"ID token":               idToken(),
		"ID token without nonce": idToken(oidctest.NonceMissing),
		"access token":           idToken(oidctest.TypAccessToken, oidctest.NonceMissing),
		"logout token":           acme.logoutToken("sub-alice", ""),
	} {
		t.Run(name+" as a revocation token", func(t *testing.T) {
			w.t = t
			a := w.send(http.MethodPost, address, "application/json", body, "Authorization", "Bearer "+token)
			if a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
				t.Errorf("status %d %s", a.status, a.body)
			}
			w.holds(b, true)
		})
	}
	for _, fault := range []oidctest.Fault{oidctest.EventsClaim, oidctest.TypAccessToken} {
		t.Run(string(fault)+" as an ID token", func(t *testing.T) {
			w.t = t
			b := w.browser()
			callback := w.callback(b, "alice@acme.example", "/")
			acme.script("", fault)
			w.refused(b, w.get(b, callback), oidc.ReasonTokenType)
			acme.script("")
		})
	}
}

func TestAttack51_backchannel(t *testing.T) {
	w, acme := logoutWorld(t)
	evil := w.tenant("evil", "evil.example")
	evil.both("sub-alice", "alice@evil.example") // the same subject, of another provider
	acme.provider.AddUser(oidctest.User{Subject: "unused"})
	alice, mallory := acme.enter("alice@acme.example"), evil.enter("alice@evil.example")
	sid := acme.sids()[0]

	for _, fault := range []oidctest.Fault{
		oidctest.LogoutAlgNone, oidctest.LogoutWrongAlg, oidctest.LogoutSigBad, oidctest.LogoutWrongAud, oidctest.LogoutWrongIss,
		oidctest.LogoutWrongEvent, oidctest.LogoutNoEvent, oidctest.LogoutEventText, oidctest.LogoutNonce, oidctest.LogoutOld,
		oidctest.LogoutNoJTI, oidctest.LogoutNoSubject, oidctest.LogoutWrongTyp,
		oidctest.IssSlash, oidctest.IssCase, oidctest.AudArray, oidctest.AudMissing, oidctest.IatMissing, oidctest.IatFuture,
		oidctest.ExpPast, oidctest.NbfFuture, oidctest.SubEmpty, oidctest.SubLong, oidctest.SubNumber,
		oidctest.DuplicateClaims, oidctest.CaseFoldedClaims, oidctest.BigToken,
	} {
		t.Run(string(fault), func(t *testing.T) {
			w.t = t
			token := acme.logoutToken("sub-alice", sid, fault)
			if fault == oidctest.BigToken { // more than a request may have
				if a := acme.tell(token); a.status != http.StatusRequestEntityTooLarge {
					t.Errorf("status %d", a.status)
				}
				return
			}
			machineError(t, acme.tell(token), http.StatusBadRequest, "invalid_request")
		})
	}
	w.t = t
	w.holds(alice, true)

	t.Run("two minutes later", func(t *testing.T) {
		w.t = t
		token := acme.logoutToken("sub-alice", sid)
		w.ledger.Advance(2*time.Minute + time.Second)
		machineError(t, acme.tell(token), http.StatusBadRequest, "invalid_request")
		w.holds(alice, true)
	})
	t.Run("other tenant's provider at our connection", func(t *testing.T) {
		w.t = t
		machineError(t, acme.tell(evil.logoutToken("sub-alice", "")), http.StatusBadRequest, "invalid_request")
		foreign, err := evil.provider.LogoutToken("client-acme", "sub-alice", sid)
		if err != nil {
			t.Fatal(err)
		}
		machineError(t, acme.tell(foreign), http.StatusBadRequest, "invalid_request")
		w.holds(alice, true)
	})
	t.Run("other tenant's provider at its own connection", func(t *testing.T) {
		w.t = t
		if a := evil.tell(evil.logoutToken("sub-alice", "")); a.status != http.StatusOK {
			t.Errorf("status %d", a.status)
		}
		w.holds(mallory, false)
		w.holds(alice, true)
	})
	t.Run("our token at another tenant's connection", func(t *testing.T) {
		w.t = t
		machineError(t, evil.tell(acme.logoutToken("sub-alice", sid)), http.StatusBadRequest, "invalid_request")
		w.holds(alice, true)
	})
	t.Run("replayed", func(t *testing.T) {
		w.t = t
		token := acme.logoutToken("sub-alice", sid)
		if a := acme.tell(token); a.status != http.StatusOK {
			t.Errorf("status %d", a.status)
		}
		w.holds(alice, false)
		again := acme.enter("alice@acme.example")
		w.turn.Store(1)
		machineError(t, acme.tell(token), http.StatusBadRequest, "invalid_request")
		w.holds(again, true)
	})
}

func TestAttack52_frontchannel(t *testing.T) {
	w, acme := logoutWorld(t)
	evil := w.tenant("evil", "evil.example")
	b := acme.enter("alice@acme.example")
	sid, issuer := acme.sids()[0], acme.provider.Issuer()
	for name, test := range map[string]struct {
		at    *tenant
		query url.Values
		want  int
	}{
		"nothing":            {acme, url.Values{}, http.StatusBadRequest},
		"no sid":             {acme, url.Values{"iss": {issuer}}, http.StatusBadRequest},
		"no iss":             {acme, url.Values{"sid": {sid}}, http.StatusBadRequest},
		"empty sid":          {acme, url.Values{"iss": {issuer}, "sid": {""}}, http.StatusBadRequest},
		"long sid":           {acme, url.Values{"iss": {issuer}, "sid": {strings.Repeat("s", 256)}}, http.StatusBadRequest},
		"two sids":           {acme, url.Values{"iss": {issuer}, "sid": {"x", sid}}, http.StatusBadRequest},
		"two issuers":        {acme, url.Values{"iss": {"https://evil.example", issuer}, "sid": {sid}}, http.StatusBadRequest},
		"other issuer":       {acme, url.Values{"iss": {evil.provider.Issuer()}, "sid": {sid}}, http.StatusBadRequest},
		"issuer with slash":  {acme, url.Values{"iss": {issuer + "/"}, "sid": {sid}}, http.StatusBadRequest},
		"guessed sid":        {acme, url.Values{"iss": {issuer}, "sid": {"guessed"}}, http.StatusOK},
		"other connection":   {evil, url.Values{"iss": {issuer}, "sid": {sid}}, http.StatusBadRequest},
		"evil's own":         {evil, url.Values{"iss": {evil.provider.Issuer()}, "sid": {sid}}, http.StatusOK},
		"unknown connection": {&tenant{world: w, connection: "unknown"}, url.Values{"iss": {issuer}, "sid": {sid}}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			before := w.ledger.FSM.View().Seq()
			a := w.frame(test.at, test.query)
			if a.status != test.want {
				t.Errorf("status %d, want %d", a.status, test.want)
			}
			if framed := strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'"); framed != (test.want != http.StatusOK) {
				t.Errorf("policy %q", a.header.Get("Content-Security-Policy"))
			}
			if after := w.ledger.FSM.View().Seq(); after != before {
				t.Error("a stranger's request was written")
			}
			w.holds(b, true)
		})
	}
	w.t = t
	query := url.Values{"iss": {issuer}, "sid": {sid}}
	if a := w.send(http.MethodHead, acme.at("/frontchannel-logout/")+"?"+query.Encode(), "", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %d", a.status)
	}
	if a := w.send(http.MethodPost, acme.at("/frontchannel-logout/"), formType, query.Encode()); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", a.status)
	}
	w.holds(b, true)
	if a := w.frame(acme, query); a.status != http.StatusOK {
		t.Errorf("status %d", a.status)
	}
	w.holds(b, false)
}

func TestAttack59_revocation(t *testing.T) {
	w, acme := logoutWorld(t)
	evil := w.tenant("evil", "evil.example")
	evil.both("sub-alice", "alice@evil.example")
	evil.user(directory.SourceSCIM, "eve@evil.example", "shared@evil.example")
	alice := acme.enter("alice@acme.example")
	ask := func(x *tenant, token, subject string) visit {
		return w.send(http.MethodPost, x.at("/revoke/"), "application/json", `{"sub_id":`+subject+`}`, "Authorization", "Bearer "+token)
	}
	sign := func(x *tenant, client, endpoint string, faults ...oidctest.Fault) string {
		t.Helper()
		x.provider.Script(oidctest.Faults{Lasting: faults})
		defer x.provider.Script(oidctest.Faults{})
		token, err := x.provider.RevocationToken(client, endpoint)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	here, there := acme.at("/revoke/"), evil.at("/revoke/")
	byEmail, bySubject := `{"format":"email","email":"alice@acme.example"}`, `{"format":"iss_sub","iss":"`+acme.provider.Issuer()+`","sub":"sub-alice"}`
	for name, test := range map[string]struct {
		at      *tenant
		token   string
		subject string
		want    int
	}{
		"other tenant's address at its own endpoint": {evil, sign(evil, "client-evil", there), byEmail, http.StatusNotFound},
		"other tenant's subject at its own endpoint": {evil, sign(evil, "client-evil", there), bySubject, http.StatusNotFound},
		"other tenant's token at our endpoint":       {acme, sign(evil, "client-acme", here), byEmail, http.StatusUnauthorized},
		"our token at the other's endpoint":          {evil, sign(acme, "client-acme", there), byEmail, http.StatusUnauthorized},
		"token for the other's endpoint":             {acme, sign(acme, "client-acme", there), byEmail, http.StatusForbidden},
		"token for our client as audience":           {acme, sign(acme, "client-acme", "client-acme"), byEmail, http.StatusForbidden},
		"token for the other's client":               {acme, sign(acme, "client-evil", here), byEmail, http.StatusForbidden},
		"wrong issuer":                               {acme, sign(acme, "client-acme", here, oidctest.IssWrong), byEmail, http.StatusForbidden},
		"two audiences":                              {acme, sign(acme, "client-acme", here, oidctest.AudArray), byEmail, http.StatusForbidden},
		"alg none":                                   {acme, sign(acme, "client-acme", here, oidctest.AlgNone), byEmail, http.StatusUnauthorized},
		"key that is not published":                  {acme, sign(acme, "client-acme", here, oidctest.SigOtherKey), byEmail, http.StatusUnauthorized},
		"payload swapped":                            {acme, sign(acme, "client-acme", here, oidctest.PayloadSwapped), byEmail, http.StatusUnauthorized},
		"typ at+jwt":                                 {acme, sign(acme, "client-acme", here, oidctest.TypAccessToken), byEmail, http.StatusUnauthorized},
		"unknown crit":                               {acme, sign(acme, "client-acme", here, oidctest.CritUnknown), byEmail, http.StatusUnauthorized},
		"nonce":                                      {acme, sign(acme, "client-acme", here, oidctest.NonceOther), byEmail, http.StatusUnauthorized},
		"events":                                     {acme, sign(acme, "client-acme", here, oidctest.EventsClaim), byEmail, http.StatusUnauthorized},
		"at_hash":                                    {acme, sign(acme, "client-acme", here, oidctest.AtHashWrong), byEmail, http.StatusUnauthorized},
		"expired":                                    {acme, sign(acme, "client-acme", here, oidctest.ExpPast), byEmail, http.StatusUnauthorized},
		"no exp":                                     {acme, sign(acme, "client-acme", here, oidctest.ExpMissing), byEmail, http.StatusUnauthorized},
		"old":                                        {acme, sign(acme, "client-acme", here, oidctest.LogoutOld), byEmail, http.StatusUnauthorized},
		"no iat":                                     {acme, sign(acme, "client-acme", here, oidctest.IatMissing), byEmail, http.StatusUnauthorized},
		"no jti":                                     {acme, sign(acme, "client-acme", here, oidctest.LogoutNoJTI), byEmail, http.StatusUnauthorized},
		"claim twice":                                {acme, sign(acme, "client-acme", here, oidctest.DuplicateClaims), byEmail, http.StatusUnauthorized},
		"claims in other letter case":                {acme, sign(acme, "client-acme", here, oidctest.CaseFoldedClaims), byEmail, http.StatusUnauthorized},
		"address of the other tenant at ours":        {acme, sign(acme, "client-acme", here), `{"format":"email","email":"alice@evil.example"}`, http.StatusNotFound},
		"issuer of the other tenant at ours": {
			acme, sign(acme, "client-acme", here), `{"format":"iss_sub","iss":"` + evil.provider.Issuer() + `","sub":"sub-alice"}`, http.StatusNotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			if a := ask(test.at, test.token, test.subject); a.status != test.want {
				t.Errorf("status %d, want %d: %s", a.status, test.want, a.body)
			}
			w.holds(alice, true)
		})
	}
	w.t = t
	// The same subject of the other provider is another person.
	mallory := evil.enter("alice@evil.example")
	if a := ask(evil, sign(evil, "client-evil", there), `{"format":"opaque","id":"sub-alice"}`); a.status != http.StatusNoContent {
		t.Errorf("status %d", a.status)
	}
	w.holds(mallory, false)
	w.holds(alice, true)
	// One token for one user: it cannot be spent on a second.
	token := sign(acme, "client-acme", here)
	acme.both("sub-bob", "bob@acme.example")
	if a := ask(acme, token, `{"format":"email","email":"bob@acme.example"}`); a.status != http.StatusNoContent {
		t.Errorf("status %d", a.status)
	}
	machineError(t, ask(acme, token, byEmail), http.StatusUnauthorized, "invalid_token")
	w.holds(alice, true)
}
