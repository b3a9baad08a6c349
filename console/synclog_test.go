package console_test

import (
	"fmt"
	"testing"

	"domicile/console"
	"domicile/directory"
	"domicile/fsm/command"
)

func TestListSyncLog(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	rows := []directory.SyncRow{
		{Actor: "token:1", Resource: "User", ID: "u1", Name: "Ann@a.example", Changed: true},
		{Actor: "token:1", Resource: "User", ID: "u1", Name: "Ann@a.example"},
		{Actor: "token:1", Resource: "Group", ID: "g1", Name: "Staff", Status: 409, Detail: "taken"},
		{Actor: "token:1", Status: 400, Detail: "no JSON"},
	}
	h.ledger.Must(org, &command.AppendSyncLog{Rows: rows})
	for name, test := range map[string]struct {
		query console.SyncQuery
		want  string
	}{
		"all":             {console.SyncQuery{}, "3210"},
		"user by name":    {console.SyncQuery{User: "ann@A.example"}, "10"},
		"user by id":      {console.SyncQuery{User: "u1"}, "10"},
		"user of a group": {console.SyncQuery{User: "staff"}, ""},
		"group":           {console.SyncQuery{Group: "STAFF"}, "2"},
		"either":          {console.SyncQuery{Group: "g1", User: "u1"}, "210"},
		"failed":          {console.SyncQuery{Outcome: console.OutcomeFailed}, "32"},
		"noop of a user":  {console.SyncQuery{Outcome: console.OutcomeNoop, User: "u1"}, "1"},
		"ok":              {console.SyncQuery{Outcome: console.OutcomeOK}, "0"},
	} {
		for _, size := range []int{1, 2, 50} {
			t.Run(fmt.Sprint(name, " by ", size), func(t *testing.T) {
				seen := ""
				q := test.query
				for q.Size = size; ; {
					page, err := h.ListSyncLog(t.Context(), org, q)
					if err != nil {
						t.Fatal(err)
					}
					if page.Counts.Failures != 2 || page.Counts.Rows != 4 {
						t.Fatalf("counts %+v", page.Counts)
					}
					for _, row := range page.Rows {
						seen += fmt.Sprint(row.Ordinal)
						if got, err := h.GetSyncRow(t.Context(), org, console.SyncRowID(row.SyncRow)); err != nil || got != row || got.Principal != console.DefaultPrincipal {
							t.Fatalf("row %s is %+v, %v", console.SyncRowID(row.SyncRow), got, err)
						}
					}
					if q.Token = page.NextPageToken; q.Token == "" {
						break
					}
				}
				if seen != test.want {
					t.Fatalf("saw rows %s, want %s", seen, test.want)
				}
			})
		}
	}
	for _, id := range []string{"", "1", "x.y", "01.0", "1.0.0", "99999999999999999999.0", "1.-1", "999.0"} {
		_, err := h.GetSyncRow(t.Context(), org, id)
		wantError(t, err, directory.KindNotFound, "")
	}
	_, err := h.ListSyncLog(t.Context(), org, console.SyncQuery{Paging: console.Paging{Token: "MQ"}})
	wantError(t, err, directory.KindInvalid, "page_token")
}
