package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/codes"

	"domicile/directory"
	"domicile/telemetry"
)

// walk is what surrounds one route: everything that can be known before a request comes is worked out once.
type walk struct {
	*api
	route   route
	span    string
	metrics *telemetry.HTTPClass
	headers []header
}

// header is one response header that is the same for each answer of a route. Its value slice is shared and never grown in
// place: its capacity is its length.
type header struct {
	name  string
	value []string
}

// serve makes the gin handler of a route.
func (a *api) serve(r route) gin.HandlerFunc {
	w := &walk{
		api: a, route: r, span: r.method + " " + r.path,
		metrics: a.Metrics.Class(r.class.name), headers: a.headersOf(r.class),
	}
	return w.serve
}

func (w *walk) serve(c *gin.Context) {
	start := w.Now()
	ctx := c.Request.Context()
	if timeout := w.route.class.timeout; timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	ctx, span := w.tracer.Start(ctx, w.span)
	event := telemetry.NewEvent(c.Request.Method, w.route.path)
	ctx = telemetry.WithEvent(ctx, event)
	c.Request = c.Request.WithContext(ctx)
	w.metrics.Begin()
	defer func() {
		fault := recover()
		if fault != nil {
			w.refuse(c, w.route.class.protocol, w.faulted(ctx, fault))
		}
		status := c.Writer.Status()
		event.SetStatus(status)
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
		took := w.Now().Sub(start)
		w.metrics.Done(c.Request.Method, status, took)
		w.events.Finish(ctx, event, took)
		if fault != nil && (fault == http.ErrAbortHandler || c.Writer.Size() > 0 && !c.IsAborted()) {
			panic(http.ErrAbortHandler) // half an answer is out: cut the connection rather than pretend
		}
	}()
	w.prepare(c, span.SpanContext().TraceID().String())
	if err := w.route.handler(c); err != nil {
		w.refuse(c, w.route.class.protocol, err)
	}
}

// prepare sets what every answer has, and bounds the body.
func (w *walk) prepare(c *gin.Context, requestID string) {
	h := c.Writer.Header()
	for _, field := range w.headers {
		h[field.name] = field.value
	}
	h["X-Request-Id"] = []string{requestID}
	if w.Ready != nil && w.Ready() != nil {
		h["Connection"] = []string{"close"}
	}
	if c.Request.Body != nil && c.Request.Body != http.NoBody {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, w.route.class.maxBody)
	}
}

// faulted logs a panic and gives the error that answers it. The text of a panic may quote a request, so only the
// runtime's own texts are logged.
func (w *walk) faulted(ctx context.Context, fault any) error {
	if fault != http.ErrAbortHandler {
		text := fmt.Sprintf("%T", fault)
		if err, ok := fault.(runtime.Error); ok {
			text = err.Error()
		}
		w.Logger.LogAttrs(ctx, slog.LevelError, "handler panicked", slog.String("route", w.route.path),
			slog.String("fault", text), slog.String("stack", string(debug.Stack())))
	}
	return directory.Errorf(directory.KindInternal, "", "")
}

// bearer reads the token of RFC 6750 §2.1; the scheme ignores letter case (RFC 9110 §11.1).
func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	token = strings.TrimSpace(token)
	return token, token != ""
}

// headersOf gives the headers that every answer of a class has.
func (a *api) headersOf(cl *class) []header {
	fixed := map[string]string{
		"X-Content-Type-Options": "nosniff",
	}
	switch {
	case cl.protocol == protocolSCIM: // for machines: no page, no referrer, nothing to frame
		fixed["Cache-Control"] = "no-store"
	case cl == classStatic:
		fixed["Content-Security-Policy"] = "default-src 'none'"
	case cl == classSignIn || cl == classStranger:
		fixed["Cache-Control"] = "no-store"
		fixed["Content-Security-Policy"] = a.pagePolicy()
		fixed["X-Frame-Options"] = "DENY"
		fixed["Referrer-Policy"] = "no-referrer"
	default:
		fixed["Cache-Control"] = "no-store"
		fixed["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
		fixed["Referrer-Policy"] = "no-referrer"
	}
	if a.secure {
		fixed["Strict-Transport-Security"] = "max-age=31536000"
	}
	var headers []header
	for name, value := range fixed {
		headers = append(headers, header{name, slices.Clip([]string{value})})
	}
	return headers
}

// strangers answers what no route matches, in the protocol that its path belongs to.
func (a *api) strangers(engine *gin.Engine) {
	answer := func(status int) gin.HandlerFunc {
		walks := make(map[string]*walk)
		for _, root := range []string{scimRoot, apiRoot, "/"} {
			cl := *classStranger
			cl.protocol = protocolAt(root)
			handle := func(*gin.Context) error { return statusRefusal(status) }
			walks[root] = &walk{
				api: a, route: route{path: root + "*", class: &cl, handler: handle}, span: "stranger",
				metrics: a.Metrics.Class(cl.name), headers: a.headersOf(classStranger),
			}
		}
		return func(c *gin.Context) { walks[rootOf(c.Request.URL.Path)].serve(c) }
	}
	engine.NoRoute(answer(http.StatusNotFound))
	engine.NoMethod(answer(http.StatusMethodNotAllowed))
}

const apiRoot = "/api/"

// rootOf gives the part of the house that a path belongs to.
func rootOf(path string) string {
	for _, root := range []string{scimRoot, apiRoot} {
		if strings.HasPrefix(path, root) || path == strings.TrimSuffix(root, "/") {
			return root
		}
	}
	return "/"
}

// statusRefusal answers what HTTP itself refuses.
func statusRefusal(status int) *refusal {
	detail := "there is nothing at this address"
	if status == http.StatusMethodNotAllowed {
		detail = "this address does not know the method; Allow lists those that it knows"
	}
	return &refusal{status: status, title: http.StatusText(status), detail: detail}
}

// retrySeconds gives a whole number of seconds for Retry-After, at least one.
func retrySeconds(d time.Duration) int {
	return max(1, int((d+time.Second-1)/time.Second))
}
