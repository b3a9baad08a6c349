package oidc

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

func TestHint(t *testing.T) {
	ring := seal.GenerateKeyring()
	at := func(region string, dev bool) *Service {
		identity := testIdentity()
		identity.Region = region
		return New(Deps{Keyring: ring, Identity: identity, Dev: dev})
	}
	s := at("eu", false)
	value := s.sealHint("session", testIssuer, "header.payload.signature")
	if token, ok := s.openHint("session", testIssuer, value); !ok || token != "header.payload.signature" {
		t.Fatalf("opened %q, %v", token, ok)
	}
	if strings.Contains(value, "payload") || s.sealHint("session", testIssuer, "") != "" {
		t.Errorf("sealed %q", value)
	}
	for name, open := range map[string]func() (string, bool){
		"other session": func() (string, bool) { return s.openHint("another", testIssuer, value) },
		"other issuer":  func() (string, bool) { return s.openHint("session", testIssuer+"/", value) },
		"other region":  func() (string, bool) { return at("us", false).openHint("session", testIssuer, value) },
		"other cookie":  func() (string, bool) { return at("eu", true).openHint("session", testIssuer, value) },
		"altered":       func() (string, bool) { return s.openHint("session", testIssuer, value[:40]+"AAAA"+value[44:]) },
		"none":          func() (string, bool) { return s.openHint("session", testIssuer, "") },
		"not base64":    func() (string, bool) { return s.openHint("session", testIssuer, "*") },
		"too long":      func() (string, bool) { return s.openHint("session", testIssuer, strings.Repeat("A", maxSealedHint+1)) },
	} {
		if token, ok := open(); ok {
			t.Errorf("%s: opened %q", name, token)
		}
	}
	longest := 0
	for n := 2000; n < 4000; n += 10 {
		if value := s.sealHint("session", testIssuer, strings.Repeat("x", n)); value != "" {
			longest = len(value)
		}
	}
	if longest < maxSealedHint-100 || longest > maxSealedHint {
		t.Errorf("the longest hint has %d bytes", longest)
	}
}

