package console_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"domicile/console"
	"domicile/directory"
	"domicile/fsm/command"
)

func TestCreateOrganization(t *testing.T) {
	h := newHouse(t)
	org, err := h.CreateOrganization(t.Context(), actor, console.NewOrganization{
		Slug: "acme", Name: "  Acme Inc. ", Domains: []string{"Acme.Example", "acme.test"}, RootEmail: " Root@Acme.Example ",
	})
	if err != nil {
		t.Fatal(err)
	}
	if org.Name != "Acme Inc." || !slices.Equal(org.Domains, []string{"acme.example", "acme.test"}) ||
		org.RootEmail != "root@acme.example" || org.Profile != directory.ProfileInterop {
		t.Fatalf("made %+v", org)
	}
	if org.Created == 0 || org.Version == 0 {
		t.Fatalf("no stamp: %+v", org)
	}
	got, err := h.GetOrganization(t.Context(), org.ID)
	if err != nil || got.Slug != "acme" || got.Version != org.Version {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestCreateOrganization_refusals(t *testing.T) {
	h := newHouse(t)
	if _, err := h.CreateOrganization(t.Context(), actor, console.NewOrganization{
		Slug: "taken", Name: "x", Domains: []string{"taken.example"},
	}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		in    console.NewOrganization
		kind  directory.Kind
		field string
	}{
		"no slug":         {console.NewOrganization{Name: "x"}, directory.KindInvalid, "slug"},
		"capital slug":    {console.NewOrganization{Slug: "Acme", Name: "x"}, directory.KindInvalid, "slug"},
		"long slug":       {console.NewOrganization{Slug: strings.Repeat("a", 64), Name: "x"}, directory.KindInvalid, "slug"},
		"no name":         {console.NewOrganization{Slug: "a", Name: "  "}, directory.KindInvalid, "name"},
		"long name":       {console.NewOrganization{Slug: "a", Name: strings.Repeat("x", 201)}, directory.KindInvalid, "name"},
		"control in name": {console.NewOrganization{Slug: "a", Name: "a\x1b[2J"}, directory.KindInvalid, "name"},
		"broken UTF-8":    {console.NewOrganization{Slug: "a", Name: "a\xff"}, directory.KindInvalid, "name"},
		"domain":          {console.NewOrganization{Slug: "a", Name: "x", Domains: []string{"nodots"}}, directory.KindInvalid, "domains"},
		"domain twice":    {console.NewOrganization{Slug: "a", Name: "x", Domains: []string{"a.b", "A.B"}}, directory.KindInvalid, "domains"},
		"Kelvin sign":     {console.NewOrganization{Slug: "a", Name: "x", Domains: []string{"\u212aelvin.example"}}, directory.KindInvalid, "domains"},
		"root":            {console.NewOrganization{Slug: "a", Name: "x", RootEmail: "nobody"}, directory.KindInvalid, "root.email"},
		"profile":         {console.NewOrganization{Slug: "a", Name: "x", Profile: "lax"}, directory.KindInvalid, "scim_profile"},
		"slug taken":      {console.NewOrganization{Slug: "taken", Name: "x"}, directory.KindConflict, "slug"},
		"domain taken":    {console.NewOrganization{Slug: "a", Name: "x", Domains: []string{"TAKEN.example"}}, directory.KindConflict, "domains"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.CreateOrganization(t.Context(), actor, test.in)
			wantError(t, err, test.kind, test.field)
		})
	}
}

func TestCreateOrganization_oneOfManyWins(t *testing.T) {
	h := newHouse(t)
	const many = 16
	errs := make([]error, many)
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() {
			_, errs[i] = h.CreateOrganization(t.Context(), actor, console.NewOrganization{Slug: "acme", Name: "Acme"})
		})
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantError(t, err, directory.KindConflict, "slug")
	}
	if won != 1 {
		t.Fatalf("%d of %d won", won, many)
	}
}

