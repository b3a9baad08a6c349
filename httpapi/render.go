package httpapi

import (
	"bytes"
	"cmp"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/scim"
	"domicile/telemetry"
)

// protocol is how one door speaks of what it refuses.
type protocol struct {
	refusal func(err error) *refusal                                   // what an error is there
	say     func(a *api, c *gin.Context, r *refusal, requestID string) // how it is written
}

// protocols of the three doors.
var (
	protocolSCIM    = &protocol{scimRefusalOf, saySCIM}
	protocolProblem = &protocol{refusalOf, sayProblem}
	protocolPage    = &protocol{refusalOf, sayPage}
)

// protocolAt gives the protocol of a part of the house.
func protocolAt(root string) *protocol {
	switch root {
	case scimRoot:
		return protocolSCIM
	case apiRoot:
		return protocolProblem
	default:
		return protocolPage
	}
}

// refuse answers with what err is in the protocol, unless an answer has begun.
func (a *api) refuse(c *gin.Context, p *protocol, err error) {
	r := p.refusal(err)
	ctx := c.Request.Context()
	if r.kind != 0 {
		telemetry.EventFrom(ctx).SetError(cmp.Or(r.scimType, r.kind.String()))
	}
	if r.kind == directory.KindInternal && r.cause != nil {
		a.Logger.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("route", c.FullPath()),
			slog.Any("error", r.cause))
	}
	if c.Writer.Written() {
		return
	}
	c.Abort()
	h := c.Writer.Header()
	if r.status == http.StatusServiceUnavailable || r.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(retrySeconds(r.retryAfter)))
	}
	if r.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", cmp.Or(r.challenge, challenge(c.Request)))
	}
	p.say(a, c, r, h.Get("X-Request-Id"))
}

// challenge is RFC 6750 §3: it names an error only where a token was given.
func challenge(r *http.Request) string {
	if _, given := bearer(r); given {
		return `Bearer realm="domicile", error="invalid_token"`
	}
	return `Bearer realm="domicile"`
}

func sayProblem(_ *api, c *gin.Context, r *refusal, requestID string) {
	p := openapi.Problem{
		Type: "about:blank", Title: r.title, Status: r.status, Detail: r.detail, Field: r.field, RequestID: requestID,
	}
	if r.kind != 0 {
		p.Type = "urn:domicile:problem:" + strings.ReplaceAll(r.kind.String(), " ", "-")
	}
	openapi.WriteJSON(c, r.status, "application/problem+json", p)
}

func saySCIM(_ *api, c *gin.Context, r *refusal, _ string) {
	fault := scim.Fault{Status: r.status, ScimType: r.scimType, Detail: r.detail}
	c.Writer.Header()["Content-Type"] = []string{answerType(c.Request)}
	c.Writer.WriteHeader(r.status)
	_, _ = c.Writer.Write(fault.Body())
}

func sayPage(a *api, c *gin.Context, r *refusal, requestID string) {
	tone := ui.ToneNotice
	if r.status >= http.StatusInternalServerError {
		tone = ui.ToneTrouble
	}
	var page bytes.Buffer
	err := a.pages.Render(&page, ui.Message{
		Frame: ui.Frame{Title: r.title, Region: a.Region.Name, Dev: a.Dev},
		Tone:  tone, Heading: r.title, Text: sentence(r.detail), Reference: requestID, Action: "Go to sign-in", Link: pathLogin,
	})
	if err != nil {
		page.WriteString(template.HTMLEscapeString(r.title)) // the plainest page works when nothing else does
	}
	c.Writer.Header()["Content-Type"] = []string{"text/html; charset=utf-8"}
	c.Writer.WriteHeader(r.status)
	_, _ = c.Writer.Write(page.Bytes())
}

// sentence gives a detail a capital letter and a full stop, for people. The name of a parameter stays as it is written.
func sentence(detail string) string {
	if detail == "" {
		return ""
	}
	if first, _, _ := strings.Cut(detail, " "); strings.Contains(first, "_") {
		return detail + "."
	}
	return strings.ToUpper(detail[:1]) + detail[1:] + "."
}
