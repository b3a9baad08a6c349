package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/scim/schema"
)

// badge is a schema with one of everything that an organization can define.
const badge = `{
 "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
 "id": "urn:example:scim:Badge", "name": "Badge", "description": "What opens <doors> & gates",
 "attributes": [
  {"name": "number", "type": "integer", "mutability": "immutable", "description": "Printed on it"},
  {"name": "colour", "canonicalValues": ["red", "blue"]},
  {"name": "level", "type": "decimal"},
  {"name": "lost", "type": "boolean"},
  {"name": "since", "type": "dateTime"},
  {"name": "print", "type": "binary"},
  {"name": "page", "type": "reference", "referenceTypes": ["external"]},
  {"name": "tags", "multiValued": true},
  {"name": "pin", "mutability": "writeOnly"},
  {"name": "opened", "mutability": "readOnly", "type": "integer"},
  {"name": "note", "returned": "request"},
  {"name": "code", "returned": "always", "caseExact": true},
  {"name": "office", "type": "complex", "subAttributes": [{"name": "building"}, {"name": "floor", "type": "integer", "mutability": "immutable"}]},
  {"name": "doors", "type": "complex", "multiValued": true, "subAttributes": [
    {"name": "value"}, {"name": "type"}, {"name": "primary", "type": "boolean"}, {"name": "until", "type": "dateTime"}]}
 ]}`