// claimsOf writes a payload with changes: a nil value leaves a claim out.
func claimsOf(t *testing.T, good map[string]any, changes map[string]any) claimSet {
	t.Helper()
	payload := maps.Clone(good)
	for name, value := range changes {
		payload[name] = value
		if value == nil {
			delete(payload, name)
		}
	}
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := parseClaims(text)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

type changes = map[string]any

func TestReadLogout(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	at := func(offset time.Duration) int64 { return now.Add(offset).Unix() }
	registered := &directory.Connection{ID: connection, Issuer: testIssuer, ClientID: "client"}
	good := map[string]any{
		"iss": testIssuer, "aud": "client", "iat": at(0), "exp": at(2 * time.Minute), "jti": "1", "sub": "s", "sid": "sid",
		"events": map[string]any{logoutEvent: map[string]any{}},
	}
	tests := []struct {
		name    string
		changes changes
		want    Reason
	}{
		{"correct", nil, ""},
		{"audience in a list", changes{"aud": []string{"client"}}, ""},
		{"no exp", changes{"exp": nil}, ""},
		{"subject only", changes{"sid": nil}, ""},
		{"session only", changes{"sub": nil}, ""},
		{"two minutes old", changes{"iat": at(-2 * time.Minute)}, ""},
		{"a minute ahead", changes{"iat": at(time.Minute)}, ""},
		{"another event beside it", changes{"events": map[string]any{logoutEvent: map[string]any{"x": 1}, "urn:x": 1}}, ""},
		{"no events", changes{"events": nil}, ReasonTokenType},
		{"events is a list", changes{"events": []string{logoutEvent}}, ReasonTokenType},
		{"another event", changes{"events": map[string]any{logoutEvent + "s": map[string]any{}}}, ReasonTokenType},
		{"the event is a text", changes{"events": map[string]any{logoutEvent: "{}"}}, ReasonTokenType},
		{"the event is null", changes{"events": map[string]any{logoutEvent: nil}}, ReasonTokenType},
		{"nonce", changes{"nonce": "n"}, ReasonTokenType},
		{"empty nonce", changes{"nonce": ""}, ReasonTokenType},
		{"other issuer", changes{"iss": testIssuer + "/"}, ReasonTokenIssuer},
		{"no issuer", changes{"iss": nil}, ReasonTokenIssuer},
		{"other audience", changes{"aud": "other"}, ReasonTokenAudience},
		{"no audience", changes{"aud": nil}, ReasonTokenAudience},
		{"two audiences", changes{"aud": []string{"client", "other"}}, ReasonTokenAudience},
		{"too old", changes{"iat": at(-121 * time.Second)}, ReasonTokenTime},
		{"ahead", changes{"iat": at(61 * time.Second)}, ReasonTokenTime},
		{"no iat", changes{"iat": nil}, ReasonTokenTime},
		{"iat is a text", changes{"iat": "1800000000"}, ReasonTokenTime},
		{"expired", changes{"exp": at(-61 * time.Second)}, ReasonTokenTime},
		{"exp is a text", changes{"exp": "never"}, ReasonTokenTime},
		{"nbf ahead", changes{"nbf": at(61 * time.Second)}, ReasonTokenTime},
		{"no jti", changes{"jti": nil}, ReasonTokenClaims},
		{"empty jti", changes{"jti": ""}, ReasonTokenClaims},
		{"jti is a number", changes{"jti": 1}, ReasonTokenClaims},
		{"long jti", changes{"jti": strings.Repeat("j", 256)}, ReasonTokenClaims},
		{"neither subject nor session", changes{"sub": nil, "sid": nil}, ReasonTokenSubject},
		{"subject is a number", changes{"sub": 1}, ReasonTokenSubject},
		{"empty subject beside a session", changes{"sub": ""}, ReasonTokenSubject},
		{"empty session beside a subject", changes{"sid": ""}, ReasonTokenSubject},
		{"long subject", changes{"sub": strings.Repeat("s", 256)}, ReasonTokenSubject},
		{"long session", changes{"sid": strings.Repeat("s", 256)}, ReasonTokenSubject},
		{"subject with a control character", changes{"sub": "a\nb"}, ReasonTokenSubject},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			notice, reason := readLogout(claimsOf(t, good, test.changes), now, registered)
			if reason != test.want {
				t.Fatalf("reason %q, want %q", reason, test.want)
			}
			if reason == "" && (notice.id != "1" || notice.subject == "" && notice.session == "") {
				t.Errorf("read %+v", notice)
			}
		})
	}
}

func TestJudgeRevocation(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	at := func(offset time.Duration) int64 { return now.Add(offset).Unix() }
	registered := &directory.Connection{ID: connection, Issuer: testIssuer, ClientID: "client"}
	const here = "https://eu.example.com/revoke/connection"
	good := map[string]any{
		"iss": testIssuer, "sub": "client", "aud": here, "jti": "1",
		"iat": at(0), "nbf": at(-5 * time.Minute), "exp": at(5 * time.Minute),
	}
	tests := []struct {
		name    string
		changes changes
		want    Reason
	}{
		{"correct", nil, ""},
		{"no sub", changes{"sub": nil}, ""},
		{"no nbf", changes{"nbf": nil}, ""},
		{"ten minutes ahead", changes{"exp": at(10 * time.Minute)}, ""},
		{"nonce", changes{"nonce": "n"}, ReasonTokenType},
		{"at_hash", changes{"at_hash": "h"}, ReasonTokenType},
		{"c_hash", changes{"c_hash": "h"}, ReasonTokenType},
		{"events", changes{"events": map[string]any{}}, ReasonTokenType},
		{"lives too long", changes{"exp": at(12 * time.Minute)}, ReasonTokenTime},
		{"expired", changes{"exp": at(-61 * time.Second)}, ReasonTokenTime},
		{"no exp", changes{"exp": nil}, ReasonTokenTime},
		{"no iat", changes{"iat": nil}, ReasonTokenTime},
		{"old", changes{"iat": at(-11 * time.Minute)}, ReasonTokenTime},
		{"iat ahead", changes{"iat": at(2 * time.Minute)}, ReasonTokenTime},
		{"nbf ahead", changes{"nbf": at(2 * time.Minute)}, ReasonTokenTime},
		{"no jti", changes{"jti": nil}, ReasonTokenClaims},
		{"other issuer", changes{"iss": "https://other.example"}, ReasonTokenIssuer},
		{"other endpoint", changes{"aud": here + "x"}, ReasonTokenAudience},
		{"audience of ID tokens", changes{"aud": "client"}, ReasonTokenAudience},
		{"two audiences", changes{"aud": []string{here, "client"}}, ReasonTokenAudience},
		{"no audience", changes{"aud": nil}, ReasonTokenAudience},
		{"other client", changes{"sub": "other"}, ReasonTokenAudience},
		{"sub is a number", changes{"sub": 1}, ReasonTokenAudience},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id, _, reason := judgeRevocation(claimsOf(t, good, test.changes), now, registered, here)
			if reason != test.want || reason == "" && id != "1" {
				t.Errorf("id %q, reason %q, want %q", id, reason, test.want)
			}
		})
	}
}

