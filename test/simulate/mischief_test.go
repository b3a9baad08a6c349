package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"domicile/scim/simulate"
	"domicile/test/region"
)

// exchange is one request on its way through a proxy that is up to no good.
type exchange struct {
	request *http.Request
	body    []byte
	forward func(method, path string) reply // asks the server; the request's own method and path when empty
}

// reply is an answer. Status 0 cuts the connection.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// mischief answers in the server's place.
type mischief func(x *exchange) reply

// between puts a proxy before an organization's SCIM address and gives the proxy's.
func between(t *testing.T, r *region.Region, g ground, do mischief) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		x := &exchange{request: req, body: body}
		x.forward = func(method, path string) reply {
			if method == "" {
				return send(r.Client, g.node.URL+req.URL.RequestURI(), req, req.Method, body)
			}
			return send(r.Client, g.node.URL+path, req, method, nil)
		}
		answer := do(x)
		if answer.status == 0 {
			panic(http.ErrAbortHandler)
		}
		for name, values := range answer.header {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body)
	}))
	t.Cleanup(server.Close)
	base, err := url.Parse(g.organization.SCIM(g.node))
	if err != nil {
		t.Fatal(err)
	}
	return server.URL + base.Path
}

func send(client *http.Client, address string, like *http.Request, method string, body []byte) reply {
	req, err := http.NewRequestWithContext(like.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		return reply{}
	}
	req.Header = like.Header.Clone()
	req.Header.Del("Accept-Encoding")
	resp, err := client.Do(req)
	if err != nil {
		return reply{}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}
	}
	return reply{resp.StatusCode, resp.Header, raw}
}

// breaking is a bad network before a good server: every fifth request is done and its answer lost, others never arrive.
func breaking() mischief {
	const calm = 12 // the connection test passes; a provider that fails it begins nothing
	var n atomic.Int64
	return func(x *exchange) reply {
		switch i := n.Add(1); {
		case i <= calm:
		case i%5 == 0:
			x.forward("", "")
			return reply{}
		case i%7 == 0:
			return reply{}
		case i%11 == 0:
			return reply{status: http.StatusServiceUnavailable, header: http.Header{"Retry-After": {"1"}}}
		case i%13 == 0:
			return reply{status: http.StatusTooManyRequests}
		case i%17 == 0:
			x.forward("", "")
			return reply{status: http.StatusBadGateway, body: []byte("<html>bad gateway</html>")}
		}
		return x.forward("", "")
	}
}

// defect is a way in which a server may lie.
type defect struct {
	name, dialect string
	mischief      mischief
	kind          string // of a difference that must be found
}

func defects() []defect {
	return []defect{
		{"a deletion is acknowledged and not done", "entra", swallow(is(http.MethodDelete, "/Users/")), simulate.Extra},
		{"a new member is acknowledged and forgotten", "entra", swallow(says(http.MethodPatch, "/Groups/", `"op":"Add","path":"members"`)), simulate.Lost},
		{"a member who left stays", "jumpcloud", swallow(says(http.MethodPatch, "/Groups/", `"op":"remove","path":"members"`)), simulate.Extra},
		{"a change is acknowledged and forgotten", "jumpcloud", swallow(is(http.MethodPatch, "/Users/")), simulate.Differs},
		{"a deactivation is acknowledged and forgotten", "okta", swallow(says(http.MethodPatch, "/Users/", `"active":false`)), simulate.Differs},
		{"a new name is acknowledged and forgotten", "jumpcloud", swallow(says(http.MethodPatch, "/Groups/", `"path":"displayName"`)), simulate.Differs},
		{"a group's members are not stored", "okta-wizard", swallow(is(http.MethodPut, "/Groups/")), simulate.Lost},
		{"a new user is gone", "google", vanish(is(http.MethodPost, "/Users")), simulate.Lost},
		{"a new group is gone", "onelogin", vanish(is(http.MethodPost, "/Groups")), simulate.Lost},
		{"a list has an entry twice", "ping", lists(func(rows []any) []any { return append(rows, rows[0]) }), simulate.Doubled},
		{"a list lacks an entry", "keycloak", lists(func(rows []any) []any { return rows[1:] }), simulate.Lost},
		{"names come back altered", "entra", rewrite(func(s string) string { return strings.ReplaceAll(s, `"displayName":"`, `"displayName":"x`) }), simulate.Differs},
		{"a filter is ignored", "entra", ignoreFilters(), simulate.Answer},
		{"nothing can be changed", "auth0", refuse(is(http.MethodPut, "/Users/")), simulate.Refused},
		{"nothing can ever be deleted", "google", failing(is(http.MethodDelete, "/Users/")), simulate.Failed},
	}
}

func is(method, path string) func(*exchange) bool { return says(method, path, "") }

func says(method, path, text string) func(*exchange) bool {
	return func(x *exchange) bool {
		return x.request.Method == method && strings.Contains(x.request.URL.Path, path) && strings.Contains(string(x.body), text)
	}
}

// once lets a defect show only the first time that it could.
func once(which func(*exchange) bool, then func(*exchange) reply) mischief {
	var first sync.Once
	return func(x *exchange) (answer reply) {
		struck := false
		if which(x) {
			first.Do(func() { answer, struck = then(x), true })
		}
		if !struck {
			answer = x.forward("", "")
		}
		return answer
	}
}

// swallow acknowledges and does nothing.
func swallow(which func(*exchange) bool) mischief {
	return func(x *exchange) reply {
		if which(x) {
			return reply{status: http.StatusNoContent}
		}
		return x.forward("", "")
	}
}

// vanish lets a resource be made, and deletes it behind the provider's back.
func vanish(which func(*exchange) bool) mischief {
	return once(which, func(x *exchange) reply {
		answer := x.forward("", "")
		var made struct{ ID string }
		if json.Unmarshal(answer.body, &made) == nil && answer.status == http.StatusCreated {
			x.forward(http.MethodDelete, x.request.URL.Path+"/"+made.ID)
		}
		return answer
	})
}

func refuse(which func(*exchange) bool) mischief {
	return once(which, func(*exchange) reply {
		return reply{status: http.StatusBadRequest, body: []byte(`{"detail":"no"}`)}
	})
}

func failing(which func(*exchange) bool) mischief {
	return func(x *exchange) reply {
		if which(x) {
			return reply{status: http.StatusInternalServerError}
		}
		return x.forward("", "")
	}
}

// lists alters the pages of the lists of users once there is something in them.
func lists(alter func([]any) []any) mischief {
	return func(x *exchange) reply {
		answer := x.forward("", "")
		var page map[string]any
		if !is(http.MethodGet, "/Users")(x) || json.Unmarshal(answer.body, &page) != nil || x.request.URL.Query().Has("filter") {
			return answer
		}
		if rows, _ := page["Resources"].([]any); len(rows) > 1 {
			page["Resources"] = alter(rows)
			answer.body, _ = json.Marshal(page)
		}
		return answer
	}
}

func rewrite(alter func(string) string) mischief {
	return func(x *exchange) reply {
		answer := x.forward("", "")
		answer.body = []byte(alter(string(answer.body)))
		return answer
	}
}

// ignoreFilters answers a look-up with the whole list, as servers do that do not understand the filter.
func ignoreFilters() mischief {
	return func(x *exchange) reply {
		q := x.request.URL.Query()
		if strings.HasSuffix(x.request.URL.Path, "/Users") && q.Has("filter") && !strings.Contains(q.Get("filter"), "AzureAD_Test") {
			return x.forward(http.MethodGet, x.request.URL.Path)
		}
		return x.forward("", "")
	}
}
