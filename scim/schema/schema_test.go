package schema

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	rt := User()
	tests := []struct{ name, want string }{
		{"username", "userName"}, {"EMAILS.VALUE", "emails.value"}, {"meta.lastModified", "meta.lastModified"}, {"schemas", "schemas"},
		{"urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName"},
		{"URN:ietf:params:scim:schemas:core:2.0:user:name.givenname", "name.givenName"},
		{EnterpriseURN, EnterpriseURN}, {EnterpriseURN + ":manager.VALUE", EnterpriseURN + ":manager.value"},
		{"department", ""}, {"emails.colour", ""}, {"userName.x", ""}, {"urn:x:userName", ""}, {"", ""}, {UserURN, ""}, {EnterpriseURN + ":x", ""}, {EnterpriseURN + "x:department", ""},
	}
	for _, test := range tests {
		ref, ok := rt.Find(test.name)
		if ok != (test.want != "") || ok && ref.String() != test.want {
			t.Errorf("%s: got %q %v, want %q", test.name, ref, ok, test.want)
		}
	}
}

func TestSplitURN_longest(t *testing.T) {
	long := &Schema{ID: "urn:x:2.0:User"}
	rt := User().With(Extension{Schema: &Schema{ID: "urn:x:2.0"}}, Extension{Schema: long})
	if s, rest := rt.SplitURN("urn:x:2.0:User:a.b"); s != long || rest != "a.b" {
		t.Errorf("got %v %q", s, rest)
	}
	if len(User().Extensions) != 1 {
		t.Error("With changed its receiver")
	}
}

