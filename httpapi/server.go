package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"

	"domicile/apps"
	"domicile/console"
	"domicile/console/ui"
	"domicile/directory"
	"domicile/oidc"
	"domicile/oidc/local"
	"domicile/scim"
	"domicile/scim/oauth"
	"domicile/telemetry"
)

// Deps is what the hallway needs: the doors, and what it does around them. Zero values are stated where they are allowed.
type Deps struct {
	SCIM    *scim.Engine
	SignIn  *oidc.Service
	Console *console.Service
	OAuth   *oauth.Service // nil: identity providers use bearer tokens only
	Apps    *apps.Service  // nil: no application asks who is signed in
	Local   *local.Service // nil: nobody signs in without an identity provider
	Limiter *Limiter       // of SCIM requests; nil: no limits

	Region            directory.Region   // this one
	Regions           []directory.Region // all that the sign-in page offers
	OperatorTokenHash [32]byte           // SHA-256 of the token of /api/v1; zero refuses everybody
	TrustedProxies    []netip.Prefix     // whose X-Forwarded-For is believed; none by default
	Dev               bool

	// Ready is asked at each request whether this node should get more of them; it must not block. While it answers an
	// error, requests are still served, but connections are closed so that clients go elsewhere. nil: always ready.
	Ready func() error

	Logger  *slog.Logger
	Events  telemetry.EventLogConfig
	Metrics *telemetry.HTTPMetrics
	Tracing *telemetry.Tracing
	Now     func() time.Time
}

// api carries what handlers need.
type api struct {
	Deps
	events  *telemetry.EventLog
	pages   *ui.Pages
	tracer  trace.Tracer
	secure  bool // browsers reach us over https
	openAPI []byte
}

// handler answers one request, or returns why it does not: a *refusal, a *directory.Error, or a fault of ours.
type handler func(c *gin.Context) error

// New builds the handler of the public listener.
func New(deps Deps) (http.Handler, error) {
	switch {
	case deps.SCIM == nil || deps.SignIn == nil || deps.Console == nil:
		return nil, errors.New("httpapi: a door is missing")
	case deps.Logger == nil || deps.Metrics == nil || deps.Tracing == nil || deps.Now == nil:
		return nil, errors.New("httpapi: the logger, metrics, tracing or clock is missing")
	case deps.Region.ID == "" || deps.Region.URL == "":
		return nil, errors.New("httpapi: the region has no id or URL")
	}
	a := &api{
		Deps:   deps,
		events: telemetry.NewEventLog(deps.Logger, deps.Events),
		pages:  ui.New(),
		tracer: deps.Tracing.Tracer("httpapi"),
		secure: strings.HasPrefix(deps.Region.URL, "https://"),
	}
	engine, err := a.engine()
	if err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	return tidy{engine}, nil
}

func (a *api) engine() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	engine.UseRawPath = true // an escaped slash in an id is part of the id, not a way to another route
	proxies := make([]string, len(a.TrustedProxies))
	for i, prefix := range a.TrustedProxies {
		proxies[i] = prefix.String()
	}
	if err := engine.SetTrustedProxies(proxies); err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	routes := a.routes()
	var err error
	if a.openAPI, err = describe(routes, a.Region); err != nil {
		return nil, err
	}
	for _, r := range routes {
		serve := a.serve(r)
		engine.Handle(r.method, r.path, serve)
		if r.method == http.MethodGet { // RFC 9110 §9.1: whoever answers GET answers HEAD
			engine.Handle(http.MethodHead, r.path, serve)
		}
	}
	a.strangers(engine)
	return engine, nil
}

// tidy mends what IdPs make of a base URL that was pasted with a slash at its end: SCIM paths lose doubled and trailing
// slashes before they are routed.
type tidy struct{ next http.Handler }

const scimRoot = "/scim/"

func (t tidy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if strings.HasPrefix(path, scimRoot) && (strings.Contains(path, "//") || path[len(path)-1] == '/') {
		r.URL.Path, r.URL.RawPath = tidyPath(path), tidyPath(r.URL.RawPath)
	}
	t.next.ServeHTTP(w, r)
}

func tidyPath(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return strings.TrimSuffix(path, "/")
}

// NewServer wraps the handler in a server whose bounds fit the route classes: slow clients lose their connection.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug), // handshakes of strangers
	}
}
