package simulate

import (
	"encoding/json"
	"maps"
	"testing"
)

// wholePerson has a value for everything, with characters that must survive.
func wholePerson() *Person {
	return &Person{
		Key: 1, Given: "Žofie", Family: `O'Brien "Zoe"`, UserName: "zofie+o'brien1@x.example", ExternalID: "ext-1", Title: "R&D",
		Department: "Finance", Phone: "+1", Mobile: "+2", EmployeeNumber: "E1", Locale: "cs-CZ", Active: true, managerID: "boss",
	}
}

// Every mapping reads back from JSON what it wrote, and a whole user carries its schemas.
func TestMapping_roundTrip(t *testing.T) {
	for _, d := range Dialects() {
		for _, p := range []*Person{wholePerson(), {Given: "A", Family: "B", UserName: "a@x.example", ExternalID: "e"}} {
			want := apply(d.people.mapping, p)
			raw, err := json.Marshal(d.people.whole(want))
			if err != nil {
				t.Fatal(err)
			}
			var r resource
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatal(err)
			}
			if seen := observe(d.people.mapping, r); !maps.Equal(seen, want) {
				t.Errorf("%s: wrote %v, read %v from %s", d.Name, want, seen, raw)
			}
			if list, _ := r["schemas"].([]any); len(list) == 0 {
				t.Errorf("%s: no schemas in %s", d.Name, raw)
			}
		}
	}
}

func body(t *testing.T, r request) string {
	t.Helper()
	raw, err := json.Marshal(r.body)
	if err != nil {
		t.Fatal(err)
	}
	return r.method + " " + r.target(false) + " " + string(raw)
}

const patched = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":`

func TestUpdate_shapes(t *testing.T) {
	was := Person{Given: "A", Family: "B", UserName: "a@x", ExternalID: "e", Active: true, Department: "D1"}
	is := was
	is.Active, is.Title, is.UserName, is.Department, is.managerID = false, "T", "b@x", "D2", "boss"
	status := was
	status.Active = false
	for _, c := range []struct {
		dialect string
		is      Person
		want    []string
	}{
		{"entra", is, []string{`PATCH /Users/7 ` + patched + `[{"op":"Replace","path":"userName","value":"b@x"},` +
			`{"op":"Replace","path":"active","value":"False"},` +
			`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"b@x"},{"op":"Add","path":"title","value":"T"},` +
			`{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"D2"},` +
			`{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"boss"}]}`}},
		{"entra-compliant", is, []string{`PATCH /Users/7 ` + patched + `[{"op":"replace","path":"active","value":false},` +
			`{"op":"replace","path":"emails[type eq \"work\"].value","value":"b@x"},{"op":"add","path":"title","value":"T"},` +
			`{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"boss"},` +
			`{"op":"replace","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"D2","userName":"b@x"}}]}`}},
		{"okta", status, []string{`PATCH /Users/7 ` + patched + `[{"op":"replace","value":{"active":false}}]}`}},
		{"jumpcloud", status, []string{`PATCH /Users/7 ` + patched + `[{"op":"replace","path":"active","value":false}]}`}},
		{"keycloak", status, []string{`PATCH /Users/7 ` + patched + `[{"op":"replace","path":"active","value":"false"}]}`}},
		{"pocket-id", status, []string{`PUT /Users/7 {"active":false,"displayName":"A B","emails":[{"primary":true,"type":"work","value":"a@x"}],` +
			`"externalId":"e","id":"7","name":{"familyName":"B","givenName":"A"},` +
			`"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a@x"}`}},
		{"onelogin", status, []string{`PUT /Users/7? {"active":"false","displayName":"A B",` +
			`"emails":[{"primary":true,"type":"work","value":"a@x"}],"externalId":"e","id":null,` +
			`"name":{"familyName":"B","givenName":"A"},"phoneNumbers":[{"type":"work","value":""},{"type":"mobile","value":""}],` +
			`"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"title":"",` +
			`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"D1","employeeNumber":"","manager":{"value":""}},` +
			`"userName":"a@x"}`}},
	} {
		d, _ := Find(c.dialect)
		m := d.people.mapping
		var got []string
		for _, r := range d.people.update(userChange{habits: &d.people, id: "7", is: apply(m, &c.is), was: apply(m, &was)}) {
			got = append(got, body(t, r))
		}
		same(t, c.dialect, got, c.want)
	}
}

