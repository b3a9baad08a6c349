package patch

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"domicile/scim/schema"
)

// The text of a document is canonical, and is a document that does the same.
func TestDocument_Text(t *testing.T) {
	enterprise := "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	for _, c := range []struct {
		rt         *schema.ResourceType
		operations string
		want       string // "" where only the meaning counts
	}{
		{schema.User(), `{"op":"Replace","path":"Active","value":"False"}`, `[{"op":"replace","path":"active","value":false}]`},
		{schema.User(), `{"op":"add","value":{"title":"T","name.givenName":"G","password":"secret"}}`,
			`[{"op":"add","path":"name.givenName","value":"G"},{"op":"add","path":"title","value":"T"}]`},
		{schema.User(), `{"op":"replace","path":"password","value":"secret"}`, `[]`},
		{schema.User(), `{"op":"replace","path":"emails[type eq \"work\"].value","value":"x@example.com"}`,
			`[{"op":"replace","path":"emails[type eq \"work\"].value","value":"x@example.com"}]`},
		{schema.User(), `{"op":"remove","path":"title"}`, `[{"op":"remove","path":"title"}]`},
		{schema.User(), `{"op":"remove","path":"` + enterprise + `"}`, `[{"op":"remove","path":"` + enterprise + `"}]`},
		{schema.User(), `{"op":"replace","value":{"` + enterprise + `":{"department":"D"}}}`, ""},
		{schema.User(), `{"op":"replace","path":"schemas","value":["urn:ietf:params:scim:schemas:core:2.0:User"]}`, ""},
		{schema.User(), `{"op":"add","path":"name","value":{"familyName":null,"givenName":"G"}}`, ""},
		{schema.Group(), `{"op":"add","path":"members","value":[{"value":"1","display":"d"}]}`, `[{"op":"add","path":"members","value":[{"value":"1"}]}]`},
		{schema.Group(), `{"op":"remove","path":"members","value":[{"value":"1"}]}`, `[{"op":"remove","path":"members[value eq \"1\"]"}]`},
		{schema.Group(), `{"op":"remove","path":"members","value":["1","2"]}`, `[{"op":"remove","path":"members[value eq \"1\" or value eq \"2\"]"}]`},
		{schema.Group(), `{"op":"remove","path":"members[display sw \"x\"]"}`, `[{"op":"remove","path":"members[display sw \"x\"]"}]`},
		{schema.Group(), `{"op":"remove","path":"members"}`, ""},
		{schema.Group(), `{"op":"replace","path":"members","value":[{"value":"1"}]},{"op":"replace","path":"displayName","value":"n"}`, ""},
	} {
		body := func(operations string) []byte {
			return fmt.Appendf(nil, `{"schemas":[%q],"Operations":%s}`, URN, operations)
		}
		doc, err := ParseDocument(c.rt, body("["+c.operations+"]"), schema.Interop())
		if err != nil {
			t.Fatalf("%s: %v", c.operations, err)
		}
		text := doc.Text()
		if c.want != "" && text != c.want {
			t.Errorf("%s\n gives %s\n want  %s", c.operations, text, c.want)
		}
		if text == "[]" {
			continue
		}
		current := schema.Object{"userName": "u", "displayName": "g", "title": "old", "active": true, "name": schema.Object{"familyName": "F"},
			"emails": []any{schema.Object{"value": "a", "type": "work"}}, enterprise: schema.Object{"department": "old", "costCenter": "c"}}
		first, err := doc.Apply(current)
		if err != nil {
			t.Fatalf("%s: %v", c.operations, err)
		}
		again, err := Compile(c.rt, body(text), current, schema.Interop())
		if err != nil {
			t.Errorf("%s gives %s, which fails: %v", c.operations, text, err)
			continue
		}
		first.Courtesies, again.Courtesies = nil, nil
		for i := range first.Members.Add { // what the client believed of a member does not count
			first.Members.Add[i] = schema.Member{ID: first.Members.Add[i].ID}
		}
		if !reflect.DeepEqual(first, again) {
			t.Errorf("%s gives %s, which does something else:\n%+v\n%+v", c.operations, text, first, again)
		}
	}
}

// A long text is cut, says so, and is JSON no more.
func TestDocument_Text_long(t *testing.T) {
	var members []string
	for i := range 20_000 {
		members = append(members, fmt.Sprintf(`{"value":"%d"}`, i))
	}
	for _, operations := range []string{
		`{"op":"add","path":"members","value":[` + strings.Join(members, ",") + `]}`,
		`{"op":"remove","path":"members","value":[` + strings.Join(members, ",") + `]}`,
		`{"op":"replace","path":"displayName","value":"` + strings.Repeat("ü", 5000) + `"}`,
		strings.Repeat(`{"op":"replace","path":"displayName","value":"x"},`, 1000) + `{"op":"replace","path":"displayName","value":"x"}`,
	} {
		doc, err := ParseDocument(schema.Group(), fmt.Appendf(nil, `{"schemas":[%q],"Operations":[%s]}`, URN, operations), schema.Interop())
		if err != nil {
			t.Fatal(err)
		}
		text := doc.Text()
		if len(text) > MaxText || !strings.Contains(text, "…") || json.Valid([]byte(text)) || strings.ToValidUTF8(text, "") != text {
			t.Errorf("%d bytes: %.300s", len(text), text)
		}
	}
}
