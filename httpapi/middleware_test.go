package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/console/consoletest"
	"domicile/egress/dnstest"
	"domicile/httpapi"
)

func TestStrangers(t *testing.T) {
	o := newOffice(t)
	for _, test := range []struct {
		method, path, mediaType string
		status                  int
	}{
		{"GET", "/api/v1/nothing", "application/problem+json", http.StatusNotFound},
		{"GET", "/api", "application/problem+json", http.StatusNotFound},
		{"PUT", "/api/v1/organizations", "application/problem+json", http.StatusMethodNotAllowed},
		{"TRACE", "/api/v1/organizations", "application/problem+json", http.StatusMethodNotAllowed},
		{"POST", "/api/v1/openapi.json", "application/problem+json", http.StatusMethodNotAllowed},
		{"GET", "/api/v1%2forganizations", "application/problem+json", http.StatusNotFound},
		{"GET", "/scim/v2/x/Nothing", "application/scim+json", http.StatusNotFound},
		{"GET", "/scim/", "application/scim+json", http.StatusNotFound},
		{"GET", "/nothing", "text/html; charset=utf-8", http.StatusNotFound},
		{"DELETE", "/login", "text/html; charset=utf-8", http.StatusMethodNotAllowed},
		{"GET", "/%3Cscript%3E", "text/html; charset=utf-8", http.StatusNotFound},
		{"GET", "/apidocs", "text/html; charset=utf-8", http.StatusNotFound},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			got := o.do(ask{method: test.method, path: test.path})
			if got.status != test.status || got.header.Get("Content-Type") != test.mediaType {
				t.Fatalf("%d %s\n%s", got.status, got.header.Get("Content-Type"), got.body)
			}
			if (got.header.Get("Allow") != "") != (test.status == http.StatusMethodNotAllowed) {
				t.Fatalf("Allow: %q", got.header.Get("Allow"))
			}
			if strings.Contains(got.body, "<script") {
				t.Fatal("the path is in the page")
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	o := newOffice(t)
	for path, want := range map[string]map[string]string{
		organizationsPath: {
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "max-age=31536000",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Content-Type": "application/json",
		},
		"/nothing": {
			"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		},
		"/api/v1/openapi.json": {"Cache-Control": "public, max-age=300", "Content-Type": "application/json"},
	} {
		got := o.do(ask{method: "GET", path: path})
		for name, value := range want {
			if got.header.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got.header.Get(name), value)
			}
		}
		if len(got.header.Get("X-Request-Id")) != 32 {
			t.Errorf("%s: request id %q", path, got.header.Get("X-Request-Id"))
		}
	}
	if !strings.Contains(o.do(ask{method: "GET", path: "/nothing"}).header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Error("a page may be framed")
	}
}

func TestTidyPaths(t *testing.T) {
	o := newOffice(t)
	for _, path := range []string{"/scim/v2/x/Schemas/", "/scim/v2/x//Schemas", "/scim//v2/x/Schemas//", "/scim/v2/x/Schemas?"} {
		if got := o.do(ask{method: "GET", path: path, token: "-"}); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	for _, path := range []string{"//api/v1/organizations", "/api/v1/organizations/"} {
		if got := o.do(ask{method: "GET", path: path}); got.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestHead(t *testing.T) {
	o := newOffice(t)
	got := o.do(ask{method: "HEAD", path: organizationsPath})
	if got.status != http.StatusOK || got.body != "" {
		t.Fatalf("%d %q", got.status, got.body)
	}
}

func TestDraining(t *testing.T) {
	o := newOffice(t)
	if got := o.do(ask{method: "GET", path: organizationsPath}); got.header.Get("Connection") != "" {
		t.Fatal("a ready node closes connections")
	}
	o.unready.Store(true)
	req := httptest.NewRequest("GET", organizationsPath, nil)
	req.Header.Set("Authorization", "Bearer "+operatorToken)
	recorder := httptest.NewRecorder()
	o.handler.ServeHTTP(recorder, req)
	if recorder.Code != http.StatusOK || recorder.Header().Get("Connection") != "close" {
		t.Fatalf("draining: %d, Connection: %q", recorder.Code, recorder.Header().Get("Connection"))
	}
}

func TestEvents(t *testing.T) {
	o := newOffice(t)
	path := o.organization("acme")
	o.do(ask{method: "GET", path: path + "?email=someone@acme.example"})
	o.do(ask{method: "GET", path: organizationsPath + "/someone@acme.example"})
	o.do(ask{method: "POST", path: organizationsPath, body: `{"slug":"acme","name":"x"}`})
	logs := o.logs.String()
	if strings.Contains(logs, "someone") || strings.Contains(logs, operatorToken) {
		t.Fatalf("a person or a token is in the log:\n%s", logs)
	}
	var last map[string]any
	for line := range strings.Lines(logs) {
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatal(err)
		}
		if last["route"] == "/api/v1/organizations/:id" && last["status"] == float64(200) &&
			!strings.HasSuffix(path, last["organization"].(string)) {
			t.Fatalf("event %v", last)
		}
	}
	if last["route"] != organizationsPath || last["status"] != float64(409) || last["error"] != "conflict" || last["outcome"] != "refused" {
		t.Fatalf("event %v", last)
	}
	families, err := o.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	classes := make(map[string]bool)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "class" {
					classes[label.GetValue()] = true
				}
			}
		}
	}
	for _, class := range []string{"admin", "api", "scim", "signin", "static", "stranger"} {
		if !classes[class] {
			t.Errorf("no metric of class %s in %v", class, classes)
		}
	}
}

func TestNew_refusesHalfAHouse(t *testing.T) {
	for name, spoil := range map[string]func(*httpapi.Deps){
		"no door":   func(d *httpapi.Deps) { d.Console = nil },
		"no clock":  func(d *httpapi.Deps) { d.Now = nil },
		"no region": func(d *httpapi.Deps) { d.Region.URL = "" },
	} {
		t.Run(name, func(t *testing.T) {
			o := &office{t: t, ledger: consoletest.NewLedger(t), logs: &logBuffer{}, registry: prometheus.NewRegistry(), dns: dnstest.New(t)}
			deps := o.deps()
			spoil(&deps)
			if _, err := httpapi.New(deps); err == nil {
				t.Fatal("it was accepted")
			}
		})
	}
}

// BenchmarkWalk measures what surrounds a handler: the public document costs one write.
func BenchmarkWalk(b *testing.B) {
	o := newOffice(b)
	req := httptest.NewRequest("GET", "/api/v1/openapi.json", nil)
	w := &sink{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		o.handler.ServeHTTP(w, req)
	}
}

// sink is a ResponseWriter that keeps nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (s *sink) WriteHeader(int)             {}
