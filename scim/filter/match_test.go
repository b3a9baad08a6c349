package filter

import (
	"slices"
	"strings"
	"testing"

	"domicile/scim/schema"
)

func object(t testing.TB, rt *schema.ResourceType, body string) schema.Object {
	t.Helper()
	o, _, err := schema.Parse(rt, []byte(body), schema.Interop())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestMatch(t *testing.T) {
	rt := schema.User()
	people := map[string]schema.Object{
		"alice": object(t, rt, `{"userName":"Alice","externalId":"Ext-A","title":"Vice President","userType":"Employee","name":{"givenName":"Alice","familyName":"O'Malley"},"active":true,
			"emails":[{"value":"alice@work.example.com","type":"work","primary":true},{"value":"alice@home.example.org","type":"home"}],
			"`+enterprise+`":{"department":"Sales","manager":{"value":"m1"}}}`),
		"bob":   object(t, rt, `{"userName":"bob","externalId":"ext-b","userType":"Intern","name":{"familyName":"Jensen"},"active":false,"emails":[{"value":"bob@work.example.org","type":"work"}]}`),
		"carol": object(t, rt, `{"userName":"Carol","displayName":"Carol \"CJ\" Jørgensen"}`),
	}
	for name, at := range map[string]string{"alice": "2026-01-01T10:00:00Z", "bob": "2026-01-01T12:00:00+01:00", "carol": "2026-01-01T12:00:00Z"} {
		people[name]["id"] = name
		people[name]["meta"] = schema.Object{"resourceType": "User", "lastModified": at}
	}
	tests := []struct{ filter, want string }{
		{`userName eq "ALICE"`, "alice"}, {`externalId eq "Ext-A"`, "alice"}, {`externalId eq "ext-a"`, ""}, {`id eq "bob"`, "bob"}, {`id eq "BOB"`, ""},
		{`userType ne "intern"`, "alice carol"}, {`name.familyName co "o'mal"`, "alice"}, {`userName sw "CA"`, "carol"}, {`emails.value ew "example.org"`, "alice bob"},
		{`title pr`, "alice"}, {`not (title pr)`, "bob carol"}, {`name pr`, "alice bob"}, {`emails pr`, "alice bob"},
		{`userName gt "bob"`, "carol"}, {`userName ge "BOB"`, "bob carol"}, {`userName lt "bob"`, "alice"}, {`userName le "bob"`, "alice bob"},
		{`active eq true`, "alice"}, {`active eq false`, "bob"}, {`active ne true`, "bob carol"}, {`active pr`, "alice bob"},
		{`emails co "home.example"`, "alice"}, {`emails ne "alice@home.example.org"`, "bob carol"},
		{`emails[type eq "work" and value co "@work.example.com"]`, "alice"}, {`emails[type eq "home" and value co "@work.example.com"]`, ""},
		{`emails.type eq "home" and emails.value co "@work.example.com"`, "alice"},
		{`emails[type eq "work" and value co "example.org"] or emails[type eq "home"]`, "alice bob"},
		{`emails[not (type eq "work")]`, "alice"}, {`emails[primary eq true]`, "alice"}, {`emails[primary ne true]`, "alice bob"}, {`emails[display pr]`, ""},
		{`emails[type eq "work"].value eq "BOB@work.example.org"`, "bob"},
		{enterprise + `:department eq "sales"`, "alice"}, {enterprise + `:manager eq "m1"`, "alice"}, {enterprise + `:department ne "sales"`, "bob carol"}, {enterprise + `:manager pr`, "alice"},
		{`schemas eq "` + enterprise + `"`, "alice"}, {`meta.resourceType eq "User"`, "alice bob carol"},
		{`meta.lastModified gt "2026-01-01T11:00:00Z"`, "carol"}, {`meta.lastModified ge "2026-01-01T11:00:00.000Z"`, "bob carol"},
		{`meta.lastModified eq "2026-01-01T11:00:00Z"`, "bob"}, {`meta.lastModified lt "2026-01-01T11:00:00Z"`, "alice"}, {`meta.lastModified sw "2026-01-01T12"`, "bob carol"},
		{`title eq null`, "bob carol"}, {`title ne null`, "alice"}, {`displayName eq "Carol \"CJ\" JØRGENSEN"`, "carol"},
		{`title pr or userName eq "bob" and active eq true`, "alice"}, {`(title pr or userName eq "bob") and active eq false`, "bob"},
		{`not (title pr or active pr)`, "carol"}, {`userName eq ""`, ""}, {`userName co ""`, "alice bob carol"},
	}
	for _, test := range tests {
		n, _, err := Parse(rt, test.filter, schema.Interop())
		if err != nil {
			t.Errorf("%s: %v", test.filter, err)
			continue
		}
		var found []string
		for name, o := range people {
			if Match(n, o) {
				found = append(found, name)
			}
		}
		slices.Sort(found)
		if got := strings.Join(found, " "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.filter, got, test.want)
		}
	}
}

