package scim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/scim"
	"domicile/scim/schema"
)

const (
	badgeURN = "urn:example:Badge"
	deskURN  = "urn:example:Badge:Desk" // begins like the other
	siteURN  = "urn:example:Site"
)

// define gives an organization a schema of its own.
func (w *world) define(t testing.TB, org directory.OrganizationID, resource, urn, attributes string) {
	t.Helper()
	s, err := schema.ParseExtension(fmt.Appendf(nil, `{"id":%q,"name":"N","description":"D","attributes":[%s]}`, urn, attributes))
	if err != nil {
		t.Fatal(err)
	}
	w.ledger.Must(org, &command.PutSchema{URN: urn, Resource: resource, Document: string(schema.CanonicalSchema(s))})
}

const (
	badge = `{"name":"number","type":"integer","multiValued":false,"description":"d"},` +
		`{"name":"since","type":"dateTime","multiValued":false,"description":"d","mutability":"immutable"},` +
		`{"name":"pin","type":"string","multiValued":false,"description":"d","mutability":"writeOnly","returned":"never"},` +
		`{"name":"note","type":"string","multiValued":false,"description":"d","returned":"request"}`
	desk = `{"name":"floors","type":"string","multiValued":true,"description":"d"}`
	site = `{"name":"city","type":"string","multiValued":false,"description":"d"}`
)

