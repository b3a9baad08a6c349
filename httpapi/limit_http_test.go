package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/httpapi"
)

// limitedOffice is an office whose clock for limits stands still.
func limitedOffice(t *testing.T) *office {
	o := newOffice(t)
	o.registry = prometheus.NewRegistry() // of the second handler
	deps := o.deps()
	born := time.Now()
	deps.Limiter = httpapi.NewLimiter(func() time.Time { return born }, o.registry)
	handler, err := httpapi.New(deps)
	if err != nil {
		t.Fatal(err)
	}
	o.server = httptest.NewServer(handler)
	t.Cleanup(o.server.Close)
	return o
}

// An organization that asks too often gets a SCIM error with a whole number of seconds, and its neighbour is served.
func TestSCIM_limits(t *testing.T) {
	o := limitedOffice(t)
	version := o.must(http.StatusOK, ask{method: "GET", path: "/api/v1/settings"})["version"].(float64)
	o.must(http.StatusOK, ask{method: "PUT", path: "/api/v1/settings",
		body: `{"request_rate":3,"version":` + strconv.Itoa(int(version)) + `}`})
	base := map[string]string{}
	token := map[string]string{}
	for _, slug := range []string{"noisy", "quiet"} {
		path := o.organization(slug)
		made := o.must(http.StatusCreated, ask{method: "POST", path: path + "/scim-tokens", body: `{"name":"idp"}`})
		base[slug], token[slug] = "/scim/v2/"+path[strings.LastIndex(path, "/")+1:], "Bearer "+made["token"].(string)
	}
	get := func(slug, path string) reply {
		return o.do(ask{method: "GET", path: base[slug] + path, token: token[slug]})
	}
	for range 6 {
		if got := get("noisy", "/Users"); got.status != http.StatusOK {
			t.Fatalf("within the burst: %d %s", got.status, got.body)
		}
	}
	began := time.Now()
	var wait sync.WaitGroup
	for _, path := range []string{"/Users", "/Groups", "/Schemas", "/Users/x"} {
		wait.Go(func() { checkLimited(t, path, get("noisy", path)) })
	}
	wait.Wait()
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("refused after %v, want a second: a client that does not wait must not spin", took)
	}
	if got := get("quiet", "/Users"); got.status != http.StatusOK {
		t.Errorf("the neighbour: %d %s", got.status, got.body)
	}
	if got := o.do(ask{method: "GET", path: base["noisy"] + "/Users", token: "Bearer wrong"}); got.status != http.StatusUnauthorized {
		t.Errorf("a stranger: %d, want 401: limits are told to who may ask", got.status)
	}
	for range 10 { // strangers use nothing up
		o.do(ask{method: "GET", path: base["quiet"] + "/Users", token: "Bearer wrong"})
	}
	for range 5 {
		if got := get("quiet", "/Users"); got.status != http.StatusOK {
			t.Errorf("the neighbour after strangers: %d", got.status)
		}
	}
	families, err := o.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "domicile_scim_limited_total" && family.GetMetric()[0].GetCounter().GetValue() != 4 {
			t.Errorf("%v requests counted as limited, want 4", family.GetMetric()[0].GetCounter().GetValue())
		}
	}
}

func checkLimited(t *testing.T, path string, got reply) {
	t.Helper()
	var body struct {
		Schemas []string `json:"schemas"`
		Status  string   `json:"status"`
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 429 || got.header.Get("Retry-After") != "1" ||
		body.Status != "429" || len(body.Schemas) != 1 || got.header.Get("Content-Type") != "application/scim+json" {
		t.Errorf("%s: %d %v %s", path, got.status, got.header, got.body)
	}
}

// An owner lets the region ask other hosts only so often, in all ways together; the operator and other organizations go on.
func TestAPI_outgoing(t *testing.T) {
	o := limitedOffice(t)
	mine, other := o.estate("mine"), o.estate("other")
	check := func(e *estate) ask {
		return ask{method: "GET", path: e.path + "/connection-requests/" + e.names["request"] + "/discovery", session: e.owner, site: "same-origin"}
	}
	for range 30 {
		o.must(http.StatusOK, check(mine))
	}
	body := `{"issuer":"https://idp.example","client_id":"x","client_secret":"y"}`
	for _, a := range []ask{
		check(mine),
		{method: "POST", path: mine.path + "/connection-requests", session: mine.breakGlass, site: "same-origin", body: body},
		{method: "POST", path: mine.path + "/domains/" + mine.names["name"] + "/verify", session: mine.owner, site: "same-origin", body: `{}`},
	} {
		if got := o.do(a); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "2" {
			t.Errorf("%s %s: %d, Retry-After %q\n%s", a.method, a.path, got.status, got.header.Get("Retry-After"), got.body)
		}
	}
	asOperator := check(mine)
	asOperator.session = ""
	o.must(http.StatusOK, asOperator)
	o.must(http.StatusOK, check(other))
}
