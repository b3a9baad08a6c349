package scim_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/scim"
)

func wantFault(t *testing.T, err error, status int, scimType string) *scim.Fault {
	t.Helper()
	if err == nil {
		t.Errorf("accepted, want %d %s", status, scimType)
		return &scim.Fault{}
	}
	fault := scim.FaultOf(err)
	if fault.Status != status || fault.ScimType != scimType {
		t.Errorf("%d %s (%v), want %d %s", fault.Status, fault.ScimType, err, status, scimType)
	}
	return fault
}

func (w *world) replace(kind scim.Kind, id, body string, c scim.Conditions) (scim.Response, error) {
	return w.Replace(context.Background(), w.actor, kind, id, []byte(body), scim.Query{}, c)
}

// interfere runs a change once, between the engine's view and its command.
func (w *world) interfere(change func()) {
	w.ledger.Before(func(command.Command) error {
		w.ledger.Before(nil)
		change()
		return nil
	})
}

// Writes are compiled again on a fresh view when another write comes first, and both survive.
func TestStale(t *testing.T) {
	w := newWorld(t)
	id := w.create(t, scim.Users, user("u"))
	w.interfere(func() {
		w.patch(t, scim.Users, id, `{"op":"replace","path":"title","value":"theirs"}`)
	})
	r := w.patch(t, scim.Users, id, `{"op":"replace","path":"nickName","value":"ours"}`)
	if !bytes.Contains(r.Body, []byte(`"ours"`)) || !bytes.Contains(r.Body, []byte(`"theirs"`)) {
		t.Errorf("a write was lost: %s", r.Body)
	}

	w.interfere(func() { w.patch(t, scim.Users, id, `{"op":"replace","path":"title","value":"again"}`) })
	_, err := w.tryPatch(scim.Users, id, `{"op":"replace","path":"nickName","value":"x"}`, scim.Conditions{IfMatch: r.ETag})
	wantFault(t, err, 412, "")

	n := 0
	w.ledger.Before(func(c command.Command) error {
		replace, ok := c.Payload.(*command.ReplaceUser)
		if !ok {
			return nil
		}
		n++
		next := *replace
		next.ExpectVersion, next.Attributes = 0, fmt.Sprintf(`{"schemas":[%q],"userName":"u","title":"%d","active":true}`, userURN, n)
		w.ledger.Must(w.org, &next)
		return nil
	})
	_, err = w.tryPatch(scim.Users, id, `{"op":"replace","path":"nickName","value":"never"}`, scim.Conditions{})
	if fault := wantFault(t, err, 503, ""); fault.RetryAfter < 1 || n != 5 {
		t.Errorf("gave up after %d tries with Retry-After %d", n, fault.RetryAfter)
	}
}

// A change of members by id is one command without an expected version, so nobody gets into anybody's way.
func TestMembers_delta(t *testing.T) {
	w := newWorld(t)
	a, b := w.create(t, scim.Users, user("a")), w.create(t, scim.Users, user("b"))
	g := w.create(t, scim.Groups, group("g"))
	w.interfere(func() { w.patch(t, scim.Groups, g, `{"op":"add","path":"members","value":[{"value":"`+b+`"}]}`) })
	before := w.ledger.FSM.View().Seq()
	r := w.patch(t, scim.Groups, g, `{"op":"Add","path":"members","value":[{"value":"`+a+`"}]}`)
	if n := w.ledger.FSM.View().Seq() - before; n != 2 { // the other one and ours
		t.Errorf("%d commands for two changes", n)
	}
	if page := read(t, r); len(page.Members) != 2 || r.Status != 200 {
		t.Errorf("the answer is %d with %+v", r.Status, page.Members)
	}

	for name, operations := range map[string]string{
		"add who is in":      `{"op":"add","path":"members","value":[{"value":"` + a + `"},{"value":"` + b + `"}]}`,
		"remove who is not":  `{"op":"remove","path":"members[value eq \"` + g + `\"]"},{"op":"remove","path":"members","value":[{"value":"nobody"}]}`,
		"same name":          `{"op":"replace","value":{"displayName":"g"}}`,
		"the same list":      `{"op":"replace","path":"members","value":[{"value":"` + b + `"},{"value":"` + a + `"}]}`,
		"a filter that fits": `{"op":"remove","path":"members[display eq \"z\"]"}`,
	} {
		before := w.ledger.FSM.View().Seq()
		again := w.patch(t, scim.Groups, g, operations)
		if !again.NoOp || again.ETag != r.ETag || w.ledger.FSM.View().Seq() != before {
			t.Errorf("%s: no-op %t, %s after %s", name, again.NoOp, again.ETag, r.ETag)
		}
	}
	_, err := w.tryPatch(scim.Groups, g, `{"op":"add","path":"members","value":[{"value":"nobody"},{"value":"noone"}]}`, scim.Conditions{})
	if fault := wantFault(t, err, 400, "invalidValue"); !strings.Contains(fault.Detail, "nobody") || !strings.Contains(fault.Detail, "noone") {
		t.Errorf("the detail is %q", fault.Detail)
	}
	w.patch(t, scim.Groups, g, `{"op":"remove","path":"members[display eq \"A\"]"}`)
	if left := w.members(t, g); !slices.Equal(left, []string{b}) {
		t.Errorf("left are %v", left)
	}
	_, err = w.tryPatch(scim.Groups, g, `{"op":"add","path":"members","value":[{"value":"`+g+`"}]}`, scim.Conditions{})
	wantFault(t, err, 400, "invalidValue")
}

