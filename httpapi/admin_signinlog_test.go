package httpapi_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
)

// TestSignIns_list asks for the log of sign-ins with each filter, and as everybody.
func TestSignIns_list(t *testing.T) {
	o := newOffice(t)
	e, other := o.estate("acme"), o.estate("other") // each has sessions of the root user, of break glass and of an invited person
	e.propose(&command.RecordRefusals{Rows: []directory.SignIn{
		{
			At: directory.Time(time.Now().UnixMicro()), Way: directory.WayProvider, Reason: "not_provisioned", Reference: "4F2A9C01", More: 2,
			Connection: directory.ConnectionID(e.names["connection"]), Agent: "Firefox on Linux", Address: "192.0.2.7",
		},
		{Way: directory.WayLocal, Reason: "code_wrong", User: directory.ResourceID(e.names["user"])},
	}})
	list := func(query string) (rows []map[string]any) {
		t.Helper()
		for _, row := range o.must(http.StatusOK, ask{method: "GET", path: e.path + "/sign-ins" + query, session: e.owner})["sign_ins"].([]any) {
			rows = append(rows, row.(map[string]any))
		}
		return rows
	}
	all := list("")
	made := len(all) - 2
	newest := all[1] // of one command the last row comes first
	delete(newest, "id")
	at := newest["at"]
	delete(newest, "at")
	if want := map[string]any{
		"way": "provider", "outcome": "refused", "reason": "not_provisioned", "reference": "4F2A9C01", "more": 2.0,
		"connection": e.names["connection"], "linked": false, "agent": "Firefox on Linux", "address": "192.0.2.7",
	}; !sameJSON(newest, want) {
		t.Errorf("row %v, want %v", newest, want)
	}
	if parsed, err := time.Parse(time.RFC3339, at.(string)); err != nil || time.Since(parsed) > time.Hour {
		t.Errorf("at %v: %v", at, err)
	}
	for query, want := range map[string]int{
		"?outcome=refused": 2, "?outcome=signed_in": made, "?reference=4f2a9c01": 1, "?reference=nothing": 0, "?user=nobody": 0,
		"?outcome=refused&user=" + e.names["user"]: 1, "?user=help%40acme.example": 1,
	} {
		if got := len(list(query)); got != want {
			t.Errorf("%s: %d rows, want %d", query, got, want)
		}
	}
	glass := list("?user=help%40acme.example")[0]
	if glass["way"] != "break_glass" || glass["email"] != "help@acme.example" || glass["session"] == "" || glass["outcome"] != "signed_in" {
		t.Errorf("break glass %v", glass)
	}
	paged := make(map[any]bool)
	for token := ""; ; {
		page := o.must(http.StatusOK, ask{method: "GET", path: e.path + "/sign-ins?page_size=1&page_token=" + url.QueryEscape(token), session: e.owner})
		for _, row := range page["sign_ins"].([]any) {
			paged[row.(map[string]any)["id"]] = true
		}
		next, more := page["next_page_token"].(string)
		if token = next; !more {
			break
		}
	}
	if len(paged) != len(all) {
		t.Errorf("%d rows in pages of one, %d in one page", len(paged), len(all))
	}
	o.refused(ask{method: "GET", path: e.path + "/sign-ins?page_token=AAAA"}, http.StatusBadRequest, "page_token")
	o.refused(ask{method: "GET", path: e.path + "/sign-ins?page_size=201"}, http.StatusBadRequest, "page_size")
	o.refused(ask{method: "GET", path: e.path + "/sign-ins?outcome=late"}, http.StatusBadRequest, "outcome")
	o.refused(ask{method: "GET", path: organizationsPath + "/nowhere/sign-ins"}, http.StatusNotFound, "")
	for name, session := range map[string]string{"break glass": e.breakGlass, "a person": e.person, "another's owner": other.owner} {
		if got := o.do(ask{method: "GET", path: e.path + "/sign-ins", session: session}); got.status < http.StatusForbidden || got.status > http.StatusNotFound {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
	if got := o.do(ask{method: "GET", path: e.path + "/sign-ins", session: "none"}); got.status != http.StatusUnauthorized {
		t.Errorf("nobody: status %d", got.status)
	}
}
