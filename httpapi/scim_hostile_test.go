package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"domicile/scim"
	"domicile/scim/scimtest"
)

// hostile is one request that nobody means well with, and the status codes that may answer it.
type hostile struct {
	method, path, body string
	headers            map[string]string
	want               []int
}

// maxGarbage is how much memory one refused request may use in all: a JSON value costs many times its text.
const maxGarbage = 1 << 30

// refuse sends a request and checks that it is refused as SCIM says: with one of the statuses, an error body that names it,
// a detail, a scimType for every 400, quickly, and within bounds.
func (w *scimWorld) refuse(t *testing.T, h hostile) {
	t.Helper()
	defer scimtest.Within(t, h.method+" "+h.path)()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := w.send(t, h.method, h.path, h.body, h.headers)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > maxGarbage {
		t.Errorf("the request used %d MiB", used>>20)
	}
	if !slices.Contains(h.want, r.StatusCode) {
		t.Fatalf("%d, want %v: %.300s", r.StatusCode, h.want, body)
	}
	if h.method == http.MethodHead {
		return
	}
	var fault struct {
		Schemas                  []string
		Status, ScimType, Detail string
	}
	if err := json.Unmarshal(body, &fault); err != nil {
		t.Fatalf("%v in %.300s", err, body)
	}
	if !slices.Equal(fault.Schemas, []string{scim.ErrorURN}) || fault.Status != strconv.Itoa(r.StatusCode) || fault.Detail == "" ||
		len(fault.Detail) > 2000 || r.StatusCode == http.StatusBadRequest && fault.ScimType == "" {
		t.Errorf("the body is %.600s", body)
	}
	if got := r.Header.Get("Content-Type"); got != "application/scim+json" {
		t.Errorf("the error is %s", got)
	}
	switch r.StatusCode {
	case http.StatusUnauthorized:
		if !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Error("401 without a challenge")
		}
	case http.StatusMethodNotAllowed:
		if r.Header.Get("Allow") == "" {
			t.Error("405 without Allow")
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || seconds < 1 {
			t.Errorf("Retry-After is %q", r.Header.Get("Retry-After"))
		}
	}
}

