package oidc

import (
	"encoding/json"
	"testing"
)

func TestParseClaims(t *testing.T) {
	for _, text := range []string{`{}`, `{"sub":"a"}`, ` {"sub" : "a" , "x":{"sub":"b","SUB":1}} `, `{"Custom":1,"custom":2}`} {
		if _, err := parseClaims([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		``, `null`, `[]`, `"a"`, `{`, `{"a":1`, `{"a":1}x`, `{"a":1}{}`, `{"a":1,}`, `{"sub":"a","sub":"b"}`, `{"x":1,"x":1}`,
		`{"SUB":"a"}`, `{"sub":"a","Sub":"b"}`, "{\"\u017fub\":\"b\"}", `{"\u017fub":"b"}`, `{"s\u0075b":"a","sub":"b"}`, `{"ISS":"x"}`,
		"{\"sub\":\"\xff\"}", `{"Email_Verified":true}`,
	} {
		if claims, err := parseClaims([]byte(text)); err == nil {
			t.Errorf("%q gave %v", text, claims)
		}
	}
}

func TestClaimSet_types(t *testing.T) {
	claims, err := parseClaims([]byte(`{"sub":1,"iss":null,"aud":["a","b"],"exp":"1","iat":1.9,"nbf":-1,"azp":{},"email_verified":"true","hd":"x","auth_time":1e300}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sub", "iss", "azp", "absent", "exp"} {
		if _, ok := claims.text(name); name != "exp" && ok {
			t.Errorf("%s is a text", name)
		}
	}
	for _, name := range []string{"exp", "nbf", "auth_time", "absent", "iss"} {
		if _, ok := claims.seconds(name); ok {
			t.Errorf("%s is a time", name)
		}
	}
	if at, ok := claims.seconds("iat"); !ok || at != 1 {
		t.Errorf("iat %d %v", at, ok)
	}
	if audience := claims.audience(); len(audience) != 2 {
		t.Errorf("aud %v", audience)
	}
	if yes, said := claims.truth("email_verified"); !yes || !said {
		t.Error("email_verified as a text")
	}
	if yes, said := claims.truth("hd"); yes || !said {
		t.Error("a text that is not a truth value counts as no")
	}
}

// FuzzParseClaims compares with encoding/json: what we accept, it accepts, and finds the same members.
func FuzzParseClaims(f *testing.F) {
	for _, seed := range []string{`{"sub":"a"}`, `{"a":[1,{"b":null}]}`, `{"sub":"a","SUB":"b"}`, `{"\u0073ub":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		claims, err := parseClaims(text)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil || len(want) != len(claims) {
			t.Errorf("%q: %d members, encoding/json %d (%v)", text, len(claims), len(want), err)
		}
	})
}