func TestMatch_custom(t *testing.T) {
	const urn = "urn:example:badge"
	rt := schema.User().With(schema.Extension{Schema: &schema.Schema{ID: urn, Attributes: []schema.Attribute{
		{Name: "number", Type: schema.TypeInteger}, {Name: "weight", Type: schema.TypeDecimal}, {Name: "tags", MultiValued: true}, {Name: "key_id", Type: schema.TypeBinary, CaseExact: true},
	}}})
	o := object(t, rt, `{"userName":"u","`+urn+`":{"number":9007199254740993,"weight":1.5,"tags":["Red","blue"],"key_id":"QUJD"}}`)
	for filter, want := range map[string]bool{
		`number eq 9007199254740993`: true, `number eq 9007199254740992`: false, `number gt 9007199254740992`: true, `number lt -1`: false, `number ne 1`: true,
		`weight eq 1.50`: true, `weight gt 1`: true, `weight le 1e999`: true, `weight ge 2`: false,
		`tags eq "red"`: true, `tags[value eq "RED"]`: true, `tags[value sw "x"]`: false, `tags pr`: true, `key_id eq "QUJD"`: true, `key_id eq "qujd"`: false,
	} {
		n, _, err := Parse(rt, urn+":"+filter, schema.Interop())
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if Match(n, o) != want {
			t.Errorf("%s: got %v", filter, !want)
		}
	}
	for _, bad := range []string{`number co 1`, `number eq "1"`, `number eq true`, `key_id lt "a"`, `tags[x eq "1"]`} {
		if _, _, err := Parse(rt, urn+":"+bad, schema.Interop()); scimType(err) != schema.InvalidFilter {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestSort(t *testing.T) {
	rt := schema.User()
	objects := []schema.Object{
		{"userName": "b", "title": "b", "emails": []any{schema.Object{"value": "zz"}, schema.Object{"value": "aa", "primary": true}}, "active": true, "meta": schema.Object{"created": "2026-01-01T12:00:00+02:00"}},
		{"userName": "A", "title": "C", "emails": []any{schema.Object{"value": "mm"}}, "active": false, "meta": schema.Object{"created": "2026-01-01T11:00:00Z"}},
		{"userName": "c", enterprise: schema.Object{"department": "D"}},
	}
	tests := []struct{ by, order, want string }{
		{"userName", "", "A b c"}, {"USERNAME", "descending", "c b A"}, {"title", "ascending", "b A c"}, {"title", "Descending", "c A b"},
		{"emails", "", "b A c"}, {"emails.value", "", "b A c"}, {"meta.created", "", "b A c"}, {"active", "", "A b c"}, {enterprise + ":department", "", "c b A"}, {"", "", "b A c"},
	}
	for _, test := range tests {
		s, err := ParseSort(rt, test.by, test.order)
		if err != nil {
			t.Errorf("%s: %v", test.by, err)
			continue
		}
		list := slices.Clone(objects)
		slices.SortStableFunc(list, func(a, b schema.Object) int { return s.Compare(s.Key(a), s.Key(b)) })
		var got []string
		for _, o := range list {
			got = append(got, schema.String(o, "userName"))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s %s: got %v, want %s", test.by, test.order, got, test.want)
		}
	}
	for _, by := range []string{"nope", "password", "name", enterprise} {
		if _, err := ParseSort(rt, by, ""); scimType(err) != schema.InvalidPath {
			t.Errorf("%s: %v", by, err)
		}
	}
	if _, err := ParseSort(rt, "userName", "sideways"); scimType(err) != schema.InvalidValue {
		t.Errorf("sideways: %v", err)
	}
	s, _ := ParseSort(rt, "meta.created", "descending")
	if s.String() != "meta.created descending" || !s.Mentions("meta") || s.IsZero() || !(Sort{}).IsZero() || (Sort{}).String() != "" {
		t.Error("Sort")
	}
}

func BenchmarkMatch(b *testing.B) {
	o := object(b, schema.User(), `{"userName":"u","emails":[{"value":"Alice@work.example.com","type":"work"}],"active":true}`)
	n, _, err := Parse(schema.User(), `active eq true and emails[type eq "work" and value co "example"]`, schema.Interop())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !Match(n, o) {
			b.Fatal("no match")
		}
	}
}
