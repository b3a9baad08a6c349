package scimtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// echo answers with what it was sent, under the headers and status that the
// query asks for.
func echo(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch r.URL.Path {
		case "/a/empty", "/b/empty":
			w.WriteHeader(http.StatusNoContent)
			return
		case "/a/away":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		case "/a/text":
			fmt.Fprint(w, "no JSON")
			return
		}
		_, agent := r.Header["User-Agent"]
		var sent any
		if json.Unmarshal(body, &sent) != nil {
			sent = string(body)
		}
		w.Header().Set("ETag", `W/"7"`)
		err = json.NewEncoder(w).Encode(map[string]any{
			"uri": r.RequestURI, "method": r.Method, "body": sent, "length": len(body), "agent": agent,
			"accept": r.Header.Get("Accept"), "type": r.Header.Get("Content-Type"), "auth": r.Header.Get("Authorization"),
			"count": 3, "list": []string{"x", "y"}, "filter": r.URL.Query().Get("filter"),
		})
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// runner gives tenants /a and /b of the echo server, by turns.
func runner(t *testing.T) *Runner {
	server := echo(t)
	var made atomic.Int32
	return &Runner{Tenant: func(_ context.Context, profile string) (Tenant, error) {
		name := "a"
		if made.Add(1)%2 == 0 {
			name = "b"
		}
		if profile != "default" {
			return Tenant{}, errors.New("no profile " + profile)
		}
		return Tenant{Base: server.URL + "/" + name + "/", Token: "token-" + name}, nil
	}}
}

func script(t *testing.T, steps string) Conversation {
	t.Helper()
	c := Conversation{ID: "test", IdP: "rfc", Profile: "default"}
	if err := json.Unmarshal([]byte(steps), &c.Steps); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRun_passes(t *testing.T) {
	steps := map[string]string{
		"defaults": `[{"name":"s","method":"GET","path":"/Users","expect":{"status":200,"json":[["$.uri","eq","/a/Users"],["$.accept","eq","application/scim+json"],
			["$.auth","eq","Bearer token-a"],["$.agent","eq",false],["$.type","eq",""]]}}]`,
		"percent": `[{"name":"s","method":"GET","path":"/Users","query":{"z":"1","filter":"a eq \"b c\""},"rawSuffix":"&","expect":{"status":[200,201],
			"json":[["$.uri","eq","/a/Users?z=1&filter=a%20eq%20%22b%20c%22&"],["$.filter","eq","a eq \"b c\""]]}}]`,
		"plus":     `[{"name":"s","method":"GET","path":"/Users","query":{"filter":"b c"},"encoding":"plus","expect":{"status":200,"json":[["$.uri","eq","/a/Users?filter=b+c"]]}}]`,
		"dangling": `[{"name":"s","method":"GET","path":"/Users","rawSuffix":"?","expect":{"status":200,"json":[["$.uri","eq","/a/Users?"]]}}]`,
		"headers": `[{"name":"s","method":"GET","path":"/Users","headers":{"Accept":null,"Authorization":"Basic ${run}","User-Agent":"X"},"expect":{"status":200,
			"headers":{"etag":{"eq":"W/\"7\"","startsWith":"W/"},"X-Absent":{"exists":false}},
			"json":[["$.accept","eq",""],["$.auth","eq","Basic ${run}"],["$.agent","eq",true]]}}]`,
		"body": `[{"name":"s","method":"POST","path":"/Users","body":{"${run}":"${run}-${uuid1}"},"expect":{"status":200,
			"json":[["$.body['${run}']","matches","^[0-9a-f]{8}-[0-9a-f-]{36}$"],["$.type","startsWith","application/scim+json"]]}}]`,
		"raw and padded": `[{"name":"s","method":"POST","path":"/Users","rawBody":"{","padBytes":500,"expect":{"status":200,"json":[["$.length","eq",500]]}}]`,
		"empty raw body": `[{"name":"s","method":"POST","path":"/Users","rawBody":"","expect":{"status":200,"json":[["$.type","startsWith","application/scim"],["$.length","eq",0]]}}]`,
		"capture keeps the type": `[{"name":"s","method":"GET","path":"/Users","expect":{"status":200},"capture":{"n":"$.count","l":"$.list","tag":"header:ETag"}},
			{"name":"t","method":"POST","path":"/x/${n}","body":{"n":"${n}","text":"n=${n}","l":"${l}"},"expect":{"status":200,
			"json":[["$.body.n","eq","${n}"],["$.body.n","eq",3],["$.body.text","eq","n=3"],["$.body.l","len",2],["$.uri","eq","/a/x/3"]],"headers":{"ETag":{"eq":"${tag}"}}}}]`,
		"no body":        `[{"name":"s","method":"DELETE","path":"/empty","expect":{"status":204,"noBody":true}}]`,
		"json if status": `[{"name":"s","method":"DELETE","path":"/empty","expect":{"status":[200,204],"jsonIfStatus":200,"json":[["$.x","eq",1]]}}]`,
		"other tenant":   `[{"name":"s","method":"GET","path":"/Users","tenant":"b","expect":{"status":200,"json":[["$.uri","eq","/b/Users"],["$.auth","eq","Bearer ${token.b}"],["$.auth","ne","Bearer ${token}"]]}}]`,
		"redirect":       `[{"name":"s","method":"GET","path":"/away","expect":{"status":302,"headers":{"Location":{"eq":"/elsewhere"}}}}]`,
		"wait":           `[{"name":"s","method":"GET","path":"/Users","sleepMs":1,"expect":{"status":200}}]`,
		"look-ahead":     `[{"name":"s","method":"GET","path":"/Users","expect":{"status":200,"json":[["$.method","matches","^((?!bulkId).)+$"]]}}]`,
		"parallel capture": `[{"name":"p","parallel":[{"name":"1","method":"GET","path":"/1","expect":{"status":200},"capture":{"u1":"$.uri"}},
			{"name":"2","method":"GET","path":"/2","expect":{"status":200},"capture":{"u2":"$.uri"}}]},
			{"name":"s","method":"POST","path":"/Users","body":["${u1}","${u2}"],"expect":{"status":200,"json":[["$.body[*]","eq","/a/1"],["$.body[1]","eq","/a/2"]]}}]`,
	}
	for name, steps := range steps {
		t.Run(name, func(t *testing.T) {
			result := runner(t).Run(t.Context(), script(t, steps))
			for _, f := range result.Failures {
				t.Error(f)
			}
		})
	}
}

func TestRun_fails(t *testing.T) {
	tests := []struct{ name, step, want string }{
		{"status", `"path":"/x","expect":{"status":404}`, "status 200, want [404]"},
		{"assertion", `"path":"/x","expect":{"status":200,"json":[["$.count","eq","3"]]}`, "$.count is"},
		{"absent", `"path":"/x","expect":{"status":200,"json":[["$.count","absent"]]}`, "want it absent"},
		{"header", `"path":"/x","expect":{"status":200,"headers":{"ETag":{"eq":"1"}}}`, "header ETag is"},
		{"no body", `"path":"/x","expect":{"status":200,"noBody":true}`, "want none"},
		{"no JSON", `"path":"/text","expect":{"status":200,"json":[["$.x","absent"]]}`, "not JSON"},
		{"capture", `"path":"/x","expect":{"status":200},"capture":{"v":"$.nothing"}`, "cannot be captured"},
		{"header capture", `"path":"/x","expect":{"status":200},"capture":{"v":"header:X-No"}`, "cannot be captured"},
		{"variable in a path", `"path":"/${nope}","expect":{"status":200}`, "${nope} is not defined"},
		{"variable in a query", `"path":"/","query":{"a":"${nope}"},"expect":{"status":200}`, "${nope} is not defined"},
		{"variable in a body", `"path":"/","body":{"${nope}":[1]},"expect":{"status":200}`, "${nope} is not defined"},
		{"variable in an assertion", `"path":"/x","expect":{"status":200,"json":[["$.x","eq","${nope}"]]}`, "${nope} is not defined"},
		{"operator", `"path":"/x","expect":{"status":200,"json":[["$.x","resembles",1]]}`, "unknown"},
		{"path", `"path":"/x","expect":{"status":200,"json":[["x","eq",1]]}`, "does not start with $"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			result := runner(t).Run(t.Context(), script(t, `[{"name":"s","method":"GET",`+test.step+`}]`))
			if len(result.Failures) != 1 || !strings.Contains(result.Failures[0].String(), test.want) {
				t.Errorf("got %v, want one failure with %q", result.Failures, test.want)
			}
		})
	}
}

func TestRun_goesOnAfterAFailedStep(t *testing.T) {
	result := runner(t).Run(t.Context(), script(t, `[{"name":"one","method":"GET","path":"/x","expect":{"status":500}},{"name":"two","method":"GET","path":"/x","expect":{"status":501}}]`))
	if len(result.Failures) != 2 || result.Steps != 2 || result.Passed() {
		t.Errorf("got %+v", result)
	}
}

func TestRunAll(t *testing.T) {
	r := runner(t)
	r.Lacks = []string{"bulk"}
	pass := script(t, `[{"name":"s","method":"GET","path":"/x","expect":{"status":200}}]`)
	fail, skip, broken := pass, pass, pass
	fail.IdP, skip.IdP = "okta", "okta"
	fail.Steps = script(t, `[{"name":"s","method":"GET","path":"/x","expect":{"status":500}}]`).Steps
	skip.Requires = []string{"etag", "bulk"}
	broken.Profile = "none"
	report := r.RunAll(t.Context(), []Conversation{pass, fail, skip, broken})
	if n := len(report.Failures()); n != 2 {
		t.Errorf("%d failures: %v", n, report.Failures())
	}
	var table strings.Builder
	if err := report.Tally().Print(&table); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(strings.Fields(table.String()), " "), "idp passed failed skipped steps okta 0 1 1 1 rfc 1 1 0 1"; got != want {
		t.Errorf("got %q", got)
	}
	r.Profile = "default"
	if result := r.Run(t.Context(), broken); !result.Passed() {
		t.Errorf("the runner's profile was not used: %+v", result)
	}
}

func TestRun_unreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	r := Runner{Tenant: func(context.Context, string) (Tenant, error) { return Tenant{Base: server.URL}, nil }}
	if result := r.Run(t.Context(), script(t, `[{"name":"s","method":"GET","path":"/x","expect":{"status":200}}]`)); result.Passed() {
		t.Error("a server that is not there passed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if result := r.Run(ctx, script(t, `[{"name":"s","method":"GET","path":"/x","sleepMs":60000,"expect":{"status":200}}]`)); result.Passed() {
		t.Error("a cancelled run passed")
	}
}

// A server that refuses a write and keeps half of it is found out, and so is one that cannot be listed.
func TestRun_unchanged(t *testing.T) {
	wrote := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			wrote = true
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidValue","detail":"no"}`)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/broken/") {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(w, wrote)
	}))
	t.Cleanup(server.Close)
	base := server.URL
	r := Runner{Unchanged: true, Tenant: func(context.Context, string) (Tenant, error) { return Tenant{Base: base}, nil }}
	c := script(t, `[{"name":"s","method":"POST","path":"/Users","expect":{"status":400}}]`)
	result := r.Run(t.Context(), c)
	want := Answer{Status: 400, ScimType: "invalidValue", Detail: "no"}
	if len(result.Failures) != 1 || !strings.Contains(result.Failures[0].Text, "and yet") || result.Failures[0].Answer != want {
		t.Errorf("got %+v", result.Failures)
	}
	if result = r.Run(t.Context(), c); !result.Passed() {
		t.Errorf("nothing changed the second time, and yet %+v", result.Failures)
	}
	base = server.URL + "/broken"
	if result = r.Run(t.Context(), c); result.Passed() {
		t.Error("a server that cannot be listed passed")
	}
}
