package console_test

import (
	"fmt"
	"slices"
	"testing"

	"domicile/console"
	"domicile/directory"
	"domicile/fsm/command"
)

// signIns gives the rows of all pages, two at a time, as texts.
func (h *house) signIns(t *testing.T, org directory.OrganizationID, q console.SignInQuery) (rows []string) {
	t.Helper()
	q.Size = 2
	for {
		page, err := h.ListSignIns(t.Context(), org, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			rows = append(rows, fmt.Sprint(console.SignInOutcomeOf(row.SignIn), " ", row.UserName, row.Email, " ", row.Reason, row.Reference))
		}
		if q.Token = page.NextPageToken; q.Token == "" {
			return rows
		}
	}
}

func TestSignIns(t *testing.T) {
	h := newHouse(t)
	connection, users := h.connected(t, "acme")
	elsewhere, others := h.connected(t, "other")
	org := connection.Organization
	h.signIn(t, elsewhere, others[0], "x")
	h.signIn(t, connection, users[0], "ann")
	refusal := directory.SignIn{At: directory.Time(h.ledger.Now().UnixMicro()), Way: directory.WayProvider, Connection: connection.ID}
	first, second, third := refusal, refusal, refusal
	first.Reason, first.Reference = "not_provisioned", "4F2A9C01"
	second.Reason, second.Reference, second.User = "inactive", "0000FFFF", users[1]
	h.ledger.Must(org, &command.RecordRefusals{Rows: []directory.SignIn{first, second}})
	h.signIn(t, connection, users[1], "bob")
	third.Reason = "token_time"
	h.ledger.Must(org, &command.RecordRefusals{Rows: []directory.SignIn{third}})

	const ann, bob = "signed_in ann@acme.example ", "signed_in bob@acme.example "
	const unknown, inactive, late = "refused  not_provisioned4F2A9C01", "refused bob@acme.example inactive0000FFFF", "refused  token_time"
	for name, c := range map[string]struct {
		query console.SignInQuery
		want  []string
	}{
		"all":                  {console.SignInQuery{}, []string{late, bob, inactive, unknown, ann}},
		"signed in":            {console.SignInQuery{Outcome: console.SignInSucceeded}, []string{bob, ann}},
		"refused":              {console.SignInQuery{Outcome: console.SignInRefused}, []string{late, inactive, unknown}},
		"by id":                {console.SignInQuery{User: string(users[1])}, []string{bob, inactive}},
		"by name":              {console.SignInQuery{User: "BOB@acme.example"}, []string{bob, inactive}},
		"by both":              {console.SignInQuery{User: string(users[1]), Outcome: console.SignInRefused}, []string{inactive}},
		"by reference":         {console.SignInQuery{Reference: " 4f2a9c01"}, []string{unknown}},
		"by another reference": {console.SignInQuery{Reference: "4F2A"}, nil},
		"of another":           {console.SignInQuery{User: string(others[0])}, nil},
		"by nobody's name":     {console.SignInQuery{User: "nobody"}, nil},
	} {
		if got := h.signIns(t, org, c.query); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := h.signIns(t, elsewhere.Organization, console.SignInQuery{}); !slices.Equal(got, []string{"signed_in ann@other.example "}) {
		t.Errorf("the other organization has %q", got)
	}
	if err := h.DeleteUser(t.Context(), actor, org, users[1], false); err != nil {
		t.Fatal(err)
	}
	if got := h.signIns(t, org, console.SignInQuery{User: string(users[1])}); !slices.Equal(got, []string{"signed_in  ", "refused  inactive0000FFFF"}) {
		t.Errorf("of a deleted user %q", got)
	}
	for _, token := range []string{"AAAA", "%", "MS4xLjE"} {
		_, err := h.ListSignIns(t.Context(), org, console.SignInQuery{Paging: console.Paging{Token: token}})
		wantError(t, err, directory.KindInvalid, "page_token")
	}
	_, err := h.ListSignIns(t.Context(), org, console.SignInQuery{Paging: console.Paging{Size: 201}})
	wantError(t, err, directory.KindInvalid, "page_size")
	_, err = h.ListSignIns(t.Context(), "nowhere", console.SignInQuery{})
	wantError(t, err, directory.KindNotFound, "")
}

// Whoever breaks glass is found by the address.
func TestSignIns_byAddress(t *testing.T) {
	h := newHouse(t)
	made, err := h.CreateOrganization(t.Context(), actor, console.NewOrganization{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, RootEmail: "root@acme.example", BreakGlass: []string{"glass@acme.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.signInLocal(t, made.ID, "root@acme.example")
	h.signInLocal(t, made.ID, "glass@acme.example")
	if got, want := h.signIns(t, made.ID, console.SignInQuery{User: "Glass@acme.example"}), "root@acme.exampleglass@acme.example"; len(got) != 1 || got[0] != "signed_in "+want+" " {
		t.Errorf("%q", got)
	}
}