// newVictim is a world with a user and a group, and the list of both that an attack must leave as it was.
func newVictim(t *testing.T) (w *scimWorld, user, group string, state func() string) {
	t.Helper()
	w = newSCIMWorld(t)
	made := func(path, body string) string {
		r := w.send(t, "POST", path, body, nil)
		if r.StatusCode != http.StatusCreated {
			t.Fatal(r.Status)
		}
		return strings.TrimPrefix(r.Header.Get("Location"), w.base(w.org))
	}
	user = made("/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"jo","emails":[{"value":"jo@x","type":"work"}]}`)
	group = made("/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g","members":[{"value":"`+user[len("/Users/"):]+`"}]}`)
	return w, user, group, func() string {
		whole := ""
		for _, path := range []string{"/Users", "/Groups"} {
			body, err := io.ReadAll(w.send(t, "GET", path, "", nil).Body)
			if err != nil {
				t.Fatal(err)
			}
			whole += string(body)
		}
		return whole
	}
}

// TestSCIMHostile_bodies sends every hostile body to every address that reads one.
func TestSCIMHostile_bodies(t *testing.T) {
	w, user, group, state := newVictim(t)
	before := state()
	for _, in := range scimtest.HostileJSON() {
		t.Run(in.Name, func(t *testing.T) {
			for _, to := range []string{"POST /Users", "PUT " + user, "PATCH " + user, "POST /Groups", "PUT " + group, "PATCH " + group, "POST /Bulk"} {
				method, path, _ := strings.Cut(to, " ")
				w.refuse(t, hostile{method, path, in.Text, map[string]string{"Content-Type": "application/scim+json"}, []int{400}})
			}
			r := w.send(t, "POST", "/Users/.search", in.Text, nil)
			if r.StatusCode >= 500 { // an object with unknown members is a question that asks nothing
				t.Errorf("search: %s", r.Status)
			}
		})
	}
	if after := state(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

// TestSCIMHostile_questions sends every hostile filter, path and parameter.
func TestSCIMHostile_questions(t *testing.T) {
	w, user, _, state := newVictim(t)
	before := state()
	for _, in := range scimtest.HostileFilters() {
		t.Run("filter, "+in.Name, func(t *testing.T) {
			w.refuse(t, hostile{"GET", "/Users?filter=" + url.QueryEscape(in.Text), "", nil, []int{400}})
			body, err := json.Marshal(map[string]any{"schemas": []string{scim.SearchURN}, "filter": in.Text})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(in.Name, "UTF-8") {
				body = []byte(`{"filter":"` + strings.ReplaceAll(in.Text, `"`, `\"`) + `"}`)
			}
			w.refuse(t, hostile{"POST", "/Users/.search", string(body), nil, []int{400}})
		})
	}
	for _, in := range scimtest.HostilePaths() {
		t.Run("path, "+in.Name, func(t *testing.T) {
			path, err := json.Marshal(in.Text)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(in.Name, "UTF-8") {
				path = []byte(`"` + strings.ReplaceAll(in.Text, `"`, `\"`) + `"`)
			}
			for _, op := range []string{"add", "replace", "remove"} {
				body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":%q,"path":%s,"value":"x"}]}`, op, path)
				w.refuse(t, hostile{"PATCH", user, body, nil, []int{400}})
			}
		})
	}
	for name, query := range map[string]string{
		"a long query":       "x=" + strings.Repeat("a", 100_000),
		"a broken escape":    "filter=%zz",
		"half an escape":     "count=%2",
		"count in words":     "count=ten",
		"count, fractional":  "count=1.5",
		"startIndex in hex":  "startIndex=0x10",
		"a cursor of ours":   "cursor=AAAA",
		"a cursor, long":     "cursor=" + strings.Repeat("A", 15_000),
		"a cursor, no text":  "cursor=%00%ff",
		"an unknown order":   "sortBy=userName&sortOrder=sideways",
		"sorted by a secret": "sortBy=password",
		"sorted by a deep":   "sortBy=name" + strings.Repeat(".x", 1000),
	} {
		t.Run("query, "+name, func(t *testing.T) {
			w.refuse(t, hostile{"GET", "/Users?" + query, "", nil, []int{400}})
		})
	}
	if after := state(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

// TestSCIMHostile_requests are requests that are wrong before their content is looked at.
func TestSCIMHostile_requests(t *testing.T) {
	w, user, group, state := newVictim(t)
	before := state()
	oversize := strings.Repeat(" ", 1<<20)
	patch := func(operations string) string {
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
	}
	header := func(name, value string) map[string]string { return map[string]string{name: value} }
	for name, h := range map[string]hostile{
		"no token":               {"GET", user, "", header("Authorization", ""), []int{401}},
		"another scheme":         {"GET", user, "", header("Authorization", "Basic am86am8="), []int{401}},
		"a wrong token":          {"GET", user, "", header("Authorization", "Bearer dom_us_"+strings.Repeat("A", 43)), []int{401}},
		"a long token":           {"GET", user, "", header("Authorization", "Bearer "+strings.Repeat("A", 500_000)), []int{401}},
		"a token in the query":   {"GET", "/Users?access_token=" + w.token, "", header("Authorization", ""), []int{401}},
		"no such endpoint":       {"GET", "/Printers", "", nil, []int{404}},
		"deeper than there is":   {"GET", user + "/emails/0", "", nil, []int{404}},
		"out of the house":       {"GET", "/Users/..%2f..%2fGroups", "", nil, []int{404}},
		"a NUL in the id":        {"GET", "/Users/%00", "", nil, []int{404}},
		"a long id":              {"GET", "/Users/" + strings.Repeat("a", 100_000), "", nil, []int{404}},
		"an id of another kind":  {"GET", "/Groups/" + user[len("/Users/"):], "", nil, []int{404}},
		"an id in capitals":      {"GET", "/Users/" + strings.ToUpper(user[len("/Users/"):]), "", nil, []int{404}},
		"a method of the web":    {"TRACE", "/Users", "", nil, []int{405}},
		"an unknown method":      {"BREW", "/Users", "", nil, []int{405}},
		"DELETE of everything":   {"DELETE", "/Users", "", nil, []int{405}},
		"PATCH of everything":    {"PATCH", "/Users", patch(`{"op":"remove","path":"active"}`), nil, []int{405}},
		"POST to one":            {"POST", user, "{}", nil, []int{405}},
		"writing discovery":      {"POST", "/Schemas", "{}", nil, []int{405}},
		"a stale version":        {"DELETE", user, "", header("If-Match", `W/"0"`), []int{412}},
		"a version of nonsense":  {"DELETE", user, "", header("If-Match", strings.Repeat(`W/"a",`, 1000)), []int{412}},
		"too large":              {"POST", "/Users", `{"userName":"x"}` + oversize, nil, []int{413}},
		"too large, PATCH":       {"PATCH", user, patch("") + oversize, nil, []int{413}},
		"too large, Bulk":        {"POST", "/Bulk", `{}` + oversize, nil, []int{413}},
		"too large, search":      {"POST", "/.search", `{}` + oversize, nil, []int{413}},
		"too many operations":    {"PATCH", user, patch(strings.Repeat(`{"op":"remove","path":"title"},`, 2000) + `{"op":"remove","path":"title"}`), nil, []int{413}},
		"too many filters":       {"PATCH", group, patch(strings.Repeat(`{"op":"remove","path":"members[display co \"x\"]"},`, 99) + `{"op":"remove","path":"members[display co \"x\"]"}`), nil, []int{413}},
		"too many values":        {"PATCH", user, patch(`{"op":"add","path":"emails","value":[` + strings.Repeat(`"a",`, 1000) + `"a"]}`), nil, []int{400}},
		"a bomb of small values": {"POST", "/Groups", `{"displayName":"x","members":[` + strings.Repeat("{},", 5_000_000) + `{}]}`, nil, []int{400, 413}},
		"a bomb of members":      {"POST", "/Groups", `{"displayName":"x","members":[` + strings.Repeat(`"a",`, 3_000_000) + `"a"]}`, nil, []int{400, 413}},
		"a foreign media type":   {"POST", "/Users", "a=b", header("Content-Type", "application/x-www-form-urlencoded"), []int{415}},
		"a broken media type":    {"POST", "/Users", "{}", header("Content-Type", "application/scim+json;;;="), []int{415}},
		"another charset":        {"POST", "/Users", "{}", header("Content-Type", "application/scim+json; charset=utf-16"), []int{415}},
		"a packed body":          {"POST", "/Users", "\x1f\x8b\x08\x00", header("Content-Encoding", "gzip"), []int{400, 415}},
		"a password in a filter": {"GET", "/Users?filter=" + url.QueryEscape(`password sw "a"`), "", nil, []int{400}},
		"me":                     {"GET", "/Me", "", nil, []int{501}},
	} {
		t.Run(name, func(t *testing.T) { w.refuse(t, h) })
	}
	for _, path := range []string{"/scim/v1/" + string(w.org) + "/Users", "/scim/v2", "/scim/v2/nobody/Users", "/scim/", "/scim/v2/" + string(w.org) + "/%2e%2e/Users"} {
		t.Run(path, func(t *testing.T) {
			w.refuse(t, hostile{"GET", "/../../../.." + path, "", nil, []int{401, 404}})
		})
	}
	if after := state(); after != before {
		t.Errorf("%s became %s", before, after)
	}
	w.ledger.Cut(true)
	for _, to := range []string{"GET /Users", "GET " + user, "POST /Users", "DELETE " + user, "PATCH " + group, "GET /Nothing"} {
		method, path, _ := strings.Cut(to, " ")
		want := []int{503}
		if path == "/Nothing" {
			want = []int{404}
		}
		w.refuse(t, hostile{method, path, map[string]string{
			"POST":  `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"x"}`,
			"PATCH": patch(`{"op":"replace","path":"displayName","value":"h"}`),
		}[method], nil, want})
	}
}
