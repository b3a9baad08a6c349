package schema

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const userHead = `"schemas":["` + UserURN + `"]`

func scimType(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.ScimType
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// names lists courtesies as name:path.
func names(list []Courtesy) string {
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = c.Name() + ":" + c.Path
	}
	return strings.Join(parts, " ")
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, body, want, courtesies string
	}{
		{"letter case of names", `{` + userHead + `,"USERNAME":"u","Name":{"GivenName":"X"},"emails":[{"Value":"x@y","TYPE":"work"}]}`,
			`{` + userHead + `,"userName":"u","name":{"givenName":"X"},"emails":[{"value":"x@y","type":"work"}]}`, ""},
		{"unknown and readOnly attributes", `{` + userHead + `,"userName":"u","id":"x","meta":{"created":1},"groups":[{"value":"g"}],"colour":"red","urn:x":{"a":1},"emails":[{"value":"v","colour":"c"}]}`,
			`{` + userHead + `,"userName":"u","emails":[{"value":"v"}]}`, "unknownAttribute:colour unknownAttribute:emails.colour unknownAttribute:urn:x"},
		{"null, empty list and absence", `{` + userHead + `,"userName":"u","title":null,"emails":[],"name":{},"addresses":[{}],"roles":[null],"nickName":""}`,
			`{` + userHead + `,"userName":"u"}`, ""},
		{"a password is dropped", `{` + userHead + `,"userName":"u","password":{"odd":1}}`, `{` + userHead + `,"userName":"u"}`, ""},
		{"text for boolean", `{` + userHead + `,"userName":"u","active":"False","roles":[{"value":"r","primary":"True"}]}`,
			`{` + userHead + `,"userName":"u","active":false,"roles":[{"value":"r","primary":true}]}`, "textForBoolean:active textForBoolean:roles.primary"},
		{"number for text", `{` + userHead + `,"userName":42}`, `{` + userHead + `,"userName":"42"}`, "numberForText:userName"},
		{"single for list", `{` + userHead + `,"userName":"u","emails":{"value":"v"}}`, `{` + userHead + `,"userName":"u","emails":[{"value":"v"}]}`, "singleForList:emails"},
		{"text for list of objects", `{` + userHead + `,"userName":"u","emails":"v"}`, `{` + userHead + `,"userName":"u","emails":[{"value":"v"}]}`, "singleForList:emails textForObject:emails"},
		{"list for single", `{` + userHead + `,"userName":["u"]}`, `{` + userHead + `,"userName":"u"}`, "listForSingle:userName"},
		{"object for text", `{` + userHead + `,"userName":{"value":"u"}}`, `{` + userHead + `,"userName":"u"}`, "objectForText:userName"},
		{"no schemas", `{"userName":"u"}`, `{` + userHead + `,"userName":"u"}`, "missingSchemas:schemas"},
		{"legacy schemas", `{"schemas":["urn:scim:schemas:core:2.0"],"userName":"u"}`, `{` + userHead + `,"userName":"u"}`, "foreignSchemas:urn:scim:schemas:core:2.0"},
		{"schemas as text", `{"schemas":"` + UserURN + `","userName":"u"}`, `{` + userHead + `,"userName":"u"}`, "singleForList:schemas"},
		{"extension without its URN in schemas", `{` + userHead + `,"userName":"u","URN:ietf:params:scim:schemas:extension:enterprise:2.0:user":{"Department":"D","manager":{"value":"","displayName":" "}}}`,
			`{"schemas":["` + UserURN + `","` + EnterpriseURN + `"],"userName":"u","` + EnterpriseURN + `":{"department":"D"}}`, ""},
		{"empty extension", `{` + userHead + `,"userName":"u","` + EnterpriseURN + `":{"department":""}}`, `{` + userHead + `,"userName":"u"}`, ""},
		{"null extension", `{` + userHead + `,"userName":"u","` + EnterpriseURN + `":null}`, `{` + userHead + `,"userName":"u"}`, ""},
		{"repeated values", `{` + userHead + `,"userName":"u","emails":[{"value":"A@x","type":"work"},{"value":"a@X","type":"WORK","primary":true},{"value":"a@x","type":"home"}]}`,
			`{` + userHead + `,"userName":"u","emails":[{"value":"A@x","type":"work","primary":true},{"value":"a@x","type":"home"}]}`, "duplicateValue:emails"},
		{"equal addresses", `{` + userHead + `,"userName":"u","addresses":[{"type":"work","locality":"L"},{"locality":"L","type":"work"},{"type":"work","locality":"M"}]}`,
			`{` + userHead + `,"userName":"u","addresses":[{"locality":"L","type":"work"},{"locality":"M","type":"work"}]}`, "duplicateValue:addresses"},
		{"byte order mark", "\ufeff{" + userHead + `,"userName":"u"}`, `{` + userHead + `,"userName":"u"}`, ""},
		{"escapes", `{` + userHead + `,"userName":"\u0041\n\"\\\/😀é"}`, `{` + userHead + `,"userName":"A\n\"\\/😀é"}`, ""},
		{"externalId comes first", `{` + userHead + `,"userName":"u","externalId":"e"}`, `{` + userHead + `,"externalId":"e","userName":"u"}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rt := User()
			o, courtesies, err := Parse(rt, []byte(test.body), Interop())
			if err != nil {
				t.Fatal(err)
			}
			stored := Encode(rt, o)
			if string(stored) != test.want {
				t.Errorf("got  %s\nwant %s", stored, test.want)
			}
			if got := names(courtesies); got != test.courtesies {
				t.Errorf("courtesies %q, want %q", got, test.courtesies)
			}
			again, err := Decode(rt, stored)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(Encode(rt, again)); got != test.want {
				t.Errorf("after decoding %s", got)
			}
		})
	}
}

func TestParse_errors(t *testing.T) {
	tests := []struct {
		name, body, want, mention string
	}{
		{"no JSON", `{"userName": `, InvalidSyntax, "byte 14"},
		{"a list", `[1,2]`, InvalidSyntax, "object"},
		{"empty", ``, InvalidSyntax, "empty"},
		{"trailing text", `{"userName":"u"} x`, InvalidSyntax, "after the end"},
		{"repeated name", `{"userName":"u","userName":"v"}`, InvalidSyntax, "twice"},
		{"repeated in another case", `{"userName":"u","USERNAME":"v"}`, InvalidSyntax, "twice"},
		{"repeated sub-attribute", `{"userName":"u","name":{"givenName":"a","GIVENNAME":"b"}}`, InvalidSyntax, "name.givenName"},
		{"invalid UTF-8", "{\"userName\":\"\xff\"}", InvalidSyntax, "UTF-8"},
		{"U+0000", `{"userName":"a\u0000"}`, InvalidSyntax, "U+0000"},
		{"lone surrogate", `{"userName":"\ud800"}`, InvalidSyntax, "surrogate"},
		{"too deep", strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40), InvalidSyntax, "nesting"},
		{"no userName", `{"displayName":"x"}`, InvalidValue, "userName is required"},
		{"empty userName", `{"userName":""}`, InvalidValue, "userName is required"},
		{"blank userName", `{"userName":"  "}`, InvalidValue, "userName is required"},
		{"text for a complex attribute", `{"userName":"u","name":"plain"}`, InvalidValue, `name must be an object, but is "plain"`},
		{"boolean for text", `{"userName":true}`, InvalidValue, "userName must be a string, but is true"},
		{"two values for one", `{"userName":["u","v"]}`, InvalidValue, "list of 2"},
		{"list in a list", `{"userName":"u","emails":[[{"value":"x"}]]}`, "", ""},
		{"odd boolean", `{"userName":"u","active":"perhaps"}`, InvalidValue, `active must be true or false, but is "perhaps"`},
		{"number for boolean", `{"userName":"u","active":1}`, InvalidValue, "the number 1"},
		{"two primaries", `{"userName":"u","emails":[{"value":"a","primary":true},{"value":"b","primary":"true"}]}`, InvalidValue, "2 primary"},
		{"element is named", `{"userName":"u","emails":[{"value":"a"},{"value":{"x":1}}]}`, InvalidValue, "emails[1].value"},
		{"schemas of numbers", `{"schemas":[1],"userName":"u"}`, InvalidSyntax, "schemas"},
		{"schemas as an object", `{"schemas":{},"userName":"u"}`, InvalidSyntax, "schemas"},
		{"extension as text", `{"userName":"u","` + EnterpriseURN + `":"x"}`, InvalidValue, EnterpriseURN},
		{"bad certificate", `{"userName":"u","x509Certificates":[{"value":"!"}]}`, InvalidValue, "base64"},
		{"long text", `{"userName":"` + strings.Repeat("x", MaxText+1) + `"}`, InvalidValue, "longer than"},
		{"too many values", `{"userName":"u","emails":[` + strings.Repeat(`"x",`, MaxValues) + `"x"]}`, InvalidValue, "at most 1000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := Parse(User(), []byte(test.body), Interop())
			if scimType(err) != test.want {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), test.mention) {
				t.Errorf("%q does not mention %q", err, test.mention)
			}
		})
	}
}

func TestParse_strict(t *testing.T) {
	if _, _, err := Parse(User(), []byte(`{"userName":"u"}`), Strict()); scimType(err) != InvalidSyntax {
		t.Errorf("missing schemas: %v", err)
	}
	bodies := []string{`{"schemas":["x"],"userName":"u"}`, `{` + userHead + `,"userName":1}`, `{` + userHead + `,"userName":["u"]}`,
		`{` + userHead + `,"userName":{"value":"u"}}`, `{` + userHead + `,"userName":"u","active":"true"}`,
		`{` + userHead + `,"userName":"u","emails":{"value":"v"}}`, `{` + userHead + `,"userName":"u","emails":["v"]}`}
	for _, body := range bodies {
		if _, _, err := Parse(User(), []byte(body), Dialect{}); err == nil {
			t.Errorf("the zero Dialect accepts %s", body)
		}
	}
}

func TestParse_entra(t *testing.T) {
	body := `{` + userHead + `,"userName":"u","department":"Sales","manager":"m1"}`
	o, courtesies, err := Parse(User(), []byte(body), Entra())
	if err != nil {
		t.Fatal(err)
	}
	if got := Get(o, EnterpriseURN+":manager.value"); got != "m1" {
		t.Errorf("manager %v", got)
	}
	if got := String(o, EnterpriseURN+":department"); got != "Sales" {
		t.Errorf("department %q", got)
	}
	if !strings.Contains(names(courtesies), "rootExtensionName:department") {
		t.Errorf("courtesies %v", courtesies)
	}
}

func TestParse_members(t *testing.T) {
	body := `{"displayName":"G","members":[{"value":"a","type":"User","displayName":"A"},{"value":"a"},"b",{"value":"a","display":"again"}]}`
	o, _, err := Parse(Group(), []byte(body), Interop())
	if err != nil {
		t.Fatal(err)
	}
	want := []Member{{ID: "a", Type: "User", Display: "A"}, {ID: "b"}}
	if got := Members(o); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := string(Encode(Group(), o)); got != `{"schemas":["`+GroupURN+`"],"displayName":"G"}` {
		t.Errorf("members are stored: %s", got)
	}
	for _, members := range []string{`[{"display":"x"}]`, `[{"value":"a","operation":"delete"}]`, `{"value":"a","operation":"delete"}`, `[{"id":"a"}]`, `[{"value":"a"},{"id":"b"}]`, `"[1]"`} {
		if _, _, err := Parse(Group(), []byte(`{"displayName":"G","members":`+members+`}`), Interop()); members != `"[1]"` && scimType(err) != InvalidValue {
			t.Errorf("%s: %v", members, err)
		}
	}
}

func TestParse_custom(t *testing.T) {
	const urn = "http://example.com/badge/1.0"
	rt := User().With(Extension{Required: true, Schema: &Schema{ID: urn, Attributes: []Attribute{
		{Name: "number", Type: TypeInteger, Required: true},
		{Name: "weight", Type: TypeDecimal},
		{Name: "since", Type: TypeDateTime},
		{Name: "tags", MultiValued: true},
		{Name: "secret-key", Mutability: WriteOnly, Returned: ReturnedNever},
	}}})
	good := `{"userName":"u","` + urn + `":{"number":"9007199254740993","weight":1.50,"since":"2026-01-31T12:00:00+02:00","tags":["a","A",7],"secret-key":"x"}}`
	o, _, err := Parse(rt, []byte(good), Interop())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schemas":["` + UserURN + `","` + urn + `"],"userName":"u","` + urn + `":{"number":9007199254740993,"weight":1.50,"since":"2026-01-31T12:00:00+02:00","tags":["a","7"]}}`
	if got := string(Encode(rt, o)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, bad := range []string{`{}`, `{"number":1.5}`, `{"number":1,"weight":1e999}`, `{"number":1,"since":"yesterday"}`, `{"number":"x"}`} {
		if _, _, err := Parse(rt, []byte(`{"userName":"u","`+urn+`":`+bad+`}`), Interop()); scimType(err) != InvalidValue {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, _, err := Parse(rt, []byte(`{"userName":"u"}`), Interop()); scimType(err) != InvalidValue {
		t.Errorf("a required extension may be left out: %v", err)
	}
	if o, err = Decode(User(), []byte(want)); err != nil || o[urn] != nil {
		t.Errorf("an extension the type has no more: %v, %v", o, err)
	}
}

func TestCourtesies_bounded(t *testing.T) {
	var body strings.Builder
	body.WriteString(`{"userName":"u"`)
	for i := range 500 {
		fmt.Fprintf(&body, `,"x%d%s":1`, i, strings.Repeat("é", 200))
	}
	body.WriteString("}")
	_, courtesies, err := Parse(User(), []byte(body.String()), Interop())
	if err != nil || len(courtesies) != maxCourtesies {
		t.Fatalf("%d courtesies, %v", len(courtesies), err)
	}
	for _, c := range courtesies {
		if len(c.Path) > quoteLimit+8 {
			t.Errorf("a path of %d bytes", len(c.Path))
		}
	}
}
