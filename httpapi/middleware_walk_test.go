package httpapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"domicile/console/ui"
	"domicile/directory"
	"domicile/scim"
	"domicile/telemetry"
)

// serveOne serves one handler at /x with everything that surrounds a route.
func serveOne(t *testing.T, cl class, handle handler) *httptest.Server {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	a := &api{
		Deps: Deps{
			Logger: logger, Metrics: telemetry.NewHTTPMetrics(prometheus.NewRegistry()), Now: time.Now,
			Region: directory.Region{ID: "us", Name: "United States"},
		},
		events: telemetry.NewEventLog(logger, telemetry.EventLogConfig{}), tracer: new(telemetry.Tracing).Tracer("test"), pages: ui.New(),
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.POST("/x", a.serve(route{method: http.MethodPost, path: "/x", class: &cl, handler: handle}))
	server := httptest.NewUnstartedServer(engine)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func post(t *testing.T, server *httptest.Server, body string) (*http.Response, string, error) {
	t.Helper()
	resp, err := server.Client().Post(server.URL+"/x", "application/json", strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func TestWalk_refusals(t *testing.T) {
	wait := func(c *gin.Context) error {
		<-c.Request.Context().Done()
		return context.Cause(c.Request.Context())
	}
	fails := func(err error) handler { return func(*gin.Context) error { return err } }
	read := func(c *gin.Context) error { _, err := io.ReadAll(c.Request.Body); return err }
	for name, test := range map[string]struct {
		protocol *protocol
		handle   handler
		status   int
		retry    string
		part     string
	}{
		"too slow":         {protocolProblem, wait, 503, "1", `"urn:domicile:problem:unavailable"`},
		"too slow SCIM":    {protocolSCIM, wait, 503, "1", `"status":"503"`},
		"too slow page":    {protocolPage, wait, 503, "1", "The answer took too long."},
		"too large":        {protocolProblem, read, 413, "", "at most 10 bytes"},
		"too large SCIM":   {protocolSCIM, read, 413, "", "at most 10 bytes"},
		"too large page":   {protocolPage, read, 413, "", "at most 10 bytes"},
		"fault":            {protocolProblem, fails(errors.New("secret-cause")), 500, "", "Fault on our side"},
		"fault SCIM":       {protocolSCIM, fails(errors.New("secret-cause")), 500, "", `"status":"500"`},
		"fault page":       {protocolPage, fails(errors.New("secret-cause")), 500, "", "Fault on our side"},
		"conflict SCIM":    {protocolSCIM, fails(directory.Errorf(directory.KindConflict, "", "taken")), 409, "", `"scimType":"uniqueness"`},
		"engine's own":     {protocolSCIM, fails(&scim.Fault{Status: 501, Detail: "not built"}), 501, "", "not built"},
		"token SCIM":       {protocolSCIM, fails(directory.Errorf(directory.KindUnauthenticated, "", "who?")), 401, "", "who?"},
		"stale":            {protocolProblem, fails(directory.Errorf(directory.KindStale, "", "old")), 412, "", "old"},
		"stale SCIM":       {protocolSCIM, fails(directory.Errorf(directory.KindStale, "", "old")), 503, "1", `"status":"503"`},
		"forbidden page":   {protocolPage, fails(directory.Errorf(directory.KindForbidden, "", "<b>no</b>")), 403, "", "&lt;b&gt;"},
		"wrapped":          {protocolProblem, fails(errors.Join(errors.New("x"), directory.Errorf(directory.KindNotFound, "", "gone"))), 404, "", "gone"},
		"panic with a map": {protocolProblem, func(*gin.Context) error { panic(map[string]int{}) }, 500, "", "Fault on our side"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serveOne(t, class{name: "test", protocol: test.protocol, maxBody: 10, timeout: 50 * time.Millisecond}, test.handle)
			resp, body, err := post(t, server, strings.Repeat("x", 100))
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != test.status || resp.Header.Get("Retry-After") != test.retry || !strings.Contains(body, test.part) {
				t.Fatalf("%d, retry after %q\n%s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
			}
			if strings.Contains(body, "secret-cause") {
				t.Fatalf("the cause is shown: %s", body)
			}
			if challenged := resp.Header.Get("WWW-Authenticate") != ""; challenged != (test.status == 401) {
				t.Fatalf("challenged: %t", challenged)
			}
		})
	}
}

func TestWalk_halfAnAnswerIsCut(t *testing.T) {
	server := serveOne(t, class{name: "test", protocol: protocolProblem, maxBody: 10, timeout: time.Second}, func(c *gin.Context) error {
		c.Writer.WriteHeader(http.StatusOK)
		_, _ = c.Writer.WriteString("half")
		panic("the other half")
	})
	if resp, body, err := post(t, server, ""); err == nil {
		t.Fatalf("half an answer looks whole: %d %q", resp.StatusCode, body)
	}
}
