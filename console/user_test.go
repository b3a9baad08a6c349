package console_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"domicile/console"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/schema"
)

// user puts a user of a source into the ledger and gives the id.
func (h *house) user(t *testing.T, org directory.OrganizationID, source directory.Source, name, email string) directory.ResourceID {
	t.Helper()
	id := directory.ResourceID(name + "-id")
	h.ledger.Must(org, &command.CreateUser{
		ID: id, Source: source, UserFields: command.UserFields{
			Active: true, UserName: name, UserNameKey: directory.Fold(name), DisplayName: name, Emails: []string{email},
			Attributes: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + name + `"}`,
		},
	})
	return id
}

func TestInviteUser(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	made, err := h.InviteUser(t.Context(), actor, org, console.NewUser{Email: " Ann@Acme.example ", DisplayName: "Ann"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.GetUser(t.Context(), org, made.ID)
	if err != nil || got.UserName != "Ann@Acme.example" || got.Email() != "ann@acme.example" || got.Source != directory.SourceInvited ||
		!got.Active || got.DisplayName != "Ann" || got.Version != made.Version {
		t.Fatalf("got %+v, %v", got.User, err)
	}
	person, err := schema.Decode(schema.User(), []byte(got.Attributes))
	if err != nil || schema.String(person, "userName") != "Ann@Acme.example" || string(schema.Encode(schema.User(), person)) != got.Attributes {
		t.Fatalf("no canonical document: %s, %v", got.Attributes, err)
	}
	rows, err := h.ListSyncLog(t.Context(), org, console.SyncQuery{User: "ANN@acme.example"})
	if err != nil || len(rows.Rows) != 1 || rows.Rows[0].Method != directory.SyncPost || rows.Rows[0].Principal != actor {
		t.Fatalf("logged %+v, %v", rows.Rows, err)
	}
	for name, test := range map[string]struct {
		org   directory.OrganizationID
		in    console.NewUser
		kind  directory.Kind
		field string
	}{
		"taken":        {org, console.NewUser{Email: "ann@ACME.example"}, directory.KindConflict, "userName"},
		"no address":   {org, console.NewUser{Email: "ann"}, directory.KindInvalid, "email"},
		"long address": {org, console.NewUser{Email: strings.Repeat("a", 250) + "@b.example"}, directory.KindInvalid, "email"},
		"control":      {org, console.NewUser{Email: "b@b.example", DisplayName: "a\x07"}, directory.KindInvalid, "display_name"},
		"long name":    {org, console.NewUser{Email: "b@b.example", DisplayName: strings.Repeat("a", 201)}, directory.KindInvalid, "display_name"},
		"organization": {"nobody", console.NewUser{Email: "b@b.example"}, directory.KindNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.InviteUser(t.Context(), actor, test.org, test.in)
			wantError(t, err, test.kind, test.field)
		})
	}
}

func TestListUsers(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	for i := range 7 {
		h.user(t, org, directory.Source(i%3+1), fmt.Sprintf("user-%d", i), fmt.Sprintf("u%d@a.example", i))
	}
	inactive := false
	for name, test := range map[string]struct {
		query console.UserQuery
		want  []string
	}{
		"all":        {console.UserQuery{}, []string{"user-0", "user-3", "user-6", "user-1", "user-4", "user-2", "user-5"}},
		"invited":    {console.UserQuery{Source: directory.SourceInvited}, []string{"user-1", "user-4"}},
		"prefix":     {console.UserQuery{Prefix: "USER-"}, []string{"user-0", "user-1", "user-2", "user-3", "user-4", "user-5", "user-6"}},
		"prefix one": {console.UserQuery{Prefix: "user-5"}, []string{"user-5"}},
		"inactive":   {console.UserQuery{Active: &inactive}, nil},
	} {
		for _, size := range []int{1, 2, 3, 200} {
			t.Run(fmt.Sprint(name, " by ", size), func(t *testing.T) {
				var seen []string
				q := test.query
				for q.Size = size; ; {
					page, err := h.ListUsers(t.Context(), org, q)
					if err != nil {
						t.Fatal(err)
					}
					for _, u := range page.Users {
						seen = append(seen, u.UserName)
					}
					if q.Token = page.NextPageToken; q.Token == "" {
						break
					}
				}
				if !slices.Equal(seen, test.want) {
					t.Fatalf("saw %v, want %v", seen, test.want)
				}
			})
		}
	}
	for _, token := range []string{"?", "zz", "MS4", "OS4x", "MS4xLjE", "LTEuMQ"} {
		_, err := h.ListUsers(t.Context(), org, console.UserQuery{Paging: console.Paging{Token: token}})
		wantError(t, err, directory.KindInvalid, "page_token")
	}
	_, err := h.ListUsers(t.Context(), "nobody", console.UserQuery{})
	wantError(t, err, directory.KindNotFound, "")
}

func TestDeleteUser(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	provisioned := h.user(t, org, directory.SourceSCIM, "idp", "idp@a.example")
	root := h.user(t, org, directory.SourceRoot, "root", "root@a.example")
	ann := h.user(t, org, directory.SourceInvited, "ann", "ann@a.example")
	bob := h.user(t, org, directory.SourceInvited, "bob", "bob@a.example")
	wantError(t, h.DeleteUser(t.Context(), actor, org, provisioned, false), directory.KindConflict, "")
	wantError(t, h.DeleteUser(t.Context(), actor, org, root, true), directory.KindConflict, "")
	if err := h.DeleteUser(t.Context(), actor, org, bob, true); err != nil {
		t.Fatal(err)
	}
	_, err := h.GetUser(t.Context(), org, bob)
	wantError(t, err, directory.KindNotFound, "")

	if err := h.DeleteUser(t.Context(), actor, org, ann, false); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.DeleteUser(t.Context(), actor, org, ann, false), directory.KindNotFound, "")
	gone, err := h.GetUser(t.Context(), org, ann)
	if err != nil || gone.Deleted == nil || gone.Deleted.Actor != actor || gone.Deleted.Expires == 0 {
		t.Fatalf("deleted %+v, %v", gone, err)
	}
	back, err := h.RestoreUser(t.Context(), actor, org, ann)
	if err != nil || back.Deleted != nil || back.UserName != "ann" {
		t.Fatalf("restored %+v, %v", back, err)
	}
	_, err = h.RestoreUser(t.Context(), actor, org, ann)
	wantError(t, err, directory.KindNotFound, "")

	if err := h.DeleteUser(t.Context(), actor, org, ann, false); err != nil {
		t.Fatal(err)
	}
	if _, err := h.InviteUser(t.Context(), actor, org, console.NewUser{Email: "other@a.example"}); err != nil {
		t.Fatal(err)
	}
	if err := h.EraseUser(t.Context(), actor, org, ann); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.EraseUser(t.Context(), actor, org, ann), directory.KindNotFound, "")
}