// 64 clients add and remove members of one group, one by one, at the same time; nobody's change is lost.
func TestMembers_concurrent(t *testing.T) {
	w := newWorld(t)
	const clients, each = 64, 6
	var people [clients][each]string
	var all []string
	for i := range clients {
		for j := range each {
			people[i][j] = w.create(t, scim.Users, user(fmt.Sprintf("u%d-%d", i, j)))
			all = append(all, people[i][j])
		}
	}
	g := w.create(t, scim.Groups, group("g", all[:clients]...))
	var done sync.WaitGroup
	for i := range clients {
		done.Go(func() {
			for j, id := range people[i] {
				operation := `{"op":"add","path":"members","value":[{"value":"` + id + `"}]}`
				if j%2 == 1 {
					operation = `{"op":"Remove","path":"members","value":[{"value":"` + id + `"}]}`
				}
				for _, op := range []string{operation, operation} {
					if _, err := w.tryPatch(scim.Groups, g, op, scim.Conditions{}); err != nil {
						t.Error(err)
					}
				}
			}
			// A rename in between needs the version and must get through as well.
			if _, err := w.tryPatch(scim.Groups, g, fmt.Sprintf(`{"op":"replace","path":"displayName","value":"g%d"}`, i), scim.Conditions{}); err != nil && scim.FaultOf(err).Status != 503 {
				t.Error(err)
			}
		})
	}
	done.Wait()
	var want []string
	for i := range clients {
		want = append(want, people[i][0], people[i][2], people[i][4])
	}
	slices.Sort(want)
	if got := w.members(t, g); !slices.Equal(got, want) {
		t.Errorf("%d members, want %d", len(got), len(want))
	}
}

func TestUser_conflicts(t *testing.T) {
	w := newWorld(t)
	a := w.create(t, scim.Users, user("Anna"))
	w.create(t, scim.Users, user("bert"))
	_, err := w.Create(t.Context(), w.actor, scim.Users, []byte(user("ANNA")), scim.Query{})
	if fault := wantFault(t, err, 409, "uniqueness"); !strings.Contains(fault.Detail, "ANNA") {
		t.Errorf("the detail is %q", fault.Detail)
	}
	_, err = w.replace(scim.Users, a, user("BERT"), scim.Conditions{})
	wantFault(t, err, 409, "uniqueness")
	_, err = w.tryPatch(scim.Users, a, `{"op":"replace","path":"userName","value":"Bert"}`, scim.Conditions{})
	wantFault(t, err, 409, "uniqueness")
	w.create(t, scim.Groups, group("Team"))
	_, err = w.Create(t.Context(), w.actor, scim.Groups, []byte(group("TEAM")), scim.Query{})
	wantFault(t, err, 409, "uniqueness")
	_, err = w.tryPatch(scim.Users, "nobody", `{"op":"replace","path":"active","value":"maybe"}`, scim.Conditions{})
	wantFault(t, err, 400, "invalidValue") // before 404
	_, err = w.tryPatch(scim.Users, "nobody", `{"op":"replace","path":"active","value":true}`, scim.Conditions{})
	wantFault(t, err, 404, "")
	_, err = w.replace(scim.Groups, a, group("x"), scim.Conditions{})
	wantFault(t, err, 404, "") // a user's id is no group's
}