func TestReadSubject(t *testing.T) {
	tests := []struct {
		body string
		want subjectID // the zero value: refused
	}{
		{`{"sub_id":{"format":"email","email":"a@b.example"}}`, subjectID{"email", "", "a@b.example"}},
		{`{"subject":{"format":"iss_sub","iss":"i","sub":"s"},"x":1}`, subjectID{"iss_sub", "i", "s"}},
		{`{"sub_id":{"format":"opaque","id":"7"}}`, subjectID{"opaque", "", "7"}},
		{`{"sub_id":{"format":"email","email":"a@b.example"},"subject":{"format":"opaque","id":"7"}}`, subjectID{}},
		{`{"sub_id":{"format":"email","email":"a@b.example","sub":"s"}}`, subjectID{}},
		{`{"sub_id":{"format":"email","email":"a@b.example","email":"c@b.example"}}`, subjectID{}},
		{`{"sub_id":{"format":"iss_sub","iss":"i"}}`, subjectID{}},
		{`{"sub_id":{"format":"iss_sub","sub":"s"}}`, subjectID{}},
		{`{"sub_id":{"format":"iss_sub","iss":"i","sub":7}}`, subjectID{}},
		{`{"sub_id":{"format":"phone_number","phone_number":"1"}}`, subjectID{}},
		{`{"sub_id":{"format":"opaque","id":""}}`, subjectID{}},
		{`{"sub_id":{"format":"opaque","id":7}}`, subjectID{}},
		{`{"sub_id":{}}`, subjectID{}},
		{`{"sub_id":"a@b.example"}`, subjectID{}},
		{`{"sub_id":null}`, subjectID{}},
		{`{}`, subjectID{}},
		{``, subjectID{}},
		{`[]`, subjectID{}},
	}
	for _, test := range tests {
		subject, ok := readSubject([]byte(test.body))
		if ok != (test.want != subjectID{}) || ok && subject != test.want {
			t.Errorf("%s is %+v, %v", test.body, subject, ok)
		}
	}
}