func TestUpdateGroup_shapes(t *testing.T) {
	a, b, x := ref{"a", "Ann"}, ref{"b", "Bob"}, ref{"x", "Xan"}
	change := groupChange{
		groupState: groupState{"Eng", "g-1", []ref{a, b}}, id: "9", renamed: true, join: []ref{b}, leave: []ref{x}, chunk: 100,
	}
	for _, c := range []struct {
		dialect string
		want    []string
	}{
		{"entra", []string{
			`PATCH /Groups/9 ` + patched + `[{"op":"Replace","path":"displayName","value":"Eng"}]}`,
			`PATCH /Groups/9 ` + patched + `[{"op":"Add","path":"members","value":[{"$ref":null,"value":"b"}]}]}`,
			`PATCH /Groups/9 ` + patched + `[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"x"}]}]}`,
		}},
		{"entra-compliant", []string{
			`PATCH /Groups/9 ` + patched + `[{"op":"replace","value":{"displayName":"Eng"}}]}`,
			`PATCH /Groups/9 ` + patched + `[{"op":"add","path":"members","value":[{"$ref":null,"value":"b"}]}]}`,
			`PATCH /Groups/9 ` + patched + `[{"op":"remove","path":"members[value eq \"x\"]"}]}`,
		}},
		{"okta", []string{
			`PATCH /Groups/9 ` + patched + `[{"op":"replace","value":{"displayName":"Eng","id":"9"}},{"op":"remove","path":"members[value eq \"x\"]"}]}`,
			`PATCH /Groups/9 ` + patched + `[{"op":"add","path":"members","value":[{"value":"b","display":"Bob"}]}]}`,
		}},
		{"okta-wizard", []string{`PUT /Groups/9 {"displayName":"Eng","externalId":"g-1","id":"9",` +
			`"members":[{"value":"a","display":"Ann"},{"value":"b","display":"Bob"}],"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}`}},
		{"jumpcloud", []string{
			`PATCH /Groups/9 ` + patched + `[{"op":"replace","path":"displayName","value":"Eng"}]}`,
			`PATCH /Groups/9 ` + patched + `[{"op":"add","path":"members","value":[{"value":"a"},{"value":"b"}]}]}`,
			`PATCH /Groups/9 ` + patched + `[{"op":"remove","path":"members","value":[{"value":"x"}]}]}`,
		}},
		{"authentik", []string{
			`PATCH /Groups/9 ` + patched + `[{"op":"replace","value":{"displayName":"Eng","externalId":"g-1","id":"9","schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}}]}`,
			`PATCH /Groups/9 ` + patched + `[{"op":"add","path":"members","value":[{"value":"b"}]},{"op":"remove","path":"members","value":[{"value":"x"}]}]}`,
		}},
		{"keycloak", []string{
			`PATCH /Groups/9 ` + patched + `[{"op":"replace","path":"displayName","value":"Eng"}]}`,
			`PATCH /Groups/9 ` + patched + `[{"op":"replace","path":"members","value":[{"value":"a","$ref":"Users/a"},{"value":"b","$ref":"Users/b"}]}]}`,
		}},
	} {
		d, _ := Find(c.dialect)
		var got []string
		for _, r := range d.groups.update(change) {
			got = append(got, body(t, r))
		}
		same(t, c.dialect, got, c.want)
	}
	d, _ := Find("keycloak")
	empty := groupChange{groupState: groupState{name: "Eng"}, id: "9", leave: []ref{x}}
	same(t, "keycloak, emptied", []string{body(t, d.groups.update(empty)[0])},
		[]string{`PATCH /Groups/9 ` + patched + `[{"op":"remove","path":"members","value":null}]}`})
}

// However the members are cut into requests, each is in exactly one.
func TestUpdateGroup_chunks(t *testing.T) {
	var many []ref
	for i := range 7 {
		many = append(many, ref{id: string(rune('a' + i))})
	}
	for name, want := range map[string]int{"entra": 8, "entra-compliant": 8, "okta": 8, "onelogin": 8, "authentik": 7} {
		d, _ := Find(name)
		all := d.groups.update(groupChange{id: "9", join: many, leave: many, chunk: 2})
		if len(all) != want {
			t.Errorf("%s: %d requests for 7 and 7 members, 2 at once; want %d", name, len(all), want)
		}
	}
}

func TestRequest_target(t *testing.T) {
	r := get(users, eq("userName", `o'b+"x\ 1`))
	r.suffix = "&"
	if got, want := r.target(true), `/Users?filter=userName+eq+%22o%27b%2B%5C%22x%5C%5C+1%22&`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := r.target(false), `/Users?filter=userName%20eq%20%22o%27b%2B%5C%22x%5C%5C%201%22&`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func same(t *testing.T, name string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d requests %q, want %d", name, len(got), got, len(want))
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s:\n got %s\nwant %s", name, got[i], want[i])
		}
	}
}

func TestDialects_table(t *testing.T) {
	seen := make(map[string]bool)
	for _, d := range Dialects() {
		if d.Name == "" || d.Title == "" || d.Known == "" || d.Concurrency < 1 || seen[d.Name] {
			t.Errorf("%q is incomplete, or there twice", d.Name)
		}
		seen[d.Name] = true
		if m := d.manner; m.tries < 2 || m.timeout == 0 || m.wait == 0 || m.accept == "" || m.contentType == "" {
			t.Errorf("%s: manner %+v is incomplete", d.Name, m)
		}
		lookups := []lookup{d.people.find}
		if d.Groups() {
			lookups = append(lookups, d.groups.find)
		}
		for _, l := range lookups {
			if l.by == "" || l.operator == "" && l.count == 0 {
				t.Errorf("%s: look-up %+v is incomplete", d.Name, l)
			}
		}
	}
}