func TestListDeletedUsers(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	var want []directory.ResourceID
	for i := range 5 {
		id := h.user(t, org, directory.SourceInvited, fmt.Sprintf("user-%d", i), "x@a.example")
		if err := h.DeleteUser(t.Context(), actor, org, id, false); err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	slices.Reverse(want)
	var seen []directory.ResourceID
	for p := (console.Paging{Size: 2}); ; {
		page, err := h.ListDeletedUsers(t.Context(), org, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			seen = append(seen, u.ID)
		}
		if p.Token = page.NextPageToken; p.Token == "" {
			break
		}
	}
	if !slices.Equal(seen, want) {
		t.Fatalf("saw %v, want %v", seen, want)
	}
	_, err := h.ListDeletedUsers(t.Context(), org, console.Paging{Token: "eA"})
	wantError(t, err, directory.KindInvalid, "page_token")
}

func TestConvertUsers(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	ann := h.user(t, org, directory.SourceInvited, "ann", "ann@a.example")
	idp := h.user(t, org, directory.SourceSCIM, "idp", "idp@a.example")
	root := h.user(t, org, directory.SourceRoot, "root", "root@a.example")
	for name, test := range map[string]struct {
		ids   []directory.ResourceID
		to    directory.Source
		kind  directory.Kind
		field string
	}{
		"nobody":  {nil, directory.SourceSCIM, directory.KindInvalid, "ids"},
		"root":    {[]directory.ResourceID{ann, root}, directory.SourceSCIM, directory.KindInvalid, "ids"},
		"unknown": {[]directory.ResourceID{ann, "x"}, directory.SourceSCIM, directory.KindInvalid, "ids"},
		"to root": {[]directory.ResourceID{ann}, directory.SourceRoot, directory.KindInvalid, "to"},
		"many":    {make([]directory.ResourceID, directory.MaxConvert+1), directory.SourceSCIM, directory.KindTooLarge, "ids"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.ConvertUsers(t.Context(), actor, org, test.ids, test.to)
			wantError(t, err, test.kind, test.field)
		})
	}
	n, err := h.ConvertUsers(t.Context(), actor, org, []directory.ResourceID{ann, idp, ann}, directory.SourceSCIM)
	if err != nil || n != 1 {
		t.Fatalf("converted %d, %v", n, err)
	}
	if u, err := h.GetUser(t.Context(), org, ann); err != nil || u.Source != directory.SourceSCIM {
		t.Fatalf("%+v, %v", u, err)
	}
	if n, err = h.ConvertUsers(t.Context(), actor, org, []directory.ResourceID{ann}, directory.SourceSCIM); err != nil || n != 0 {
		t.Fatalf("converted %d again, %v", n, err)
	}
	log, err := h.ListSyncLog(t.Context(), org, console.SyncQuery{})
	if err != nil || len(log.Rows) != 2 || console.OutcomeOf(log.Rows[0].SyncRow) != console.OutcomeNoop || log.Rows[1].Method != directory.SyncConvert {
		t.Fatalf("logged %+v, %v", log.Rows, err)
	}
}

func TestRenameUsers(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	h.user(t, org, directory.SourceInvited, "ann", "ann@a.example")
	h.user(t, org, directory.SourceSCIM, "bob", "bob@a.example")
	twin := h.user(t, org, directory.SourceInvited, "twin", "bob@a.example")
	h.user(t, org, directory.SourceRoot, "root", "root@a.example")
	plan, err := h.PlanRename(t.Context(), org)
	if err != nil || len(plan.Renames) != 2 || len(plan.Collisions) != 1 || plan.Collisions[0].Address != "bob@a.example" {
		t.Fatalf("planned %+v, %v", plan, err)
	}
	_, err = h.RenameUsers(t.Context(), actor, org)
	wantError(t, err, directory.KindConflict, "userName")
	if err := h.DeleteUser(t.Context(), actor, org, twin, true); err != nil {
		t.Fatal(err)
	}
	if done, err := h.RenameUsers(t.Context(), actor, org); err != nil || len(done.Renames) != 2 {
		t.Fatalf("renamed %+v, %v", done, err)
	}
	view, err := h.ledger.View(t.Context(), state.Local())
	if err != nil {
		t.Fatal(err)
	}
	d, _ := view.Directory(org)
	for _, name := range []string{"ann@a.example", "bob@a.example", "root"} {
		if _, ok := d.UserByName(name); !ok {
			t.Errorf("nobody is called %s", name)
		}
	}
}
