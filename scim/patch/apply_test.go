package patch

import (
	"errors"
	"strings"
	"testing"

	"domicile/scim/schema"
)

const enterprise = schema.EnterpriseURN

// document wraps operations, written in JSON, into a PATCH body.
func document(operations string) []byte {
	return []byte(`{"schemas":["` + URN + `"],"Operations":[` + operations + `]}`)
}

// resource parses a body as POST does.
func resource(t testing.TB, rt *schema.ResourceType, body string) schema.Object {
	t.Helper()
	o, _, err := schema.Parse(rt, []byte(body), schema.Interop())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// attributes shows a document without its schemas.
func attributes(rt *schema.ResourceType, o schema.Object) string {
	_, rest, _ := strings.Cut(string(schema.Encode(rt, o)), "]")
	return "{" + strings.TrimPrefix(rest, ",")
}

const ann = `{"userName":"ann","name":{"givenName":"Ann","familyName":"Lee"},"active":true,
 "emails":[{"value":"ann@x","type":"work","primary":true},{"value":"a@home","type":"home"}],
 "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales","manager":{"value":"m1","$ref":"u/m1"}}}`

func TestApply(t *testing.T) {
	const base = `"userName":"ann","name":{"familyName":"Lee","givenName":"Ann"},"active":true,`
	const emails = `"emails":[{"value":"ann@x","type":"work","primary":true},{"value":"a@home","type":"home"}]`
	const ext = `,"` + enterprise + `":{"department":"Sales","manager":{"value":"m1","$ref":"u/m1"}}`
	tests := []struct {
		name, operations, want string
	}{
		{"replace a simple attribute", `{"op":"replace","path":"userName","value":"bea"}`,
			`{"userName":"bea","name":{"familyName":"Lee","givenName":"Ann"},"active":true,` + emails + ext + `}`},
		{"capitalised op and text boolean", `{"op":"Replace","path":"active","value":"False"}`,
			`{"userName":"ann","name":{"familyName":"Lee","givenName":"Ann"},"active":false,` + emails + ext + `}`},
		{"merge a complex attribute", `{"op":"replace","path":"name","value":{"familyName":"Roe"}}`,
			`{"userName":"ann","name":{"familyName":"Roe","givenName":"Ann"},"active":true,` + emails + ext + `}`},
		{"null clears one sub-attribute", `{"op":"replace","value":{"name":{"familyName":null}}}`,
			`{"userName":"ann","name":{"givenName":"Ann"},"active":true,` + emails + ext + `}`},
		{"dotted and qualified keys", `{"op":"replace","value":{"name.givenName":"A","` + enterprise + `:department":"IT"}}`,
			`{"userName":"ann","name":{"familyName":"Lee","givenName":"A"},"active":true,` + emails + strings.Replace(ext, "Sales", "IT", 1) + `}`},
		{"filtered key", `{"op":"replace","value":{"emails[type eq \"home\"].value":"b@home"}}`,
			`{` + base + strings.Replace(emails, "a@home", "b@home", 1) + ext + `}`},
		{"add appends", `{"op":"add","path":"emails","value":[{"value":"c@x","type":"other"}]}`,
			`{` + base + strings.Replace(emails, `"home"}]`, `"home"},{"value":"c@x","type":"other"}]`, 1) + ext + `}`},
		{"add of what is there", `{"op":"add","path":"emails","value":[{"value":"ANN@x","type":"work","primary":true}]}`,
			`{` + base + emails + ext + `}`},
		{"add with primary moves it", `{"op":"add","path":"emails","value":{"value":"c@x","primary":true}}`,
			`{` + base + `"emails":[{"value":"ann@x","type":"work","primary":false},{"value":"a@home","type":"home"},{"value":"c@x","primary":true}]` + ext + `}`},
		{"replace all", `{"op":"replace","path":"emails","value":[{"value":"z@x"}]}`,
			`{` + base + `"emails":[{"value":"z@x"}]` + ext + `}`},
		{"move primary by filter", `{"op":"replace","path":"emails[type eq \"home\"].primary","value":"True"}`,
			`{` + base + `"emails":[{"value":"ann@x","type":"work","primary":false},{"value":"a@home","type":"home","primary":true}]` + ext + `}`},
		{"replace the matching value keeps what the filter says", `{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"n@home"}}`,
			`{` + base + strings.Replace(emails, "a@home", "n@home", 1) + ext + `}`},
		{"filtered null keeps the entry", `{"op":"replace","path":"emails[type eq \"home\"].value","value":null}`,
			`{` + base + strings.Replace(emails, `"value":"a@home",`, "", 1) + ext + `}`},
		{"upsert twice makes one value", `{"op":"add","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"},{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].display","value":"one"}`,
			`{` + base + emails + `,"phoneNumbers":[{"value":"1","display":"one","type":"mobile"}]` + ext + `}`},
		{"upsert with a text boolean in the filter", `{"op":"add","path":"roles[primary eq \"True\"].value","value":"admin"}`,
			`{` + base + emails + `,"roles":[{"value":"admin","primary":true}]` + ext + `}`},
		{"upsert by a compound filter", `{"op":"replace","path":"ims[type eq \"xmpp\" and primary eq true].value","value":"j"}`,
			`{` + base + emails + `,"ims":[{"value":"j","type":"xmpp","primary":true}]` + ext + `}`},
		{"upsert of a whole value", `{"op":"add","path":"addresses[type eq \"work\"]","value":{"locality":"L"}}`,
			`{` + base + emails + `,"addresses":[{"locality":"L","type":"work"}]` + ext + `}`},
		{"add to the matching value merges", `{"op":"add","path":"emails[type eq \"home\"]","value":{"display":"D"}}`,
			`{` + base + strings.Replace(emails, `"a@home"`, `"a@home","display":"D"`, 1) + ext + `}`},
		{"upsert of nothing", `{"op":"replace","path":"ims[type eq \"x\"].value","value":null}`, `{` + base + emails + ext + `}`},
		{"filtered null removes the value", `{"op":"replace","path":"emails[type eq \"home\"]","value":null}`,
			`{` + base + `"emails":[{"value":"ann@x","type":"work","primary":true}]` + ext + `}`},
		{"clearing the last sub-attribute removes the value", `{"op":"replace","path":"ims","value":[{"value":"x"}]},{"op":"remove","path":"ims[value eq \"x\"].value"}`, `{` + base + emails + ext + `}`},
		{"whole extension in a pathless value", `{"op":"add","value":{"` + enterprise + `":{"DIVISION":"D","manager":{"displayName":"x"},"nope":1}}}`,
			`{` + base + emails + `,"` + enterprise + `":{"division":"D","department":"Sales","manager":{"value":"m1","$ref":"u/m1"}}}`},
		{"null for a whole extension", `{"op":"replace","value":{"` + enterprise + `":null}}`, `{` + base + emails + `}`},
		{"add of null for a whole extension", `{"op":"add","value":{"` + enterprise + `":null}}`, `{` + base + emails + ext + `}`},
		{"roles as JSON text", `{"op":"Add","path":"roles","value":[{"value":"{\"id\":\"7\",\"value\":\"admin\",\"displayName\":\"Admin\"}"}]}`,
			`{` + base + emails + `,"roles":[{"value":"admin","display":"Admin"}]` + ext + `}`},
		{"role as bare JSON text", `{"op":"Add","path":"roles","value":"{\"id\":\"7\",\"value\":\"admin\"}"}`,
			`{` + base + emails + `,"roles":[{"value":"admin"}]` + ext + `}`},
		{"remove a value by filter", `{"op":"remove","path":"emails[type eq \"work\" and value sw \"ann\"]"}`,
			`{` + base + `"emails":[{"value":"a@home","type":"home"}]` + ext + `}`},
		{"remove by value list", `{"op":"Remove","path":"emails","value":[{"value":"ANN@X"}]}`,
			`{` + base + `"emails":[{"value":"a@home","type":"home"}]` + ext + `}`},
		{"remove of an empty list is nothing", `{"op":"Remove","path":"emails","value":[]}`, `{` + base + emails + ext + `}`},
		{"remove all", `{"op":"remove","path":"emails"}`, `{` + strings.TrimSuffix(base, ",") + ext + `}`},
		{"remove what is not there", `{"op":"remove","path":"nickName"},{"op":"remove","path":"ims[type eq \"x\"]"}`, `{` + base + emails + ext + `}`},
		{"manager as text drops the old reference", `{"op":"Add","path":"` + enterprise + `:manager","value":"m2"}`,
			`{` + base + emails + `,"` + enterprise + `":{"department":"Sales","manager":{"value":"m2"}}}`},
		{"manager as a list of one", `{"op":"Add","path":"` + enterprise + `:manager","value":[{"$ref":null,"value":"m2"}]}`,
			`{` + base + emails + `,"` + enterprise + `":{"department":"Sales","manager":{"value":"m2"}}}`},
		{"manager.value", `{"op":"replace","path":"` + enterprise + `:manager.value","value":"m2"}`,
			`{` + base + emails + `,"` + enterprise + `":{"department":"Sales","manager":{"value":"m2"}}}`},
		{"manager cleared by an empty value", `{"op":"replace","path":"` + enterprise + `:manager","value":{"value":""}}`,
			`{` + base + emails + `,"` + enterprise + `":{"department":"Sales"}}`},
		{"whole extension merged", `{"op":"replace","path":"` + enterprise + `","value":{"division":"D","department":null}}`,
			`{` + base + emails + `,"` + enterprise + `":{"division":"D","manager":{"value":"m1","$ref":"u/m1"}}}`},
		{"whole extension removed", `{"op":"remove","path":"` + enterprise + `"}`, `{` + base + emails + `}`},
		{"schemas without the extension", `{"op":"replace","path":"schemas","value":["` + schema.UserURN + `"]}`, `{` + base + emails + `}`},
		{"readOnly and unknown keys of a pathless value", `{"op":"replace","value":{"id":"x","schemas":["y"],"groups":[],"meta":{},"colour":"red","title":"T"}}`,
			`{"userName":"ann","name":{"familyName":"Lee","givenName":"Ann"},"title":"T","active":true,` + emails + ext + `}`},
		{"add of null is nothing", `{"op":"add","path":"title","value":null}`, `{` + base + emails + ext + `}`},
		{"a password is dropped", `{"op":"replace","value":{"password":"secret"}}`, `{` + base + emails + ext + `}`},
		{"in order", `{"op":"remove","path":"title"},{"op":"add","path":"title","value":"I"},{"op":"replace","path":"title","value":"F"}`,
			`{"userName":"ann","name":{"familyName":"Lee","givenName":"Ann"},"title":"F","active":true,` + emails + ext + `}`},
		{"sub-attribute of every value", `{"op":"replace","path":"emails.type","value":"other"}`,
			`{` + base + `"emails":[{"value":"ann@x","type":"other","primary":true},{"value":"a@home","type":"other"}]` + ext + `}`},
	}
	rt := schema.User()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			current := resource(t, rt, ann)
			before := string(schema.Encode(rt, current))
			change, err := Compile(rt, document(test.operations), current, schema.Interop())
			if err != nil {
				t.Fatal(err)
			}
			if got := attributes(rt, change.Attributes); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if string(schema.Encode(rt, current)) != before {
				t.Error("the current document was changed")
			}
			if changed := attributes(rt, change.Attributes) != attributes(rt, current); changed != change.AttributesChanged {
				t.Errorf("AttributesChanged = %v", change.AttributesChanged)
			}
			if change.Members.Mode != None {
				t.Error("a user has no members")
			}
		})
	}
}