// An organization's own schemas are attributes like any other, and nobody else's.
func TestTypes_ownSchemas(t *testing.T) {
	w := logged(t)
	w.define(t, w.org, "User", badgeURN, badge)
	w.define(t, w.org, "User", deskURN, desk)
	w.define(t, w.org, "Group", siteURN, site)
	body := fmt.Sprintf(`{"schemas":[%q,%q,%q],"userName":"anna",%[2]q:{"number":7,"since":"2020-01-01T00:00:00Z","pin":"secret-pin","note":"hush"},%[3]q:{"floors":["1","2"]}}`,
		userURN, badgeURN, deskURN)
	id := w.create(t, scim.Users, body)
	g := w.create(t, scim.Groups, fmt.Sprintf(`{"schemas":[%q,%q],"displayName":"g",%[2]q:{"city":"Bern"}}`, groupURN, siteURN))

	r, err := w.Get(t.Context(), w.actor, scim.Users, id, scim.Query{}, scim.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	if text := string(r.Body); !strings.Contains(text, `"number":7`) || !strings.Contains(text, `"floors":["1","2"]`) ||
		strings.Contains(text, "hush") || strings.Contains(text, "secret-pin") {
		t.Errorf("the user is %s", text)
	}
	r, err = w.Get(t.Context(), w.actor, scim.Users, id, scim.Query{Attributes: []string{badgeURN + ":note"}}, scim.Conditions{})
	if err != nil || !strings.Contains(string(r.Body), "hush") || strings.Contains(string(r.Body), "floors") {
		t.Errorf("what was asked for is %s, %v", r.Body, err)
	}
	for filter, want := range map[string]int{
		badgeURN + `:number gt 6`:                               1,
		strings.ToUpper(deskURN) + `:floors eq "2"`:             1,
		deskURN + `:floors eq "3"`:                              0,
		`userName eq "anna" and ` + badgeURN + `:number eq 7`:   1,
		`userName eq "anna" and not (` + badgeURN + `:note pr)`: 0,
	} {
		if page := w.list(t, scim.Users, filterOf(filter)); page.TotalResults != want {
			t.Errorf("%s finds %d, want %d", filter, page.TotalResults, want)
		}
	}
	if page := w.list(t, scim.Groups, filterOf(siteURN+`:city sw "be"`)); page.TotalResults != 1 {
		t.Error("the group is not found")
	}
	w.patch(t, scim.Users, id, `{"op":"add","path":"`+deskURN+`:floors","value":["3"]},{"op":"replace","value":{"`+badgeURN+`":{"number":8,"pin":"secret-pin"}}}`)
	if page := w.list(t, scim.Users, filterOf(deskURN+`:floors eq "3" and `+badgeURN+`:number eq 8`)); page.TotalResults != 1 {
		t.Error("the PATCH is lost")
	}
	w.patch(t, scim.Groups, g, `{"op":"remove","path":"`+siteURN+`"}`)
	if page := w.list(t, scim.Groups, filterOf(siteURN+`:city pr`)); page.TotalResults != 0 {
		t.Error("the removal is lost")
	}

	// A PUT that does not know the schema takes its values away, but for what is immutable.
	if _, err := w.replace(scim.Users, id, user("anna"), scim.Conditions{}); err != nil {
		t.Fatal(err)
	}
	if page := w.list(t, scim.Users, filterOf(badgeURN+`:since pr and not (`+badgeURN+`:number pr)`)); page.TotalResults != 1 {
		t.Error("the immutable value did not stay, or the others did")
	}
	_, err = w.replace(scim.Users, id, fmt.Sprintf(`{"schemas":[%q],"userName":"anna",%q:{"since":"2021-01-01T00:00:00Z","pin":"secret-pin"}}`, userURN, badgeURN), scim.Conditions{})
	wantFault(t, err, 400, "mutability")
	_, err = w.Create(t.Context(), w.actor, scim.Users, []byte(strings.Replace(body, `7`, `"seven"`, 1)), scim.Query{})
	wantFault(t, err, 400, "invalidValue")

	for _, row := range w.rows(t) {
		if text := fmt.Sprintf("%+v", row); strings.Contains(text, "secret-pin") {
			t.Errorf("the sync log has a secret: %s", text)
		}
		if row.Method == directory.SyncPut && !row.Failed() && !slices.Equal(row.Changes, []string{badgeURN + ":note", badgeURN + ":number", deskURN + ":floors"}) {
			t.Errorf("the PUT changed %q", row.Changes)
		}
	}

	// Another organization knows nothing of it.
	other, token := w.organization(t, directory.ProfileStrict)
	actor, err := w.Authenticate(t.Context(), other, bearer(token))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.List(t.Context(), actor, scim.Users, scim.Query{Filter: badgeURN + ":number eq 7", HasFilter: true})
	wantFault(t, err, 400, "invalidFilter")
}

// Discovery shows an organization's schemas to those who have a token of it.
func TestTypes_discovery(t *testing.T) {
	w := newWorld(t)
	w.define(t, w.org, "User", badgeURN, badge)
	for _, c := range []struct {
		actor scim.Actor
		want  bool
	}{{w.actor, true}, {scim.Actor{}, false}} {
		all, err := w.Schemas(t.Context(), w.org, c.actor, scim.Query{})
		if err != nil || strings.Contains(string(all.Body), badgeURN) != c.want || !strings.Contains(string(all.Body), userURN) {
			t.Errorf("Schemas: %v, %.300s", err, all.Body)
		}
		if _, err := w.Schema(t.Context(), w.org, c.actor, strings.ToUpper(badgeURN), scim.Query{}); (err == nil) != c.want {
			t.Errorf("Schema: %v", err)
		}
		kind, err := w.ResourceType(t.Context(), w.org, c.actor, "User", scim.Query{})
		if err != nil || strings.Contains(string(kind.Body), badgeURN) != c.want {
			t.Errorf("ResourceType: %v, %s", err, kind.Body)
		}
		kinds, err := w.ResourceTypes(t.Context(), w.org, c.actor, scim.Query{})
		if err != nil || strings.Contains(string(kinds.Body), badgeURN) != c.want || !json.Valid(kinds.Body) {
			t.Errorf("ResourceTypes: %v, %s", err, kinds.Body)
		}
	}
}

// lagging is a node that applies late: what it knows by itself is old, what is confirmed is new.
type lagging struct {
	*fsmtest.Ledger
	old *state.View
}

func (l *lagging) View(ctx context.Context, f state.Freshness) (*state.View, error) {
	if !f.IsConfirmed() && f.Seq() == 0 {
		return l.old, nil
	}
	return l.Ledger.View(ctx, f)
}

// A schema that was defined on another node a moment ago is known to every request that names it.
func TestTypes_definedElsewhere(t *testing.T) {
	w := newWorld(t)
	w.Engine.Viewer = &lagging{w.ledger, w.ledger.FSM.View()}
	w.define(t, w.org, "User", badgeURN, badge)
	actor, err := w.Authenticate(t.Context(), w.org, bearer(w.token))
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range []directory.Profile{directory.ProfileInterop, directory.ProfileStrict} {
		w.actor, w.actor.Profile = actor, profile
		id := w.create(t, scim.Users, fmt.Sprintf(`{"schemas":[%q,%q],"userName":%q,%[2]q:{"number":1}}`, userURN, badgeURN, profile))
		if page := w.list(t, scim.Users, filterOf(badgeURN+`:number eq 1`)); page.TotalResults != 1 {
			t.Errorf("%s: the create lost it", profile)
		}
		w.patch(t, scim.Users, id, `{"op":"replace","path":"`+badgeURN+`:number","value":2}`)
		if page := w.list(t, scim.Users, filterOf(badgeURN+`:number eq 2`)); page.TotalResults != 1 {
			t.Errorf("%s: the PATCH lost it", profile)
		}
		if _, err := w.Delete(t.Context(), w.actor, scim.Users, id, scim.Conditions{}); err != nil {
			t.Error(err)
		}
	}
}

// A schema that changes while a write is on its way makes the body be read again, by the new one.
func TestTypes_changedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.define(t, w.org, "User", badgeURN, badge)
	id := w.create(t, scim.Users, user("anna"))
	w.interfere(func() {
		w.define(t, w.org, "User", deskURN, desk)
		w.patch(t, scim.Users, id, `{"op":"add","path":"title","value":"T"}`)
	})
	if _, err := w.replace(scim.Users, id, fmt.Sprintf(`{"schemas":[%q],"userName":"anna",%q:{"number":1},%q:{"floors":["1"]}}`, userURN, badgeURN, deskURN), scim.Conditions{}); err != nil {
		t.Fatal(err)
	}
	if page := w.list(t, scim.Users, filterOf(badgeURN+`:number eq 1 and `+deskURN+`:floors eq "1"`)); page.TotalResults != 1 {
		t.Error("the new schema's values are lost")
	}
}

// The types of many organizations are used at the same time; none gets another's.
func TestTypes_concurrent(t *testing.T) {
	w := newWorld(t)
	var done sync.WaitGroup
	for i := range 20 {
		org, token := w.organization(t, directory.ProfileInterop)
		done.Go(func() {
			for j := range 5 {
				urn := fmt.Sprintf("urn:example:S%d:%d", i, j)
				w.define(t, org, "User", urn, site)
				actor, err := w.Authenticate(context.Background(), org, bearer(token))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := w.Create(context.Background(), actor, scim.Users, fmt.Appendf(nil, `{"schemas":[%q],"userName":"%d",%q:{"city":"c"}}`, userURN, j, urn), scim.Query{}); err != nil {
					t.Error(err)
				}
				r, err := w.List(context.Background(), actor, scim.Users, scim.Query{Filter: urn + ` pr`, HasFilter: true})
				if err == nil {
					r.Release()
				}
				r, err = w.List(context.Background(), actor, scim.Users, scim.Query{Filter: urn + `:city eq "C"`, HasFilter: true})
				if err != nil || !strings.Contains(string(r.Body), `"totalResults":1`) {
					t.Errorf("%s: %v", urn, err)
				}
			}
		})
	}
	done.Wait()
}