func TestUpdateOrganization_changesWhatIsGiven(t *testing.T) {
	h := newHouse(t)
	org, err := h.CreateOrganization(t.Context(), actor, console.NewOrganization{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, RootEmail: "root@acme.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	strict, name, nobody, none := directory.ProfileStrict, "Acme 2", "", []string{}
	for _, step := range []struct {
		change console.OrganizationChange
		want   string
	}{
		{console.OrganizationChange{}, "Acme [acme.example] root@acme.example interop"},
		{console.OrganizationChange{Profile: &strict}, "Acme [acme.example] root@acme.example strict"},
		{console.OrganizationChange{Name: &name}, "Acme 2 [acme.example] root@acme.example strict"},
		{console.OrganizationChange{RootEmail: &nobody}, "Acme 2 [acme.example]  strict"},
		{console.OrganizationChange{Domains: &none}, "Acme 2 []  strict"},
	} {
		if _, err := h.UpdateOrganization(t.Context(), actor, org.ID, step.change); err != nil {
			t.Fatal(err)
		}
		got, err := h.GetOrganization(t.Context(), org.ID)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprint(got.Name, " ", got.Domains, " ", got.RootEmail, " ", got.Profile); text != step.want {
			t.Fatalf("got %q, want %q", text, step.want)
		}
	}
	_, err = h.UpdateOrganization(t.Context(), actor, "unknown", console.OrganizationChange{Name: &name})
	wantError(t, err, directory.KindNotFound, "")
}

func TestUpdateOrganization_losesNothingToOthers(t *testing.T) {
	h := newHouse(t)
	id := h.organization(t, "acme")
	first := true
	h.ledger.Before(func(c command.Command) error {
		if _, update := c.Payload.(*command.UpdateOrganization); update && first {
			first = false // somebody else changes the profile between our read and our write
			entra := directory.ProfileEntra
			_, err := h.UpdateOrganization(t.Context(), actor, id, console.OrganizationChange{Profile: &entra})
			return err
		}
		return nil
	})
	name := "Acme 2"
	if _, err := h.UpdateOrganization(t.Context(), actor, id, console.OrganizationChange{Name: &name}); err != nil {
		t.Fatal(err)
	}
	got, err := h.GetOrganization(t.Context(), id)
	if err != nil || got.Name != name || got.Profile != directory.ProfileEntra {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestListOrganizations(t *testing.T) {
	h := newHouse(t)
	want := make(map[directory.OrganizationID]bool)
	for i := range 7 {
		want[h.organization(t, fmt.Sprintf("org-%d", i))] = true
	}
	pages, seen := 0, make(map[directory.OrganizationID]bool)
	for token := ""; pages == 0 || token != ""; pages++ {
		page, err := h.ListOrganizations(t.Context(), console.OrganizationQuery{Paging: console.Paging{Size: 3, Token: token}})
		if err != nil {
			t.Fatal(err)
		}
		for _, org := range page.Organizations {
			if seen[org.ID] {
				t.Fatalf("%s is listed twice", org.ID)
			}
			seen[org.ID] = true
		}
		token = page.NextPageToken
	}
	if pages != 3 || len(seen) != len(want) {
		t.Fatalf("%d pages, %d organizations", pages, len(seen))
	}
	page, err := h.ListOrganizations(t.Context(), console.OrganizationQuery{Slug: "org-4"})
	if err != nil || len(page.Organizations) != 1 || page.Organizations[0].Slug != "org-4" {
		t.Fatalf("by slug: %+v, %v", page, err)
	}
	for name, q := range map[string]struct {
		query console.OrganizationQuery
		field string
	}{
		"too many":      {console.OrganizationQuery{Paging: console.Paging{Size: 201}}, "page_size"},
		"negative":      {console.OrganizationQuery{Paging: console.Paging{Size: -1}}, "page_size"},
		"not our token": {console.OrganizationQuery{Paging: console.Paging{Token: "?"}}, "page_token"},
		"cut":           {console.OrganizationQuery{Paging: console.Paging{Token: "zz"}}, "page_token"},
		"of nothing":    {console.OrganizationQuery{Paging: console.Paging{Token: "AAAA"}}, "page_token"},
		"long token":    {console.OrganizationQuery{Paging: console.Paging{Token: strings.Repeat("A", 4000)}}, "page_token"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.ListOrganizations(t.Context(), q.query)
			wantError(t, err, directory.KindInvalid, q.field)
		})
	}
}

func TestDeleteOrganization(t *testing.T) {
	h := newHouse(t)
	id := h.organization(t, "acme")
	if err := h.DeleteOrganization(t.Context(), actor, id); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.DeleteOrganization(t.Context(), actor, id), directory.KindNotFound, "")
	_, err := h.GetOrganization(t.Context(), id)
	wantError(t, err, directory.KindNotFound, "")
	h.organization(t, "acme") // the slug is free again
}