func TestMarshal(t *testing.T) {
	o := Object{"userName": "u", "password": "p", "id": "1", "meta": Object{"version": `W/"1"`, "resourceType": "User"}, "groups": []any{Object{"value": "g"}}, "active": false}
	want := `{"schemas":["` + UserURN + `"],"id":"1","userName":"u","active":false,"groups":[{"value":"g"}],"meta":{"resourceType":"User","version":"W/\"1\""}}`
	if got := string(Marshal(User(), o)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(Encode(User(), o)); got != `{"schemas":["`+UserURN+`"],"userName":"u","active":false}` {
		t.Errorf("stored %s", got)
	}
}

func TestObject(t *testing.T) {
	o := Object{"emails": []any{Object{"value": "a"}, Object{"type": "x"}, Object{"value": "b", "primary": true}, Object{"value": "c"}}, "name": Object{"givenName": "G"}, "active": false}
	if got := Emails(o); !reflect.DeepEqual(got, []string{"b", "a", "c"}) {
		t.Errorf("emails %v", got)
	}
	if String(o, "name.givenName") != "G" || String(o, "name") != "" || String(o, "x.y") != "" || Get(o, "urn:x:y") != nil {
		t.Error("Get")
	}
	if active, present := Active(o); active || !present {
		t.Error("active false")
	}
	if _, present := Active(Object{}); present {
		t.Error("active absent")
	}
	c := Clone(o)
	c["emails"].([]any)[0].(Object)["value"] = "z"
	if Emails(o)[1] != "a" {
		t.Error("Clone shares")
	}
}

func TestProjection(t *testing.T) {
	rt := User()
	o := Object{"schemas": []any{UserURN, EnterpriseURN}, "id": "1", "userName": "u", "name": Object{"givenName": "G", "familyName": "F"}, "password": "p",
		"emails": []any{Object{"value": "a", "type": "work"}, Object{"type": "home"}}, "meta": Object{"resourceType": "User"},
		EnterpriseURN: Object{"department": "D", "employeeNumber": "7"}}
	tests := []struct {
		name                 string
		attributes, excluded []string
		want                 string // without schemas and id
	}{
		{"nothing asked", nil, nil, `"userName":"u","name":{"familyName":"F","givenName":"G"},"emails":[{"value":"a","type":"work"},{"type":"home"}],"` + EnterpriseURN + `":{"employeeNumber":"7","department":"D"},"meta":{"resourceType":"User"}`},
		{"one", []string{"USERNAME,nosuch"}, nil, `"userName":"u"`},
		{"unknown only", []string{"nosuch"}, nil, ``},
		{"never returned", []string{"password"}, nil, ``},
		{"sub-attributes", []string{"name.givenName, emails.value"}, nil, `"name":{"givenName":"G"},"emails":[{"value":"a"}]`},
		{"sub-attributes and whole", []string{"name.givenName", "name"}, nil, `"name":{"familyName":"F","givenName":"G"}`},
		{"filtered", []string{`emails[type eq "a,b]"],userName`}, nil, `"userName":"u","emails":[{"value":"a","type":"work"},{"type":"home"}]`},
		{"filtered sub-attribute", []string{`emails[type eq "work"].value`}, nil, `"emails":[{"value":"a"}]`},
		{"extension attribute", []string{EnterpriseURN + ":department"}, nil, `"` + EnterpriseURN + `":{"department":"D"}`},
		{"whole extension", []string{EnterpriseURN}, nil, `"` + EnterpriseURN + `":{"employeeNumber":"7","department":"D"}`},
		{"attributes win", []string{"userName"}, []string{"userName"}, `"userName":"u"`},
		{"exclude", nil, []string{"emails,id,schemas,meta", EnterpriseURN}, `"userName":"u","name":{"familyName":"F","givenName":"G"}`},
		{"exclude sub-attribute", nil, []string{"name.familyName,emails,meta," + EnterpriseURN + ":department"}, `"userName":"u","name":{"givenName":"G"},"` + EnterpriseURN + `":{"employeeNumber":"7"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := NewProjection(rt, test.attributes, test.excluded)
			before := Clone(o)
			head := `{"schemas":["` + UserURN + `","` + EnterpriseURN + `"],"id":"1"`
			if test.want != "" {
				head += ","
			}
			if got := string(Marshal(rt, p.Apply(o))); got != head+test.want+"}" {
				t.Errorf("got  %s\nwant %s}", got, head+test.want)
			}
			if !reflect.DeepEqual(o, before) {
				t.Error("the resource was changed")
			}
			if p.IsAll() != (test.attributes == nil && test.excluded == nil) {
				t.Error("IsAll")
			}
		})
	}
}

func TestProjection_wants(t *testing.T) {
	rt := Group()
	tests := []struct {
		attributes, excluded string
		want                 bool
	}{
		{"", "", true}, {"", "members", false}, {"", "members.display", true}, {"displayName", "", false}, {"members", "", true}, {"members.value", "", true}, {"", "displayName", true},
	}
	for _, test := range tests {
		p := NewProjection(rt, []string{test.attributes}, []string{test.excluded})
		if got := p.Wants("members"); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
		if !p.Wants("id") {
			t.Errorf("%+v: id is always wanted", test)
		}
	}
	if p := NewProjection(rt, []string{"meta.created"}, nil); !p.Wants("meta") || p.Wants("externalId") {
		t.Error("meta")
	}
}

func TestProjection_request(t *testing.T) {
	rt := User().With(Extension{Schema: &Schema{ID: "urn:x", Attributes: []Attribute{{Name: "rare", Returned: ReturnedRequest}, {Name: "common"}}}})
	o := Object{"id": "1", "urn:x": Object{"rare": "r", "common": "c"}}
	for _, test := range []struct{ attributes, want string }{{"", "common"}, {"urn:x:rare", "rare"}, {"urn:x", "common rare"}} {
		shown, _ := NewProjection(rt, []string{test.attributes}, nil).Apply(o)["urn:x"].(Object)
		if got := strings.Join(sortedKeys(shown), " "); got != test.want {
			t.Errorf("%q: got %q", test.attributes, got)
		}
	}
}

func TestDiscovery(t *testing.T) {
	doc, err := json.Marshal(SchemaDocument(User().Core, "https://h/scim/v2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"id":"` + UserURN + `"`, `"location":"https://h/scim/v2/Schemas/` + UserURN + `"`,
		`"name":"userName","type":"string","multiValued":false`, `"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"server"`,
		`"mutability":"writeOnly","returned":"never"`, `"canonicalValues":["work","home","other"]`, `"referenceTypes":["external"]`,
	} {
		if !bytes.Contains(doc, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
	if bytes.Contains(doc, []byte("null")) {
		t.Error("the document holds null")
	}
	types, err := json.Marshal(ResourceTypeDocument(User(), "b"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `"schema":"` + UserURN + `","schemaExtensions":[{"schema":"` + EnterpriseURN + `","required":false}],"meta":{"resourceType":"ResourceType","location":"b/ResourceTypes/User"}`; !bytes.Contains(types, []byte(want)) {
		t.Errorf("got %s", types)
	}
	if types, err = json.Marshal(ResourceTypeDocument(Group(), "b")); err != nil || !bytes.Contains(types, []byte(`"schemaExtensions":[]`)) {
		t.Errorf("got %s, %v", types, err)
	}
}

func TestTypeNamed(t *testing.T) {
	for i := range typeNames {
		if got, ok := TypeNamed(strings.ToUpper(Type(i).String())); !ok || got != Type(i) {
			t.Errorf("%s: %v", Type(i), got)
		}
	}
	if _, ok := TypeNamed("text"); ok {
		t.Error("text is no type")
	}
}

func TestFold(t *testing.T) {
	for _, pair := range [][2]string{{"ABC", "abc"}, {"Straße", "STRASSE"}, {"É", "e\u0301"}, {"ΑΣ", "ας"}} {
		if Fold(pair[0]) != Fold(pair[1]) {
			t.Errorf("%q and %q fold to %q and %q", pair[0], pair[1], Fold(pair[0]), Fold(pair[1]))
		}
	}
	if Fold("a") == Fold("b") {
		t.Error("a is b")
	}
}