// An inactive user whose IdP lost its link comes back under the same id; anybody else's name is taken.
func TestUser_restore(t *testing.T) {
	w := newWorld(t)
	body := func(external string, active bool) string {
		return fmt.Sprintf(`{"schemas":[%q],"userName":"anna","externalId":%q,"active":%t}`, userURN, external, active)
	}
	id := w.create(t, scim.Users, body("e1", true))
	_, err := w.Create(t.Context(), w.actor, scim.Users, []byte(body("e1", true)), scim.Query{})
	wantFault(t, err, 409, "uniqueness")
	w.patch(t, scim.Users, id, `{"op":"replace","path":"active","value":"False"}`)
	_, err = w.Create(t.Context(), w.actor, scim.Users, []byte(body("e2", true)), scim.Query{})
	wantFault(t, err, 409, "uniqueness")
	strict := w.actor
	strict.Profile = directory.ProfileStrict
	_, err = w.Create(t.Context(), strict, scim.Users, []byte(body("e1", true)), scim.Query{})
	wantFault(t, err, 409, "uniqueness")
	if back := w.create(t, scim.Users, body("e1", true)); back != id {
		t.Errorf("came back as %s, was %s", back, id)
	}
	if a := w.get(t, scim.Users, id); a.Active == nil || !*a.Active {
		t.Error("came back inactive")
	}
}

