package scim_test

import (
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/scim"
)

// What the identity provider did not bring it cannot see, change, take over or be told of, but that a name is held.
func TestOwnership(t *testing.T) {
	for _, source := range []directory.Source{directory.SourceInvited, directory.SourceRoot} {
		w := newWorld(t)
		hidden := w.hide(t, source, "owner@example.com")
		before, _ := w.directory().User(hidden)
		mine := w.create(t, scim.Users, user("mine"))
		g := w.create(t, scim.Groups, group("g", mine))
		w.ledger.Must(w.org, &command.UpdateGroup{ID: directory.ResourceID(g), Mode: command.MembersDelta, Add: []directory.ResourceID{hidden}})

		_, err := w.Create(t.Context(), w.actor, scim.Users, []byte(user("Owner@Example.com")), scim.Query{})
		if fault := wantFault(t, err, 409, "uniqueness"); !strings.Contains(fault.Detail, "not provisioned through SCIM") || strings.Contains(fault.Detail, string(hidden)) {
			t.Errorf("the detail is %q", fault.Detail)
		}
		_, err = w.tryPatch(scim.Users, mine, `{"op":"replace","path":"userName","value":"owner@example.com"}`, scim.Conditions{})
		wantFault(t, err, 409, "uniqueness")
		_, err = w.Get(t.Context(), w.actor, scim.Users, string(hidden), scim.Query{}, scim.Conditions{})
		wantFault(t, err, 404, "")
		_, err = w.replace(scim.Users, string(hidden), user("taken over"), scim.Conditions{})
		wantFault(t, err, 404, "")
		_, err = w.tryPatch(scim.Users, string(hidden), `{"op":"replace","path":"active","value":false}`, scim.Conditions{})
		wantFault(t, err, 404, "")
		_, err = w.Delete(t.Context(), w.actor, scim.Users, string(hidden), scim.Conditions{})
		wantFault(t, err, 404, "")
		_, err = w.tryPatch(scim.Groups, g, `{"op":"add","path":"members","value":[{"value":"`+string(hidden)+`"}]}`, scim.Conditions{})
		wantFault(t, err, 400, "invalidValue")
		for _, operations := range []string{
			`{"op":"remove","path":"members","value":[{"value":"` + string(hidden) + `"}]}`,
			`{"op":"remove","path":"members[type eq \"User\"]"}`,
			`{"op":"replace","path":"members","value":[]}`,
			`{"op":"remove","path":"members"}`,
		} {
			w.patch(t, scim.Groups, g, operations)
		}
		if _, err = w.replace(scim.Groups, g, group("g"), scim.Conditions{}); err != nil {
			t.Error(err)
		}
		if left := w.members(t, g); len(left) != 1 || left[0] != string(hidden) {
			t.Errorf("left are %v", left)
		}
		if seen := w.get(t, scim.Groups, g); len(seen.Members) != 0 {
			t.Errorf("seen are %v", seen.Members)
		}
		after, ok := w.directory().User(hidden)
		if !ok || after.Version != before.Version {
			t.Errorf("it became %+v", after)
		}
	}
}

// A deleted user is gone for its identity provider, whatever is kept of it, and its name is free.
func TestOwnership_deleted(t *testing.T) {
	for _, policy := range []directory.DeletePolicy{directory.PolicyDelete, directory.PolicyDeactivate} {
		w := newWorld(t)
		org, token := w.organizationWith(t, func(f *command.OrganizationFields) { f.DeletePolicy = policy })
		w.org = org
		var err error
		if w.actor, err = w.Authenticate(t.Context(), org, bearer(token)); err != nil {
			t.Fatal(err)
		}
		id := w.create(t, scim.Users, user("anna"))
		g := w.create(t, scim.Groups, group("g", id))
		r, err := w.Delete(t.Context(), w.actor, scim.Users, id, scim.Conditions{})
		if err != nil || r.Status != 204 {
			t.Fatalf("%s: %d, %v", policy, r.Status, err)
		}
		_, err = w.Delete(t.Context(), w.actor, scim.Users, id, scim.Conditions{})
		wantFault(t, err, 404, "")
		_, err = w.Get(t.Context(), w.actor, scim.Users, id, scim.Query{}, scim.Conditions{})
		wantFault(t, err, 404, "")
		if page := w.list(t, scim.Users, filterOf(`userName eq "anna"`)); page.TotalResults != 0 {
			t.Errorf("%s: it is still found", policy)
		}
		if seen := w.get(t, scim.Groups, g); len(seen.Members) != 0 {
			t.Errorf("%s: it is still a member", policy)
		}
		if again := w.create(t, scim.Users, user("Anna")); again == id {
			t.Errorf("%s: the id was given twice", policy)
		}
		if _, kept := w.directory().DeletedUser(directory.ResourceID(id)); !kept {
			t.Errorf("%s: nothing is kept for the owner", policy)
		}
	}
}
