package patch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"domicile/scim/schema"
	"domicile/scim/scimtest"
)

// FuzzDocument: a document is refused in the protocol's words, with nothing changed, or gives a valid resource whose stored
// form is stable.
func FuzzDocument(f *testing.F) {
	for _, body := range append(scimtest.Corpus(f).Patches, scimtest.Short(scimtest.HostileJSON())...) {
		f.Add([]byte(body))
	}
	for _, path := range append(scimtest.Corpus(f).Paths, scimtest.Short(scimtest.HostilePaths())...) {
		text := string(schema.AppendString(nil, path))
		f.Add(document(`{"op":"replace","path":` + text + `,"value":"x"}`))
		f.Add(document(`{"op":"remove","path":` + text + `},{"op":"add","value":{` + text + `:[{"value":"a"}]}}`))
	}
	for _, operations := range []string{
		`{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}`,
		`{"op":"Add","value":{"name.givenName":"x","` + enterprise + `:manager":"m"}}`,
		`{"op":"remove","path":"emails","value":[{"value":"a"}]}`,
		`{"op":"add","path":"roles","value":"{\"value\":\"x\"}"}`,
		`{"op":"replace","path":"` + enterprise + `","value":{"manager":[{"value":"1"}]}}`,
	} {
		f.Add(document(operations))
	}
	user, group := schema.User(), schema.Group()
	f.Fuzz(func(t *testing.T, body []byte) {
		defer scimtest.Within(t, string(body))()
		for _, d := range []schema.Dialect{schema.Entra(), schema.Strict()} {
			applied(t, user, body, resource(t, user, ann), d)
			applied(t, group, body, resource(t, group, `{"displayName":"G","externalId":"x"}`), d)
		}
	})
}

// applied compiles a document and checks what must hold of the outcome.
func applied(t *testing.T, rt *schema.ResourceType, body []byte, current schema.Object, d schema.Dialect) {
	t.Helper()
	before := string(schema.Encode(rt, current))
	change, err := Compile(rt, body, current, d)
	if string(schema.Encode(rt, current)) != before {
		t.Fatal("the current document was changed")
	}
	if err != nil {
		var limit *LimitError
		if scimType(err) == "" && !errors.As(err, &limit) {
			t.Fatalf("an error without scimType: %v", err)
		}
		return
	}
	stored := string(schema.Encode(rt, change.Attributes))
	if change.AttributesChanged != (stored != before) {
		t.Fatalf("changed is %v, from %s to %s", change.AttributesChanged, before, stored)
	}
	o, err := schema.Decode(rt, []byte(stored))
	if err != nil {
		t.Fatalf("%s cannot be decoded: %v", stored, err)
	}
	if again := string(schema.Encode(rt, o)); again != stored {
		t.Fatalf("stored as %s, then as %s", stored, again)
	}
	valid(t, rt, o, stored)
	for _, m := range change.Members.Add {
		for _, id := range change.Members.Remove {
			if m.ID == id {
				t.Fatalf("%s is both added and removed", id)
			}
		}
	}
}

// valid checks that a changed resource is one that could have been created.
func valid(t *testing.T, rt *schema.ResourceType, o schema.Object, stored string) {
	t.Helper()
	plain := schema.Strict()
	plain = plain.Without(schema.JSONText) // so that JSON text within a value is not read once more
	put, _, err := schema.Parse(rt, []byte(stored), plain)
	if err != nil {
		t.Fatalf("%s could not have been created: %v", stored, err)
	}
	if again := string(schema.Encode(rt, put)); again != stored {
		t.Fatalf("%s, put back, becomes %s", stored, again)
	}
	for name, v := range o {
		if list, ok := v.([]any); ok {
			if err := schema.CheckPrimary(name, list); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestHostile: every hostile body and path is refused, under every dialect.
func TestHostile(t *testing.T) {
	rt := schema.User()
	for _, d := range []schema.Dialect{schema.Interop(), schema.Strict(), schema.Entra()} {
		for _, in := range scimtest.HostileJSON() {
			done := scimtest.Within(t, in.Name)
			if _, err := Compile(rt, []byte(in.Text), resource(t, rt, ann), d); scimType(err) == "" {
				t.Errorf("body, %s: %v", in.Name, err)
			}
			done()
		}
		for _, in := range scimtest.HostilePaths() {
			for _, verb := range verbNames {
				body := document(`{"op":"` + verb + `","path":` + string(schema.AppendString(nil, in.Text)) + `,"value":"x"}`)
				if _, err := Compile(rt, body, resource(t, rt, ann), d); scimType(err) == "" {
					t.Errorf("%s of %s: %v", verb, in.Name, err)
				}
			}
		}
	}
}

// TestWork: what a document costs grows with its length, not with the square of it.
func TestWork(t *testing.T) {
	list := func(n int, format string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(items, ",")
	}
	times := func(n int, operation string) []byte {
		return document(strings.Join(slices.Repeat([]string{operation}, n), ","))
	}
	user, group := schema.User(), schema.Group()
	many := resource(t, user, `{"userName":"u","emails":[`+list(schema.MaxValues, `{"value":"a%d","type":"work"}`)+`]}`)
	byFilter := `{"op":"remove","path":"members[display co \"x\"]"}`
	added := `{"op":"add","path":"members","value":[` + list(100_000, `"m%d"`) + `]}`
	for name, c := range map[string]struct {
		rt      *schema.ResourceType
		current schema.Object
		body    []byte
		limit   bool // beyond it: a LimitError
	}{
		"removal by value":     {user, many, times(60, `{"op":"remove","path":"emails","value":[`+list(900, `"b%d"`)+`]}`), false},
		"filters on values":    {user, many, times(500, `{"op":"replace","path":"emails[not (display co \"q\") and not (type co \"q\")].display","value":"d"}`), false},
		"operations":           {user, many, times(MaxOperations+1, `{"op":"remove","path":"title"}`), true},
		"filters on members":   {group, resource(t, group, `{"displayName":"g"}`), document(added + "," + string(slices.Repeat([]byte(byFilter+","), maxMemberTerms-1)) + byFilter), false},
		"a filter too many":    {group, resource(t, group, `{"displayName":"g"}`), times(maxMemberTerms+1, byFilter), true},
		"members named by ids": {group, resource(t, group, `{"displayName":"g"}`), times(MaxOperations, `{"op":"remove","path":"members[value eq \"x\"]"}`), false},
	} {
		done := scimtest.Within(t, name)
		_, err := Compile(c.rt, c.body, c.current, schema.Interop())
		var limit *LimitError
		if errors.As(err, &limit) != c.limit || err != nil && !c.limit {
			t.Errorf("%s: %v", name, err)
		}
		done()
	}
}