func FuzzReadSubject(f *testing.F) {
	f.Add([]byte(`{"sub_id":{"format":"iss_sub","iss":"i","sub":"s"}}`))
	f.Add([]byte(`{"subject":{"format":"email","email":"a@b.example"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		subject, ok := readSubject(body)
		if ok && (subject.format == "" || subject.value == "" || (subject.format == formatIssuerSubject) != (subject.issuer != "")) {
			t.Errorf("%q is %+v", body, subject)
		}
	})
}

func TestSubjectID_find(t *testing.T) {
	l := newLedger(t)
	l.user(directory.SourceSCIM, "alice@acme.example", "ext-alice", true, "alice@acme.example")
	l.user(directory.SourceSCIM, "bob", "", true, "bob@acme.example", "second@acme.example")
	l.user(directory.SourceInvited, "ivan@acme.example", "ext-ivan", true, "ivan@acme.example")
	l.user(directory.SourceInvited, "linus@acme.example", "", true, "linus@acme.example")
	l.user(directory.SourceSCIM, "twin1", "ext-twin", true, "twin@acme.example")
	l.user(directory.SourceSCIM, "twin2", "ext-twin", true, "twin@acme.example")
	l.session("alice@acme.example", "sub-alice")
	l.session("linus@acme.example", "sub-linus")
	l.stranger("eve@evil.example", "ext-eve")
	view, _ := l.View(context.Background(), state.Local())
	d, _ := view.Directory(acme)
	registered, _ := d.Connection(connection)
	tests := []struct {
		name    string
		subject subjectID
		want    string // user, or reason
	}{
		{"linked subject", subjectID{formatIssuerSubject, testIssuer, "sub-alice"}, "alice@acme.example"},
		{"subject of another issuer", subjectID{formatIssuerSubject, "https://other.example", "sub-alice"}, "subject_unknown"},
		{"unknown subject", subjectID{formatIssuerSubject, testIssuer, "sub-nobody"}, "subject_unknown"},
		{"externalId is no subject", subjectID{formatIssuerSubject, testIssuer, "ext-alice"}, "subject_unknown"},
		{"opaque subject", subjectID{formatOpaque, "", "sub-linus"}, "linus@acme.example"},
		{"opaque externalId", subjectID{formatOpaque, "", "ext-alice"}, "alice@acme.example"},
		{"opaque externalId of two", subjectID{formatOpaque, "", "ext-twin"}, "subject_unknown"},
		{"externalId outside SCIM", subjectID{formatOpaque, "", "ext-ivan"}, "subject_unknown"},
		{"externalId of another organization", subjectID{formatOpaque, "", "ext-eve"}, "subject_unknown"},
		{"userName", subjectID{formatEmail, "", "alice@acme.example"}, "alice@acme.example"},
		{"userName in capitals", subjectID{formatEmail, "", "ALICE@ACME.example"}, "alice@acme.example"},
		{"primary address", subjectID{formatEmail, "", "bob@acme.example"}, "bob"},
		{"second address", subjectID{formatEmail, "", "second@acme.example"}, "subject_unknown"},
		{"invited and linked", subjectID{formatEmail, "", "linus@acme.example"}, "linus@acme.example"},
		{"invited and not linked", subjectID{formatEmail, "", "ivan@acme.example"}, "subject_unknown"},
		{"address of two", subjectID{formatEmail, "", "twin@acme.example"}, "subject_protected"},
		{"root user", subjectID{formatEmail, "", "root@acme.example"}, "subject_protected"},
		{"address in another organization", subjectID{formatEmail, "", "eve@evil.example"}, "subject_unknown"},
		{"nobody", subjectID{formatEmail, "", "nobody@acme.example"}, "subject_unknown"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			if user, reason := test.subject.find(d, registered); reason == "" {
				got = string(user.ID)
			} else {
				got = string(reason)
			}
			if got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

// stranger is a user of another organization, whose connection has the same provider.
func (l *ledger) stranger(name, external string) {
	l.tb.Helper()
	for _, p := range []command.Payload{
		&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
			Slug: "evil", Name: "Evil", Domains: []string{"evil.example"}, Profile: directory.ProfileInterop,
		}},
		&command.CreateUser{ID: directory.ResourceID(name), Source: directory.SourceSCIM, UserFields: command.UserFields{
			Active: true, UserName: name, UserNameKey: directory.Fold(name), ExternalID: external, Emails: []string{name}, Attributes: "{}",
		}},
	} {
		if _, err := l.Propose(context.Background(), command.Command{Organization: "evil", Actor: "operator", Payload: p}); err != nil {
			l.tb.Fatal(err)
		}
	}
}

func TestMetrics_logouts(t *testing.T) {
	for how, outcomes := range logoutOutcomes() {
		for _, outcome := range outcomes {
			if _, known := classes[Reason(outcome)]; !known && how != meansReturn {
				t.Errorf("%s has no reason %q", how, outcome)
			}
		}
	}
}
