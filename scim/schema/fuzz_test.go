package schema

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"domicile/scim/scimtest"
)

// FuzzDecodeJSON: what is accepted is what encoding/json reads, and its bytes are stable; what is refused is
// invalidSyntax.
func FuzzDecodeJSON(f *testing.F) {
	for _, text := range append(scimtest.Short(scimtest.HostileJSON()),
		`{"a":[1,-0.5e+3,true,null,"x\u00e9\ud83d\ude00"]}`, `"\`, `[[[]]]`, `{"a":1,"a":2}`, ` 01`, "\ufeff1", `"\u0000"`) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer scimtest.Within(t, string(data))()
		v, err := DecodeJSON(data)
		if err != nil {
			if scimType(err) != InvalidSyntax {
				t.Fatalf("%v", err)
			}
			return
		}
		d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("%q was accepted, but %v", data, err)
		}
		if !reflect.DeepEqual(v, want) {
			t.Fatalf("%q: got %#v, want %#v", data, v, want)
		}
	})
}

// FuzzUser and FuzzGroup: a body is refused in the protocol's words, or gives a resource that is valid, whose stored form
// reads back to the same bytes, and which nothing needs to be tolerated of any more.
func FuzzUser(f *testing.F) {
	for _, body := range scimtest.Corpus(f).Users {
		f.Add([]byte(body))
	}
	f.Add([]byte(`{"userName":"u","emails":[{"value":"x","primary":"True"}],"name":{"givenName":null}}`))
	f.Add([]byte(`{"userName":["u"],"roles":"[{\"value\":\"{\\\"value\\\":\\\"x\\\"}\"}]","manager":"m"}`))
	fuzzResource(f, User())
}

func FuzzGroup(f *testing.F) {
	for _, body := range scimtest.Corpus(f).Groups {
		f.Add([]byte(body))
	}
	f.Add([]byte(`{"displayName":1,"members":["a",{"value":"b","type":"User","operation":"delete"}]}`))
	fuzzResource(f, Group())
}

func fuzzResource(f *testing.F, rt *ResourceType) {
	for _, text := range scimtest.Short(scimtest.HostileJSON()) {
		f.Add([]byte(text))
	}
	plain := Strict()
	plain = plain.Without(JSONText) // so that JSON text within JSON text is not read once more
	f.Fuzz(func(t *testing.T, body []byte) {
		defer scimtest.Within(t, string(body))()
		for _, d := range []Dialect{Strict(), Entra()} {
			o, _, err := Parse(rt, body, d)
			if err != nil {
				if scimType(err) != InvalidSyntax && scimType(err) != InvalidValue {
					t.Fatal(err)
				}
				continue
			}
			storable(t, rt, o, plain)
		}
	})
}

// storable checks what must hold of every resource that was accepted.
func storable(t *testing.T, rt *ResourceType, o Object, plain Dialect) {
	t.Helper()
	stored := Encode(rt, o)
	if !json.Valid(stored) {
		t.Fatalf("stored as %q, which is no JSON", stored)
	}
	back, err := Decode(rt, stored)
	if err != nil {
		t.Fatalf("%s does not decode: %v", stored, err)
	}
	if again := Encode(rt, back); !bytes.Equal(again, stored) {
		t.Fatalf("stored as %s, then as %s", stored, again)
	}
	if err := CheckRequired(rt, back); err != nil {
		t.Fatalf("%s was accepted: %v", stored, err)
	}
	put, _, err := Parse(rt, stored, plain)
	if err != nil {
		t.Fatalf("%s cannot be put back: %v", stored, err)
	}
	if again := Encode(rt, put); !bytes.Equal(again, stored) {
		t.Fatalf("%s was put back as %s", stored, again)
	}
}

// TestHostile: every hostile body is refused, as what it is.
func TestHostile(t *testing.T) {
	for _, rt := range []*ResourceType{User(), Group()} {
		for _, d := range []Dialect{Interop(), Strict(), Entra()} {
			for _, in := range scimtest.HostileJSON() {
				done := scimtest.Within(t, in.Name)
				if _, _, err := Parse(rt, []byte(in.Text), d); scimType(err) != InvalidSyntax && scimType(err) != InvalidValue {
					t.Errorf("%s, %s: %v", rt.Name, in.Name, err)
				}
				done()
			}
		}
	}
}

// TestBounds: what is within the bounds of a body is read, what is beyond is refused, wherever it stands.
func TestBounds(t *testing.T) {
	digits := strings.Repeat("9", MaxText+1)
	for name, c := range map[string]struct {
		rt   *ResourceType
		body string
		want string
	}{
		"a long text":       {User(), `{"userName":"u","title":"` + strings.Repeat("a", MaxText) + `"}`, ""},
		"too long a text":   {User(), `{"userName":"u","title":"` + strings.Repeat("a", MaxText+1) + `"}`, InvalidValue},
		"too long a number": {User(), `{"userName":"u","title":` + digits + `}`, InvalidValue},
		"many values":       {User(), `{"userName":"u","roles":[` + strings.Repeat(`"a",`, MaxValues-1) + `"a"]}`, ""},
		"too many values":   {User(), `{"userName":"u","roles":[` + strings.Repeat(`"a",`, MaxValues) + `"a"]}`, InvalidValue},
		"too many members":  {Group(), `{"displayName":"g","members":[` + strings.Repeat(`"a",`, MaxLinks) + `"a"]}`, InvalidValue},
		"too many nodes":    {Group(), `{"displayName":"g","x":[` + strings.Repeat(`0,`, MaxNodes) + `0]}`, InvalidSyntax},
		"deep":              {User(), `{"userName":"u","x":` + strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1) + `}`, ""},
		"too deep":          {User(), `{"userName":"u","x":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`, InvalidSyntax},
	} {
		if _, _, err := Parse(c.rt, []byte(c.body), Interop()); scimType(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