// What a body leaves out: status always stays, externalId stays unless the dialect is strict.
func TestUser_replace(t *testing.T) {
	w := newWorld(t)
	id := w.create(t, scim.Users, fmt.Sprintf(`{"schemas":[%q],"userName":"u","externalId":"e","active":false,"title":"T"}`, userURN))
	r, err := w.replace(scim.Users, id, user("u"), scim.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	if text := string(r.Body); !strings.Contains(text, `"active":false`) || !strings.Contains(text, `"externalId":"e"`) || strings.Contains(text, `"title"`) {
		t.Errorf("it is %s", text)
	}
	again, err := w.replace(scim.Users, id, user("u"), scim.Conditions{IfMatch: r.ETag})
	if err != nil || !again.NoOp || again.ETag != r.ETag {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	w.actor.Profile = directory.ProfileStrict
	if r, err = w.replace(scim.Users, id, user("u"), scim.Conditions{}); err != nil || strings.Contains(string(r.Body), "externalId") {
		t.Errorf("strict: %s, %v", r.Body, err)
	}
	w.patch(t, scim.Users, id, `{"op":"remove","path":"active"}`)
	if a := w.get(t, scim.Users, id); a.Active == nil || *a.Active {
		t.Error("removing the status turned a user on")
	}
}

// The answers to a PATCH: small groups in full, large ones without a body, and as the client prefers.
func TestGroup_answers(t *testing.T) {
	w := newWorld(t)
	var people []string
	for i := range 201 {
		people = append(people, w.create(t, scim.Users, user(fmt.Sprintf("u%d", i))))
	}
	g := w.create(t, scim.Groups, group("g", people[:200]...))
	add, remove := `{"op":"add","path":"members","value":[{"value":"`+people[200]+`"}]}`, `{"op":"remove","path":"members[value eq \"`+people[200]+`\"]"}`
	if r := w.patch(t, scim.Groups, g, add); r.Status != 204 || r.Body != nil || r.ETag == "" || r.Location == "" {
		t.Errorf("a large group answers %d", r.Status)
	}
	if r := w.patch(t, scim.Groups, g, remove); r.Status != 200 || len(read(t, r).Members) != 200 {
		t.Errorf("a group of 200 answers %d", r.Status)
	}
	r, err := w.tryPatch(scim.Groups, g, add, scim.Conditions{Prefer: "respond-async, return=representation"})
	if err != nil || len(read(t, r).Members) != 201 {
		t.Errorf("as preferred: %d, %v", r.Status, err)
	}
	r, err = w.tryPatch(scim.Groups, g, remove, scim.Conditions{Prefer: "return = minimal"})
	if err != nil || r.Status != 204 {
		t.Errorf("as preferred: %d, %v", r.Status, err)
	}
	body := []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + add + `]}`)
	r, err = w.Patch(t.Context(), w.actor, scim.Groups, g, body, scim.Query{Excluded: []string{"members"}}, scim.Conditions{})
	if err != nil || r.Status != 200 || bytes.Contains(r.Body, []byte("members")) {
		t.Errorf("without members: %d, %v", r.Status, err)
	}
	r, err = w.tryPatch(scim.Users, people[0], `{"op":"add","path":"title","value":"x"}`, scim.Conditions{Prefer: "return=minimal"})
	if err != nil || r.Status != 204 || r.Body != nil {
		t.Errorf("a user, as preferred: %d, %v", r.Status, err)
	}
}

// A group of fifty thousand: created, replaced by another set, and reached by single changes.
func TestGroup_large(t *testing.T) {
	w := newWorld(t)
	const size = 50_000
	people := w.populate(t, size)
	q := scim.Query{Excluded: []string{"members"}}
	r, err := w.Create(t.Context(), w.actor, scim.Groups, []byte(group("g", people...)), q)
	if err != nil {
		t.Fatal(err)
	}
	g := read(t, r).ID
	if n := len(w.members(t, g)); n != size {
		t.Fatalf("%d members", n)
	}
	half := people[size/2:]
	if _, err = w.Replace(t.Context(), w.actor, scim.Groups, g, []byte(group("g", half...)), q, scim.Conditions{}); err != nil {
		t.Fatal(err)
	}
	if got := w.members(t, g); !slices.Equal(got, half) {
		t.Errorf("%d members", len(got))
	}
	w.patch(t, scim.Groups, g, `{"op":"add","path":"members","value":[{"value":"`+people[0]+`"}]}`)
	if n := len(w.members(t, g)); n != size/2+1 {
		t.Errorf("%d members", n)
	}

	// A question that would look at more members than is bearable is refused, and says what would help.
	list := make([]directory.ResourceID, 24_000)
	for i := range list {
		list[i] = directory.ResourceID(people[i])
	}
	for i := range 9 {
		name := fmt.Sprintf("more %d", i)
		w.ledger.Must(w.org, &command.CreateGroup{ID: directory.ResourceID(name), Source: directory.SourceSCIM, Members: list,
			GroupFields: command.GroupFields{DisplayName: name, DisplayNameKey: name, Attributes: `{"displayName":"` + name + `"}`}})
	}
	_, err = w.List(t.Context(), w.actor, scim.Groups, scim.Query{Filter: `members[display ew "x"]`, HasFilter: true})
	if fault := wantFault(t, err, 400, "tooMany"); !strings.Contains(fault.Detail, "externalId") {
		t.Errorf("the detail is %q", fault.Detail)
	}
}

func TestUnavailable(t *testing.T) {
	w := newWorld(t)
	id := w.create(t, scim.Users, user("u"))
	w.ledger.Cut(true)
	_, getErr := w.Get(t.Context(), w.actor, scim.Users, id, scim.Query{}, scim.Conditions{})
	_, createErr := w.Create(t.Context(), w.actor, scim.Users, []byte(user("v")), scim.Query{})
	_, patchErr := w.tryPatch(scim.Users, id, `{"op":"add","path":"title","value":"x"}`, scim.Conditions{})
	_, deleteErr := w.Delete(t.Context(), w.actor, scim.Users, id, scim.Conditions{})
	for _, err := range []error{getErr, createErr, patchErr, deleteErr} {
		if fault := wantFault(t, err, 503, ""); fault.RetryAfter != int(fsmtest.RetryAfter.Seconds()) || strings.Contains(fault.Detail, "test") {
			t.Errorf("%+v", fault)
		}
	}
}

func TestConditions(t *testing.T) {
	w := newWorld(t)
	id := w.create(t, scim.Users, user("u"))
	r, err := w.Get(t.Context(), w.actor, scim.Users, id, scim.Query{}, scim.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	strong := strings.TrimPrefix(r.ETag, "W/")
	for header, want := range map[string]int{r.ETag: 304, strong: 304, "*": 304, `"0", ` + r.ETag: 304, `W/"0"`: 200, "": 200} {
		got, err := w.Get(t.Context(), w.actor, scim.Users, id, scim.Query{}, scim.Conditions{IfNoneMatch: header})
		if err != nil || got.Status != want || (got.Body == nil) != (want == 304) || got.ETag != r.ETag {
			t.Errorf("If-None-Match %s: %d, %v", header, got.Status, err)
		}
	}
	_, err = w.Delete(t.Context(), w.actor, scim.Users, id, scim.Conditions{IfMatch: `W/"0"`})
	if fault := wantFault(t, err, 412, ""); !strings.HasSuffix(fault.Detail, `it is at version `+r.ETag+`, and If-Match wants W/"0"`) {
		t.Errorf("the detail is %q", fault.Detail)
	}
	_, err = w.Delete(t.Context(), w.actor, scim.Users, "nobody", scim.Conditions{IfMatch: "*"})
	wantFault(t, err, 404, "")
	if _, err = w.Delete(t.Context(), w.actor, scim.Users, id, scim.Conditions{IfMatch: strong}); err != nil {
		t.Error(err)
	}
}
