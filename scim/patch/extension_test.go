package patch

import (
	"strings"
	"testing"

	"domicile/scim/schema"
)

// extended gives a resource type with three schemas of an organization's own, whose URNs are prefixes of each other.
func extended(t testing.TB, rt *schema.ResourceType) *schema.ResourceType {
	t.Helper()
	var extensions []schema.Extension
	for _, urn := range []string{"urn:xx:hr", "urn:xx:hr:2.0", "urn:xx:hr:2.0:Person"} {
		s, err := schema.ParseExtension([]byte(`{"id":"` + urn + `","attributes":[
			{"name":"grade","type":"integer"}, {"name":"schemas"}, {"name":"badge","mutability":"immutable"}, {"name":"pin","mutability":"writeOnly"},
			{"name":"seen","mutability":"readOnly"}, {"name":"tags","multiValued":true},
			{"name":"office","type":"complex","subAttributes":[{"name":"building"},{"name":"floor","type":"integer","mutability":"immutable"}]},
			{"name":"doors","type":"complex","multiValued":true,"subAttributes":[{"name":"value"},{"name":"kind"},{"name":"primary","type":"boolean"}]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		extensions = append(extensions, schema.Extension{Schema: s})
	}
	return rt.With(extensions...)
}

func TestExtensions(t *testing.T) {
	const before = `"urn:xx:hr":{"grade":1,"badge":"b"},"urn:xx:hr:2.0":{"grade":2,"doors":[{"value":"d","kind":"front"}]}`
	tests := []struct{ name, operations, want string }{
		{"qualified path", `{"op":"replace","path":"URN:xx:hr:2.0:GRADE","value":"9"}`, strings.Replace(before, `"grade":2`, `"grade":9`, 1)},
		{"the longer URN", `{"op":"add","path":"urn:xx:hr:2.0:Person:grade","value":3}`, before + `,"urn:xx:hr:2.0:Person":{"grade":3}`},
		{"sub-attribute", `{"op":"add","path":"urn:xx:hr:office.building","value":"B"}`, strings.Replace(before, `"b"`, `"b","office":{"building":"B"}`, 1)},
		{"filter", `{"op":"replace","path":"urn:xx:hr:2.0:doors[kind eq \"front\"].value","value":"e"}`, strings.Replace(before, `"d"`, `"e"`, 1)},
		{"upsert", `{"op":"add","path":"urn:xx:hr:2.0:doors[kind eq \"back\"].value","value":"d"}`, strings.Replace(before, `"front"}`, `"front"},{"value":"d","kind":"back"}`, 1)},
		{"values that differ in more than value and type", `{"op":"add","path":"urn:xx:hr:2.0:doors","value":[{"value":"d","kind":"side"},{"value":"d","kind":"side"}]}`, strings.Replace(before, `"front"}`, `"front"},{"value":"d","kind":"side"}`, 1)},
		{"remove by value", `{"op":"remove","path":"urn:xx:hr:2.0:doors","value":[{"value":"d"}]}`, strings.Replace(before, `,"doors":[{"value":"d","kind":"front"}]`, ``, 1)},
		{"look-alikes", `{"op":"add","path":"urn:xx:hr:tags","value":["x2","x²","X2"]}`, strings.Replace(before, `"b"`, `"b","tags":["x2","x²"]`, 1)},
		{"whole extension", `{"op":"add","path":"urn:xx:hr:2.0:Person","value":{"grade":4,"pin":"1","seen":"x","nope":1}}`, before + `,"urn:xx:hr:2.0:Person":{"grade":4}`},
		{"whole extension without path", `{"op":"replace","value":{"urn:xx:hr:2.0":{"grade":null}}}`, strings.Replace(before, `"grade":2,`, ``, 1)},
		{"qualified key", `{"op":"replace","value":{"urn:xx:hr:2.0:grade":7,"urn:xx:hr:grade":8}}`, `"urn:xx:hr":{"grade":8,"badge":"b"},"urn:xx:hr:2.0":{"grade":7,"doors":[{"value":"d","kind":"front"}]}`},
		{"qualified key that is called schemas", `{"op":"replace","value":{"urn:xx:hr:schemas":"s"}}`, strings.Replace(before, `"grade":1,`, `"grade":1,"schemas":"s",`, 1)},
		{"removed", `{"op":"remove","path":"urn:xx:hr:2.0"}`, `"urn:xx:hr":{"grade":1,"badge":"b"}`},
		{"a secret is dropped", `{"op":"add","path":"urn:xx:hr:pin","value":"1234"}`, before},
		{"immutable: the same, taken and given back", `{"op":"replace","path":"urn:xx:hr:badge","value":"b"},{"op":"remove","path":"urn:xx:hr:badge"},{"op":"add","path":"urn:xx:hr:badge","value":"b"}`, before},
		{"immutable: the first value", `{"op":"add","path":"urn:xx:hr:2.0:office.floor","value":3}`, strings.Replace(before, `,"doors"`, `,"office":{"floor":3},"doors"`, 1)},
	}
	for _, rt := range []*schema.ResourceType{schema.User(), schema.Group()} {
		rt := extended(t, rt)
		current := resource(t, rt, `{"userName":"u","displayName":"d",`+before+`}`)
		_, head, _ := strings.Cut(string(schema.Encode(rt, current)), "]")
		head = strings.TrimPrefix(strings.TrimSuffix(head, before+"}"), ",")
		for _, test := range tests {
			change, err := Compile(rt, document(test.operations), current, schema.Interop())
			if err != nil {
				t.Errorf("%s, %s: %v", rt.Name, test.name, err)
				continue
			}
			if got := attributes(rt, change.Attributes); got != "{"+head+test.want+"}" {
				t.Errorf("%s, %s\ngot  %s\nwant {%s%s}", rt.Name, test.name, got, head, test.want)
			}
			if change.AttributesChanged != (test.want != before) || change.Members.Mode != None {
				t.Errorf("%s, %s: changed %v", rt.Name, test.name, change.AttributesChanged)
			}
		}
	}
}

func TestExtensions_errors(t *testing.T) {
	rt := extended(t, schema.User())
	current := resource(t, rt, `{"userName":"u","urn:xx:hr":{"badge":"b","office":{"building":"B","floor":1}}}`)
	for operation, want := range map[string]string{
		`{"op":"replace","path":"urn:xx:hr:badge","value":"c"}`:                                                         schema.Mutability,
		`{"op":"remove","path":"urn:xx:hr:badge"}`:                                                                      schema.Mutability,
		`{"op":"remove","path":"urn:xx:hr"}`:                                                                            schema.Mutability,
		`{"op":"replace","path":"schemas","value":["` + schema.UserURN + `"]}`:                                          schema.Mutability,
		`{"op":"replace","path":"urn:xx:hr:office.floor","value":2}`:                                                    schema.Mutability,
		`{"op":"replace","path":"urn:xx:hr:office","value":{"floor":2}}`:                                                schema.Mutability,
		`{"op":"add","path":"urn:xx:hr:seen","value":"x"}`:                                                              schema.Mutability,
		`{"op":"add","path":"urn:xx:hr:grade","value":"high"}`:                                                          schema.InvalidValue,
		`{"op":"add","path":"urn:xx:hr:nope","value":"x"}`:                                                              schema.InvalidPath,
		`{"op":"add","path":"urn:xx:hr:2.0:Person:nope","value":"x"}`:                                                   schema.InvalidPath,
		`{"op":"add","path":"urn:xx:hr:3.0:grade","value":1}`:                                                           schema.InvalidPath,
		`{"op":"remove","path":"urn:xx:hr:doors[pin eq \"1\"]"}`:                                                        schema.InvalidFilter,
		`{"op":"replace","path":"urn:xx:hr:doors","value":[{"value":"a","primary":true},{"value":"b","primary":true}]}`: schema.InvalidValue,
	} {
		if _, err := Compile(rt, document(operation), current, schema.Interop()); scimType(err) != want {
			t.Errorf("%s: got %v, want %s", operation, err, want)
		}
	}
}