func parsed(t testing.TB, document string) *schema.Schema {
	t.Helper()
	s, err := schema.ParseExtension([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func refusal(err error) (place, detail string) {
	var e *schema.Error
	if !errors.As(err, &e) {
		return "", fmt.Sprint(err)
	}
	return e.Path, e.Detail
}

func TestParseExtension(t *testing.T) {
	s := parsed(t, badge)
	if s.ID != "urn:example:scim:Badge" || s.Name != "Badge" || len(s.Attributes) != 14 {
		t.Fatalf("got %+v", s)
	}
	if pin := s.Attribute("PIN"); pin.Returned != schema.ReturnedNever || pin.Stored() {
		t.Errorf("pin %+v", pin)
	}
	if !s.Attribute("print").CaseExact || !s.Attribute("page").CaseExact || s.Attribute("colour").CaseExact {
		t.Error("exact case")
	}
	canonical := schema.CanonicalSchema(s)
	again := parsed(t, string(canonical))
	if !reflect.DeepEqual(again, s) || string(schema.CanonicalSchema(again)) != string(canonical) {
		t.Errorf("%s reads back as %+v", canonical, again)
	}
	want := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:example:scim:Badge","name":"Badge","description":"What opens <doors> & gates",` +
		`"attributes":[{"name":"number","type":"integer","description":"Printed on it","mutability":"immutable"},{"name":"colour","type":"string","canonicalValues":["red","blue"]},`
	if !strings.HasPrefix(string(canonical), want) {
		t.Errorf("canonical bytes are\n%s", canonical)
	}
	served, err := json.Marshal(schema.SchemaDocument(s, "https://h/scim/v2/o"))
	if err != nil {
		t.Fatal(err)
	}
	if got := parsed(t, string(served)); !reflect.DeepEqual(got, s) {
		t.Errorf("the served document reads back as %+v", got)
	}
	if err := (&directory.Schema{URN: s.ID, Resource: "User", Document: string(canonical)}).Validate(); err != nil {
		t.Errorf("the ledger refuses it: %v", err)
	}
}

func TestParseExtension_errors(t *testing.T) {
	one := func(attribute string) string { return `{"id":"urn:example:x","attributes":[` + attribute + `]}` }
	many := func(n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(`{"name":"a%d"}`, i)
		}
		return strings.Join(parts, ",")
	}
	head := func(id string) string { return `{"id":"` + id + `","attributes":[{"name":"a"}]}` }
	tests := []struct{ name, document, place, mention string }{
		{"no JSON", `{`, "", "JSON"},
		{"no object", `[]`, "", "object"},
		{"no id", `{"attributes":[{"name":"a"}]}`, "id", "URN"},
		{"id is no text", `{"id":1,"attributes":[{"name":"a"}]}`, "id", "must be a string, but is the number 1"},
		{"id is no URN", head("http://example.com/x"), "id", "URN"},
		{"a letter with another meaning", head("urn:example:x[1]"), "id", "URN"},
		{"a slash", head("urn:example:a/b"), "id", "URN"},
		{"a colon at the end", head("urn:example:a:"), "id", "URN"},
		{"long id", head("urn:example:" + strings.Repeat("x", 250)), "id", "255"},
		{"core", head("urn:ietf:params:scim:schemas:core:2.0:User"), "id", "standard"},
		{"below core", head("urn:ietf:params:scim:schemas:core:2.0:User:x"), "id", "standard"},
		{"enterprise", head(strings.ToUpper(schema.EnterpriseURN)), "id", "standard"},
		{"below enterprise", head(schema.EnterpriseURN + ":manager"), "id", "standard"},
		{"message", head("urn:ietf:params:scim:api:messages:2.0:X"), "id", "standard"},
		{"no attributes", `{"id":"urn:example:x"}`, "attributes", "at least one"},
		{"attributes are no list", `{"id":"urn:example:x","attributes":{}}`, "attributes", "must be a list"},
		{"too many", one(many(101)), "attributes", "at most 100"},
		{"unknown member", `{"id":"urn:example:x","atributes":[]}`, "atributes", "not a member"},
		{"twice", `{"id":"urn:example:x","ID":"urn:example:y","attributes":[{"name":"a"}]}`, "id", "twice"},
		{"attribute is no object", one(`"a"`), "attributes[0]", "object"},
		{"unknown facet", one(`{"name":"a","multivalue":true}`), "attributes[0].multivalue", "not a member"},
		{"no name", one(`{"type":"string"}`), "attributes[0].name", "letter"},
		{"bad name", one(`{"name":"a b"}`), "attributes[0].name", "letter"},
		{"digit first", one(`{"name":"1a"}`), "attributes[0].name", "letter"},
		{"dotted name", one(`{"name":"a.b"}`), "attributes[0].name", "letter"},
		{"long name", one(`{"name":"` + strings.Repeat("a", 101) + `"}`), "attributes[0].name", "100"},
		{"repeated name", one(`{"name":"a"},{"name":"b"},{"name":"A"}`), "attributes[2].name", "two attributes"},
		{"type", one(`{"name":"b"},{"name":"a","type":"text"}`), "attributes[1].type", `one of string, boolean`},
		{"flag", one(`{"name":"a","multiValued":"yes"}`), "attributes[0].multiValued", "true or false"},
		{"required", one(`{"name":"a","required":true}`), "attributes[0].required", "must be false"},
		{"unique", one(`{"name":"a","uniqueness":"server"}`), "attributes[0].uniqueness", "none"},
		{"never", one(`{"name":"a","returned":"never"}`), "attributes[0].returned", "writeOnly"},
		{"writeOnly, but returned", one(`{"name":"a","mutability":"writeOnly","returned":"default"}`), "attributes[0].returned", "never"},
		{"mutability", one(`{"name":"a","mutability":"read"}`), "attributes[0].mutability", "one of"},
		{"canonical values of numbers", one(`{"name":"a","type":"integer","canonicalValues":["1"]}`), "attributes[0].canonicalValues", "strings"},
		{"canonical value is no text", one(`{"name":"a","canonicalValues":["x",1]}`), "attributes[0].canonicalValues[1]", "string"},
		{"reference types of text", one(`{"name":"a","referenceTypes":["User"]}`), "attributes[0].referenceTypes", "reference"},
		{"parts of text", one(`{"name":"a","subAttributes":[{"name":"b"}]}`), "attributes[0].subAttributes", "complex"},
		{"complex without parts", one(`{"name":"a","type":"complex"}`), "attributes[0].subAttributes", "at least one"},
		{"too many parts", one(`{"name":"a","type":"complex","subAttributes":[` + many(31) + `]}`), "attributes[0].subAttributes", "at most 30"},
		{"nested", one(`{"name":"a","type":"complex","subAttributes":[{"name":"b","type":"complex","subAttributes":[{"name":"c"}]}]}`), "attributes[0].subAttributes[0].type", "complex"},
		{"repeated part", one(`{"name":"a","type":"complex","subAttributes":[{"name":"b"},{"name":"B"}]}`), "attributes[0].subAttributes[1].name", "two attributes"},
		{"secret part", one(`{"name":"a","type":"complex","subAttributes":[{"name":"b","mutability":"writeOnly"}]}`), "attributes[0].subAttributes[0].mutability", "writeOnly"},
		{"part on request", one(`{"name":"a","type":"complex","subAttributes":[{"name":"b","returned":"request"}]}`), "attributes[0].subAttributes[0].returned", "default"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := schema.ParseExtension([]byte(test.document))
			place, detail := refusal(err)
			if err == nil || place != test.place || !strings.Contains(detail, test.mention) || !strings.HasPrefix(detail, place) {
				t.Errorf("got %q, %q", place, detail)
			}
		})
	}
	parsed(t, one(many(100)))
	parsed(t, `{"ID":"urn:example:x","Attributes":[{"NAME":"$ref"},{"name":"a-b_c$1"}],"meta":{"x":1},"resource":"User"}`)
}

func TestWidens(t *testing.T) {
	old := parsed(t, badge)
	tests := []struct{ from, to, path string }{
		{`"What opens <doors> & gates"`, `"x"`, ""},
		{`["red", "blue"]`, `["green"]`, ""},
		{`"referenceTypes": ["external"]`, `"referenceTypes": ["uri"]`, ""},
		{`"returned": "request"`, `"returned": "always"`, ""},
		{`{"name": "level"`, `{"name": "more"}, {"name": "level"`, ""},
		{`{"name": "value"}`, `{"name": "value"}, {"name": "more"}`, ""},
		{`urn:example:scim:Badge`, `urn:example:scim:badge`, "id"},
		{`{"name": "level", "type": "decimal"},`, ``, "level"},
		{`"name": "level"`, `"name": "Level"`, "level"},
		{`"type": "decimal"`, `"type": "string"`, "level"},
		{`{"name": "tags", "multiValued": true}`, `{"name": "tags"}`, "tags"},
		{`"mutability": "writeOnly"`, `"mutability": "readWrite"`, "pin"},
		{`, "caseExact": true`, ``, "code"},
		{`{"name": "building"},`, ``, "office.building"},
		{`{"name": "until", "type": "dateTime"}`, `{"name": "until"}`, "doors.until"},
	}
	for _, test := range tests {
		next := strings.Replace(badge, test.from, test.to, 1)
		if next == badge {
			t.Fatalf("%s is not there", test.from)
		}
		err := schema.Widens(old, parsed(t, next))
		if path, detail := refusal(err); path != test.path && err != nil || (err == nil) != (test.path == "") || !strings.Contains(detail, test.path) {
			t.Errorf("%s -> %s: %v", test.from, test.to, err)
		}
	}
}

func TestClash(t *testing.T) {
	short := parsed(t, `{"id":"urn:example:hr","attributes":[{"name":"User"},{"name":"grade"}]}`)
	for urn, clashes := range map[string]bool{
		"urn:example:hr:User": true, "urn:EXAMPLE:hr:grade": true, "URN:example:HR": true,
		"urn:example:hr:Person": false, "urn:example:hr:User:2.0": false, "urn:example:hrm": false,
	} {
		other := parsed(t, `{"id":"`+urn+`","attributes":[{"name":"a"}]}`)
		if err := schema.Clash(short, other); (err != nil) != clashes {
			t.Errorf("%s: %v", urn, err)
		}
		if err := schema.Clash(other, short); (err != nil) != clashes {
			t.Errorf("%s, the other way round: %v", urn, err)
		}
	}
}

// The URN of one is a prefix of the other's, and both have attributes of one name.
func neighbours(t testing.TB, rt *schema.ResourceType) *schema.ResourceType {
	t.Helper()
	var extensions []schema.Extension
	for _, urn := range []string{"urn:example:hr:2.0", "urn:example:hr:2.0:Person", "urn:example:hr"} {
		s := parsed(t, `{"id":"`+urn+`","attributes":[{"name":"grade","type":"integer"},{"name":"Person-no"},
			{"name":"seats","type":"complex","multiValued":true,"subAttributes":[{"name":"value"},{"name":"floor","type":"integer"}]}]}`)
		extensions = append(extensions, schema.Extension{Schema: s})
	}
	return rt.With(extensions...)
}

func TestExtension_resource(t *testing.T) {
	for _, rt := range []*schema.ResourceType{schema.User(), schema.Group()} {
		rt := neighbours(t, rt.With(schema.Extension{Schema: parsed(t, badge)}))
		body := `{"userName":"u","displayName":"d",
		 "URN:example:hr":{"GRADE":1,"Person-no":"a"}, "urn:example:hr:2.0":{"grade":2}, "urn:example:hr:2.0:Person":{"grade":"3","seats":[{"value":"A","floor":1},{"value":"A","floor":2}]},
		 "urn:example:hr:2":{"grade":4},
		 "urn:example:scim:Badge":{"number":7,"pin":"1234","opened":9,"note":"n","code":"c","office":{"building":"B","floor":2},"lost":"False","tags":["x2","x²","X2"],
		  "doors":[{"value":"d1","until":"2026-01-01T00:00:00Z"},{"value":"d1","until":"2027-01-01T00:00:00Z"}]}}`
		o, courtesies, err := schema.Parse(rt, []byte(body), schema.Interop())
		if err != nil {
			t.Fatal(err)
		}
		stored := string(schema.Encode(rt, o))
		want := `"urn:example:scim:Badge":{"number":7,"lost":false,"tags":["x2","x²"],"note":"n","code":"c","office":{"building":"B","floor":2},` +
			`"doors":[{"value":"d1","until":"2026-01-01T00:00:00Z"},{"value":"d1","until":"2027-01-01T00:00:00Z"}]},` +
			`"urn:example:hr:2.0":{"grade":2},"urn:example:hr:2.0:Person":{"grade":3,"seats":[{"value":"A","floor":1},{"value":"A","floor":2}]},"urn:example:hr":{"grade":1,"Person-no":"a"}}`
		if !strings.HasSuffix(stored, want) {
			t.Errorf("stored %s\nwant …%s", stored, want)
		}
		if rt.Name == "User" && !strings.Contains(fmt.Sprint(courtesies), "urn:example:hr:2}") {
			t.Errorf("courtesies %v", courtesies)
		}
		back, err := schema.Decode(rt, []byte(stored))
		if err != nil || string(schema.Encode(rt, back)) != stored {
			t.Errorf("decoding: %v", err)
		}
		for path, value := range map[string]string{
			"urn:example:hr:grade": "1", "urn:example:hr:2.0:grade": "2", "urn:example:hr:2.0:Person:grade": "3", "urn:example:scim:Badge:office.floor": "2",
		} {
			ref, ok := rt.Find(strings.ToUpper(path))
			if !ok || ref.String() != path || fmt.Sprint(schema.Get(o, path)) != value {
				t.Errorf("%s: %v %v %v", path, ref, ok, schema.Get(o, path))
			}
		}
		if doc := schema.ResourceTypeDocument(rt, "b"); len(doc.SchemaExtensions) != len(rt.Extensions) || doc.SchemaExtensions[len(rt.Extensions)-1].Schema != "urn:example:hr" {
			t.Errorf("discovery %+v", doc.SchemaExtensions)
		}
	}
}

// What an organization defines does not take from an IdP what it could say before.
func TestExtension_rootNames(t *testing.T) {
	own := parsed(t, `{"id":"urn:example:own","attributes":[{"name":"department"},{"name":"shoe"},{"name":"title"}]}`)
	rt := schema.User().With(schema.Extension{Schema: own})
	o, _, err := schema.Parse(rt, []byte(`{"schemas":["`+schema.UserURN+`"],"userName":"u","department":"D","shoe":"42","title":"T"}`), schema.Entra())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{schema.EnterpriseURN + ":department": "D", "urn:example:own:shoe": "42", "title": "T", "urn:example:own:department": ""} {
		if got := schema.String(o, path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

func TestExtension_projection(t *testing.T) {
	rt := neighbours(t, schema.Group().With(schema.Extension{Schema: parsed(t, badge)}))
	o := schema.Object{"schemas": []any{schema.GroupURN}, "id": "1", "displayName": "d",
		"urn:example:scim:Badge": schema.Object{"note": "n", "code": "c", "colour": "red", "office": schema.Object{"building": "B", "floor": json.Number("2")}},
		"urn:example:hr":         schema.Object{"grade": json.Number("1")}, "urn:example:hr:2.0": schema.Object{"grade": json.Number("2")}}
	tests := []struct{ attributes, excluded, want string }{
		{"", "", `"displayName":"d","urn:example:scim:Badge":{"colour":"red","code":"c","office":{"building":"B","floor":2}},"urn:example:hr:2.0":{"grade":2},"urn:example:hr":{"grade":1}`},
		{"urn:example:hr:2.0:grade", "", `"urn:example:scim:Badge":{"code":"c"},"urn:example:hr:2.0":{"grade":2}`},
		{"urn:example:hr", "", `"urn:example:scim:Badge":{"code":"c"},"urn:example:hr":{"grade":1}`},
		{"urn:example:scim:badge:NOTE,urn:example:scim:Badge:office.floor", "", `"urn:example:scim:Badge":{"note":"n","code":"c","office":{"floor":2}}`},
		{"urn:example:scim:Badge", "", `"urn:example:scim:Badge":{"colour":"red","note":"n","code":"c","office":{"building":"B","floor":2}}`},
		{"", "urn:example:scim:Badge,urn:example:hr:grade", `"displayName":"d","urn:example:scim:Badge":{"code":"c"},"urn:example:hr:2.0":{"grade":2}`},
	}
	for _, test := range tests {
		p := schema.NewProjection(rt, []string{test.attributes}, []string{test.excluded})
		want := `{"schemas":["` + schema.GroupURN + `"],"id":"1",` + test.want + `}`
		if got := string(schema.Marshal(rt, p.Apply(o))); got != want {
			t.Errorf("%+v\ngot  %s\nwant %s", test, got, want)
		}
		if p.IsAll() {
			t.Errorf("%+v: an attribute that is returned on request must be cut", test)
		}
	}
	if !schema.NewProjection(neighbours(t, schema.Group()), nil, nil).IsAll() {
		t.Error("nothing needs to be cut")
	}
}

func TestImmutable_resource(t *testing.T) {
	const urn = "urn:example:scim:Badge"
	rt := schema.User().With(schema.Extension{Schema: parsed(t, badge)})
	before := schema.Object{"userName": "u", urn: schema.Object{"number": json.Number("7"), "office": schema.Object{"building": "B", "floor": json.Number("2")}}}
	tests := []struct {
		name  string
		after schema.Object
		path  string
	}{
		{"the same", schema.Clone(before), ""},
		{"another number", schema.Object{urn: schema.Object{"number": json.Number("8")}}, urn + ":number"},
		{"another floor", schema.Object{urn: schema.Object{"number": json.Number("7"), "office": schema.Object{"floor": json.Number("3")}}}, urn + ":office.floor"},
		{"gone", schema.Object{}, urn + ":number"},
	}
	for _, test := range tests {
		if path, _ := refusal(schema.CheckImmutable(rt, before, test.after)); path != test.path {
			t.Errorf("%s: %q", test.name, path)
		}
	}
	if err := schema.CheckImmutable(rt, schema.Object{}, before); err != nil {
		t.Errorf("a first value: %v", err)
	}
	put := schema.Object{"userName": "u"}
	schema.CarryImmutable(rt, before, put)
	want := `{"schemas":["` + schema.UserURN + `","` + urn + `"],"userName":"u","` + urn + `":{"number":7,"office":{"floor":2}}}`
	if got := string(schema.Marshal(rt, put)); got != want || schema.CheckImmutable(rt, before, put) != nil {
		t.Errorf("got %s", got)
	}
	if _, shared := before[urn].(schema.Object)["office"].(schema.Object)["building"]; !shared {
		t.Error("the resource before was changed")
	}
}

// A filter must find what uniqueness refuses, or an IdP is told that a name is taken by nobody.
func TestFold_ledger(t *testing.T) {
	for _, text := range []string{"", "abc", "Rosa@Example.COM", "Straße", "STRASSE", "é", "e\u0301", "ΑΣΣ", "ﬁx", "Ａｎｎ", "x²", "Ꭰꭰ", "İ", "ǆ", "K", "ſ"} {
		if got, want := schema.Fold(text), directory.Fold(text); got != want {
			t.Errorf("%q: %q here, %q in the ledger", text, got, want)
		}
	}
}

// FuzzParseExtension: what is accepted has one canonical form, which says all, and widens itself.
func FuzzParseExtension(f *testing.F) {
	f.Add([]byte(badge))
	f.Add([]byte(`{"id":"urn:example:x","attributes":[{"name":"$ref","type":"Complex","subAttributes":[{"name":"a","caseExact":null}]}],"resource":1}`))
	f.Add([]byte(`{"id":"urn:ietf:params:scim:schemas:extension:acme:2.0:User","attributes":[{"name":"a","canonicalValues":["\u2028<"],"description":"\u00e9"}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := schema.ParseExtension(document)
		if err != nil {
			if place, detail := refusal(err); !strings.HasPrefix(detail, place) {
				t.Fatalf("%q: %q, %q", document, place, detail)
			}
			return
		}
		canonical := schema.CanonicalSchema(s)
		again, err := schema.ParseExtension(canonical)
		if err != nil || string(schema.CanonicalSchema(again)) != string(canonical) {
			t.Fatalf("%s: %v", canonical, err)
		}
		if err := schema.Widens(s, again); err != nil || schema.Widens(again, s) != nil {
			t.Fatalf("%s does not widen itself: %v", canonical, err)
		}
		if !directory.IsURN(s.ID) || (&directory.Schema{URN: s.ID, Resource: "User"}).Validate() != nil {
			t.Fatalf("the ledger refuses %s", s.ID)
		}
		user := schema.User().With(schema.Extension{Schema: s})
		for i := range s.Attributes {
			name := s.ID + ":" + s.Attributes[i].Name
			if ref, ok := user.Find(name); !ok || ref.String() != name {
				t.Fatalf("%s is found as %v", name, ref)
			}
		}
	})
}
