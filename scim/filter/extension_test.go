package filter

import (
	"testing"

	"domicile/scim/schema"
)

// own gives a resource type with schemas of an organization's own, whose URNs are prefixes of each other.
func own(t testing.TB, rt *schema.ResourceType) *schema.ResourceType {
	t.Helper()
	var extensions []schema.Extension
	for _, urn := range []string{"urn:xx:hr", "urn:xx:hr:2.0", "urn:xx:hr:2.0:Person"} {
		s, err := schema.ParseExtension([]byte(`{"id":"` + urn + `","attributes":[
			{"name":"grade","type":"integer"}, {"name":"pay","type":"decimal"}, {"name":"since","type":"dateTime"}, {"name":"remote","type":"boolean"},
			{"name":"pin","mutability":"writeOnly"}, {"name":"tags","multiValued":true,"caseExact":true},
			{"name":"secret","type":"complex","mutability":"writeOnly","subAttributes":[{"name":"value"}]},
			{"name":"doors","type":"complex","multiValued":true,"subAttributes":[{"name":"value"},{"name":"kind"}]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		extensions = append(extensions, schema.Extension{Schema: s})
	}
	return rt.With(extensions...)
}

func TestExtensions(t *testing.T) {
	for _, rt := range []*schema.ResourceType{schema.User(), schema.Group()} {
		rt := own(t, rt)
		o, _, err := schema.Parse(rt, []byte(`{"userName":"u","displayName":"d","urn:xx:hr":{"grade":1,"tags":["A"],"doors":[{"value":"d1","kind":"front"},{"value":"d2","kind":"back"}]},
			"urn:xx:hr:2.0":{"grade":20,"pay":1.50,"since":"2026-01-31T12:00:00+02:00","remote":true},"urn:xx:hr:2.0:Person":{"grade":300}}`), schema.Interop())
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]bool{
			`urn:xx:hr:grade eq 1`: true, `urn:xx:hr:2.0:grade eq 20`: true, `URN:XX:HR:2.0:PERSON:GRADE gt 299`: true, `urn:xx:hr:2.0:grade eq 300`: false,
			`urn:xx:hr:2.0:grade gt 9`: true, `urn:xx:hr:2.0:pay eq 1.5`: true, `urn:xx:hr:2.0:since eq "2026-01-31T10:00:00Z"`: true, `urn:xx:hr:2.0:remote eq true`: true,
			`urn:xx:hr:tags eq "A"`: true, `urn:xx:hr:tags eq "a"`: false, `urn:xx:hr:doors[value eq "d1" and kind eq "back"]`: false,
			`urn:xx:hr:doors[value eq "d2" and kind eq "BACK"]`: true, `urn:xx:hr:doors eq "d1" and urn:xx:hr:doors.kind eq "back"`: true,
			`urn:xx:hr:2.0:Person:pay pr`: false, `not (urn:xx:hr:2.0:Person:pay pr) and displayName eq "d"`: true, `urn:xx:hr:2.0:Person:pay ne 1`: true,
		} {
			n, courtesies, err := Parse(rt, text, schema.Strict())
			if err != nil || len(courtesies) != 0 {
				t.Errorf("%s, %s: %v %v", rt.Name, text, courtesies, err)
				continue
			}
			if Match(n, o) != want {
				t.Errorf("%s, %s: got %v", rt.Name, text, !want)
			}
			if again, _, err := Parse(rt, n.String(), schema.Strict()); err != nil || again.String() != n.String() {
				t.Errorf("%s does not round-trip: %v %v", n, again, err)
			}
		}
		for text, want := range map[string]string{
			`urn:xx:hr:pin eq "1"`: schema.Sensitive, `urn:xx:hr:secret eq "1"`: schema.Sensitive, `urn:xx:hr:secret.value sw "1"`: schema.Sensitive, `urn:xx:hr:secret[value eq "1"]`: schema.Sensitive,
			`urn:xx:hr pr`: schema.InvalidFilter, `urn:xx:hr:3.0:grade eq 1`: schema.InvalidFilter, `grade eq 1`: schema.InvalidFilter, `urn:xx:hr:grade eq "1"`: schema.InvalidFilter,
		} {
			if _, _, err := Parse(rt, text, schema.Entra()); scimType(err) != want {
				t.Errorf("%s: got %v, want %s", text, err, want)
			}
		}
		s, err := ParseSort(rt, "urn:xx:hr:2.0:grade", "")
		if err != nil || s.Compare(s.Key(o), s.Key(schema.Object{"urn:xx:hr:2.0": schema.Object{}})) >= 0 {
			t.Errorf("sort: %v", err)
		}
		for _, secret := range []string{"urn:xx:hr:pin", "urn:xx:hr:secret.value", "urn:xx:hr"} {
			if _, err := ParseSort(rt, secret, ""); scimType(err) != schema.InvalidPath {
				t.Errorf("sort by %s: %v", secret, err)
			}
		}
	}
}

// What was tolerated of a filter or path is told.
func TestCourtesies(t *testing.T) {
	tests := []struct{ text, want string }{
		{`userName eq "J" and active eq true`, ""},
		{`userName eq J`, "unquotedLiteral:userName"},
		{`title eq 7 or emails[type eq work]`, "unquotedLiteral:title unquotedLiteral:emails.type"},
		{`roles[primary eq "True"]`, "textForBoolean:roles.primary"},
		{`emails[type eq "work"].value eq "x"`, "subAttributeAfterFilter:emails"},
	}
	show := func(list []schema.Courtesy) (text string) {
		for i, c := range list {
			if i > 0 {
				text += " "
			}
			text += c.Name() + ":" + c.Path
		}
		return text
	}
	for _, test := range tests {
		_, list, err := Parse(schema.User(), test.text, schema.Interop())
		if got := show(list); err != nil || got != test.want {
			t.Errorf("%s: %q, %v", test.text, got, err)
		}
	}
	if _, list, err := ParsePath(schema.User(), `emails[type eq work].value`, schema.Interop()); err != nil || show(list) != "unquotedLiteral:emails.type" {
		t.Errorf("path: %v, %v", list, err)
	}
	if _, list, err := ParseRoot([]*schema.ResourceType{schema.User(), schema.Group()}, `displayName eq J`, schema.Interop()); err != nil || show(list) != "unquotedLiteral:displayName" {
		t.Errorf("root: %v, %v", list, err)
	}
}
