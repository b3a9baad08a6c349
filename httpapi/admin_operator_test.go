package httpapi_test

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"domicile/directory"
)

func TestMembers(t *testing.T) {
	o := newOffice(t)
	list := func() map[string]bool { // who leads, by name
		leads := make(map[string]bool)
		for _, m := range o.must(http.StatusOK, ask{method: "GET", path: "/api/v1/members"})["members"].([]any) {
			member := m.(map[string]any)
			leads[member["node"].(string)] = member["leader"].(bool)
		}
		return leads
	}
	if got := list(); len(got) != 3 || !got["us-1"] || got["us-2"] {
		t.Fatalf("the members are %v", got)
	}
	o.must(http.StatusNoContent, ask{method: "POST", path: "/api/v1/leader/transfer"})
	if got := list(); got["us-1"] || !got["us-2"] {
		t.Fatalf("after the transfer %v", got)
	}
	o.refused(ask{method: "DELETE", path: "/api/v1/members/us-7"}, http.StatusNotFound, "")
	o.must(http.StatusNoContent, ask{method: "DELETE", path: "/api/v1/members/us-1"})
	o.must(http.StatusNoContent, ask{method: "DELETE", path: "/api/v1/members/us-3-1"})
	problem := o.refused(ask{method: "DELETE", path: "/api/v1/members/us-2"}, http.StatusConflict, "")
	if problem["type"] != "urn:domicile:problem:conflict" || problem["detail"] != "us-2 has the only vote" {
		t.Errorf("refused with %v", problem)
	}
	o.refused(ask{method: "POST", path: "/api/v1/leader/transfer"}, http.StatusConflict, "")
	o.crew.Fail(directory.Unavailable(0, nil, "the region has no leader"))
	o.refused(ask{method: "POST", path: "/api/v1/leader/transfer"}, http.StatusServiceUnavailable, "")
}

func TestMembers_areForTheOperator(t *testing.T) {
	o := newOffice(t)
	for _, a := range []ask{
		{method: "GET", path: "/api/v1/members"},
		{method: "DELETE", path: "/api/v1/members/us-1"},
		{method: "POST", path: "/api/v1/leader/transfer"},
		{method: "GET", path: "/api/v1/backup"},
	} {
		for _, token := range []string{"-", "Bearer dom_us_other"} {
			a.token = token
			o.refused(a, http.StatusUnauthorized, "")
		}
	}
	if len(o.crew.Survey(t.Context())) != 3 {
		t.Error("a stranger removed a member")
	}
}

func TestBackup(t *testing.T) {
	o := newOffice(t)
	o.organization("acme")
	got := o.do(ask{method: "GET", path: "/api/v1/backup"})
	if got.status != http.StatusOK || !strings.Contains(got.body, "acme") { // the crew's backups are in clear
		t.Fatalf("%d: %q", got.status, got.body)
	}
	name := regexp.MustCompile(`^attachment; filename="us-\d+-\d{8}T\d{6}Z\.backup"$`)
	if disposition := got.header.Get("Content-Disposition"); !name.MatchString(disposition) {
		t.Errorf("it is called %s", disposition)
	}
	if got := o.do(ask{method: "HEAD", path: "/api/v1/backup"}); got.status != http.StatusOK {
		t.Errorf("HEAD: %d", got.status)
	}
}

// Half a backup must not look like a whole one: the connection breaks.
func TestBackup_cutOff(t *testing.T) {
	o := newOffice(t)
	o.crew.Fail(errors.New("the ledger hangs"))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.server.URL+"/api/v1/backup", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+operatorToken)
	resp, err := o.server.Client().Do(req)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if err == nil {
		t.Error("a backup that failed came to an orderly end")
	}
	if !strings.Contains(o.logs.String(), "a backup was cut off") {
		t.Error("the log does not say so")
	}
}