func TestApply_errors(t *testing.T) {
	tests := []struct {
		name, operations, want string
	}{
		{"remove without path", `{"op":"remove"}`, schema.NoTarget},
		{"remove required", `{"op":"remove","path":"userName"}`, schema.Mutability},
		{"null for required", `{"op":"replace","path":"userName","value":null}`, schema.InvalidValue},
		{"blank for required", `{"op":"replace","path":"userName","value":" "}`, schema.InvalidValue},
		{"remove readOnly", `{"op":"remove","path":"groups"}`, schema.Mutability},
		{"replace id", `{"op":"replace","path":"id","value":"z"}`, schema.Mutability},
		{"replace meta", `{"op":"replace","path":"meta.created","value":"2011-05-13T04:42:34Z"}`, schema.Mutability},
		{"readOnly sub-attribute", `{"op":"replace","path":"` + enterprise + `:manager.displayName","value":"x"}`, schema.Mutability},
		{"malformed filter", `{"op":"replace","path":"emails[broken!!!filter","value":"x"}`, schema.InvalidFilter},
		{"malformed path", `{"op":"replace","path":"emails]","value":"x"}`, schema.InvalidPath},
		{"unknown path", `{"op":"replace","path":"favouriteColour","value":"red"}`, schema.InvalidPath},
		{"unknown sub-attribute", `{"op":"replace","path":"name.colour","value":"red"}`, schema.InvalidPath},
		{"unknown URN", `{"op":"replace","path":"urn:example:nope:User:x","value":"red"}`, schema.InvalidPath},
		{"filter on a single value", `{"op":"replace","path":"name[givenName eq \"x\"]","value":{}}`, schema.InvalidPath},
		{"wrong type", `{"op":"replace","path":"active","value":"perhaps"}`, schema.InvalidValue},
		{"scalar for pathless", `{"op":"replace","value":"x"}`, schema.InvalidValue},
		{"no value", `{"op":"replace","path":"title"}`, schema.InvalidValue},
		{"op missing", `{"path":"title","value":"x"}`, schema.InvalidSyntax},
		{"op unknown", `{"op":"move","path":"title","value":"x"}`, schema.InvalidSyntax},
		{"operation is no object", `"x"`, schema.InvalidSyntax},
		{"path is no string", `{"op":"add","path":3,"value":"x"}`, schema.InvalidPath},
		{"two primaries", `{"op":"replace","path":"emails","value":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, schema.InvalidValue},
		{"all primary", `{"op":"replace","path":"emails.primary","value":true}`, schema.InvalidValue},
		{"no equality to create from", `{"op":"replace","path":"ims[value co \"x\"].value","value":"y"}`, schema.NoTarget},
		{"or cannot be created from", `{"op":"add","path":"ims[type eq \"x\" or type eq \"y\"].value","value":"y"}`, schema.NoTarget},
		{"a part cannot be created from", `{"op":"add","path":"ims[type eq \"x\" and value pr].value","value":"y"}`, schema.NoTarget},
		{"extension as text", `{"op":"add","path":"` + enterprise + `","value":"y"}`, schema.InvalidValue},
		{"filtered key with a bad filter", `{"op":"add","value":{"emails[nope eq 1].value":"y"}}`, schema.InvalidFilter},
		{"unknown schema", `{"op":"replace","path":"schemas","value":["urn:x"]}`, schema.InvalidValue},
		{"remove schemas", `{"op":"remove","path":"schemas"}`, schema.Mutability},
	}
	rt := schema.User()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Compile(rt, document(test.operations), resource(t, rt, ann), schema.Interop())
			var e *schema.Error
			if !errors.As(err, &e) || e.ScimType != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestApply_atomic(t *testing.T) {
	rt := schema.User()
	current := resource(t, rt, ann)
	before := string(schema.Encode(rt, current))
	_, err := Compile(rt, document(`{"op":"replace","path":"title","value":"x"},{"op":"replace","path":"emails[primary eq true].type","value":"q"},{"op":"replace","path":"ims[value co \"x\"].value","value":"y"}`), current, schema.Interop())
	if err == nil || !strings.Contains(err.Error(), "no value matches") {
		t.Fatalf("got %v", err)
	}
	if string(schema.Encode(rt, current)) != before {
		t.Error("a failed document left something behind")
	}
}

func TestApply_again(t *testing.T) {
	rt := schema.User()
	doc, err := ParseDocument(rt, document(`{"op":"add","path":"emails","value":[{"value":"c","primary":true}]},{"op":"add","path":"emails","value":[{"value":"d","primary":true}]}`), schema.Interop())
	if err != nil {
		t.Fatal(err)
	}
	first, err := doc.Apply(resource(t, rt, ann))
	if err != nil {
		t.Fatal(err)
	}
	again, err := doc.Apply(resource(t, rt, ann))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := attributes(rt, first.Attributes), attributes(rt, again.Attributes); a != b {
		t.Errorf("first %s\nagain %s", a, b)
	}
}

func TestStrict(t *testing.T) {
	rt := schema.User()
	tests := []struct {
		name string
		body string
		want string
	}{
		{"replace without a match", string(document(`{"op":"replace","path":"addresses[type eq \"other\"].locality","value":"z"}`)), schema.NoTarget},
		{"add without a match", string(document(`{"op":"add","path":"addresses[type eq \"other\"].locality","value":"z"}`)), ""},
		{"remove without a match", string(document(`{"op":"remove","path":"addresses[type eq \"other\"]"}`)), ""},
		{"capitalised op", string(document(`{"op":"Replace","path":"title","value":"z"}`)), ""},
		{"no schemas", `{"Operations":[{"op":"remove","path":"title"}]}`, schema.InvalidSyntax},
		{"extra member", `{"schemas":["` + URN + `"],"id":"x","Operations":[{"op":"remove","path":"title"}]}`, schema.InvalidSyntax},
		{"unquoted literal", string(document(`{"op":"remove","path":"emails[type eq work]"}`)), schema.InvalidFilter},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Compile(rt, []byte(test.body), resource(t, rt, ann), schema.Strict())
			if got := scimType(err); got != test.want {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

func scimType(err error) string {
	var e *schema.Error
	if errors.As(err, &e) {
		return e.ScimType
	}
	return ""
}

func TestParseDocument_envelope(t *testing.T) {
	op := `{"op":"replace","path":"title","value":"x"}`
	tests := []struct {
		name, body, want string
		courtesies       string
	}{
		{"plain", `{"schemas":["` + URN + `"],"Operations":[` + op + `]}`, "", ""},
		{"no operations", `{"schemas":["` + URN + `"]}`, schema.InvalidSyntax, ""},
		{"empty operations", `{"schemas":["` + URN + `"],"Operations":[]}`, schema.InvalidSyntax, ""},
		{"array", `[]`, schema.InvalidSyntax, ""},
		{"no JSON", `{`, schema.InvalidSyntax, ""},
		{"lower case", `{"schemas":["` + URN + `"],"operations":[` + op + `]}`, "", "operationCase:operations"},
		{"both cases", `{"schemas":["` + URN + `"],"operations":[` + op + `],"Operations":[` + op + `]}`, schema.InvalidSyntax, ""},
		{"no schemas", `{"Operations":[` + op + `]}`, "", "missingSchemas:schemas"},
		{"other schemas", `{"schemas":["x"],"Operations":[` + op + `]}`, "", "foreignSchemas:schemas"},
		{"schemas as text", `{"schemas":"` + URN + `","Operations":[` + op + `]}`, "", "singleForList:schemas"},
		{"extra members", `{"id":"1","schemas":["` + URN + `"],"Operations":[` + op + `]}`, "", "extraMember:id"},
		{"one operation as an object", `{"schemas":["` + URN + `"],"Operations":` + op + `}`, "", "singleForList:Operations"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc, err := ParseDocument(schema.User(), []byte(test.body), schema.Interop())
			if got := scimType(err); got != test.want {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if err != nil {
				return
			}
			if got := names(doc.Courtesies()); got != test.courtesies {
				t.Errorf("courtesies %q, want %q", got, test.courtesies)
			}
		})
	}
	many := strings.Repeat(op+",", MaxOperations) + op
	var limit *LimitError
	if _, err := ParseDocument(schema.User(), document(many), schema.Interop()); !errors.As(err, &limit) || limit.Limit != MaxOperations {
		t.Errorf("got %v, want a LimitError", err)
	}
}

func TestNumberedErrors(t *testing.T) {
	_, err := ParseDocument(schema.User(), document(`{"op":"remove","path":"title"},{"op":"remove","path":"nope"}`), schema.Interop())
	if err == nil || !strings.Contains(err.Error(), "operation 2 of 2") {
		t.Errorf("got %v", err)
	}
}

func TestImmutable(t *testing.T) {
	const urn = "urn:example:badge"
	rt := schema.User().With(schema.Extension{Schema: &schema.Schema{ID: urn, Attributes: []schema.Attribute{
		{Name: "number", Type: schema.TypeInteger, Mutability: schema.Immutable},
		{Name: "tags", MultiValued: true},
	}}})
	current := resource(t, rt, `{"userName":"a"}`)
	change, err := Compile(rt, document(`{"op":"add","path":"urn:example:badge:number","value":7},{"op":"add","path":"urn:example:badge:tags","value":["a","A","b"]},{"op":"remove","path":"urn:example:badge:tags[value eq \"A\"]"}`), current, schema.Interop())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := attributes(rt, change.Attributes), `{"userName":"a","urn:example:badge":{"number":7,"tags":["b"]}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	same := `{"op":"replace","path":"urn:example:badge:number","value":7}`
	if change, err = Compile(rt, document(same), change.Attributes, schema.Interop()); err != nil || change.AttributesChanged {
		t.Errorf("the same value: %v", err)
	}
	for _, operation := range []string{strings.Replace(same, "7", "8", 1), `{"op":"remove","path":"urn:example:badge:number"}`} {
		if _, err := Compile(rt, document(operation), change.Attributes, schema.Interop()); scimType(err) != schema.Mutability {
			t.Errorf("%s: got %v, want mutability", operation, err)
		}
	}
}

func TestCourtesiesAreReported(t *testing.T) {
	rt := schema.User()
	change, err := Compile(rt, document(`{"op":"Replace","path":"active","value":"False"},{"op":"add","path":"ims[type eq \"x\"].value","value":"y"}`), resource(t, rt, ann), schema.Interop())
	if err != nil {
		t.Fatal(err)
	}
	want := `operationCase:Replace textForBoolean:active upsertOnAdd:ims[type eq "x"].value`
	if got := names(change.Courtesies); got != want {
		t.Errorf("got %s", got)
	}
}

// names lists courtesies as name:path.
func names(list []schema.Courtesy) string {
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = c.Name() + ":" + c.Path
	}
	return strings.Join(parts, " ")
}
