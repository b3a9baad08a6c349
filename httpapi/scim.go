package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/directory"
	"domicile/scim"
	"domicile/telemetry"
)

// classSCIMGroups is classSCIM for groups. Its bodies have room for a hundred thousand members as the door itself lists them,
// with type, display name and URL.
var classSCIMGroups = &class{name: "scim", protocol: protocolSCIM, maxBody: 32 << 20, timeout: 20 * time.Second}

const (
	pathSCIM  = scimRoot + "v2/:org" // what an administrator pastes into the identity provider, with the organization's id
	mediaSCIM = "application/scim+json"
	mediaJSON = "application/json"
)

// scimDoor is the HTTP side of the identity provider's door: media types, bodies, headers and status codes. What a request
// means is the engine's business.
type scimDoor struct {
	*api
	engine *scim.Engine
	large  largeGate
	spelt  []route // the routes as RFC 7644 spells them, for those that are called otherwise
}

// scimCall is one authenticated request, read as far as HTTP can.
type scimCall struct {
	actor scim.Actor
	query scim.Query
	body  []byte // nil where the operation reads none
	gate  largeGate
	large bool // holds a slot of the gate
}

// largeGate lets few large bodies in at a time, so that some clients cannot take all memory: one of the largest costs half
// a gigabyte until it is answered. It is a channel of slots.
type largeGate chan struct{}

const (
	largeBody  = 1 << 20 // bytes
	maxLarge   = 2
	retryLarge = 5 * time.Second
)

// enter waits for a slot until the request ends.
func (call *scimCall) enter(ctx context.Context) error {
	select {
	case call.gate <- struct{}{}:
		call.large = true
		return nil
	case <-ctx.Done():
		return directory.Unavailable(retryLarge, ctx.Err(), "other large requests are being worked on; send this one again")
	}
}

// leave gives the slot back, if there is one.
func (call *scimCall) leave() {
	if call.large {
		<-call.gate
	}
}

// scimOperation is one operation of the engine for one request.
type scimOperation func(c *gin.Context, call *scimCall) (scim.Response, error)

// as makes a handler of an operation: it authenticates first.
func (d *scimDoor) as(run scimOperation) handler { return d.authenticated(run, false) }

// withBody makes a handler of an operation that reads a JSON body.
func (d *scimDoor) withBody(run scimOperation) handler { return d.authenticated(run, true) }

func (d *scimDoor) authenticated(run scimOperation, reads bool) handler {
	return func(c *gin.Context) error {
		actor, err := d.authenticate(c)
		if err != nil {
			return err
		}
		telemetry.EventFrom(c.Request.Context()).SetOrganization(string(actor.Organization))
		call := scimCall{actor: actor, gate: d.large}
		defer call.leave()
		if err := call.read(c.Request, reads); err != nil {
			_, path, _ := strings.Cut(c.Request.URL.Path, c.Param("org"))
			return d.engine.Refused(actor, c.Request.Method, path, err)
		}
		response, err := run(c, &call)
		if err != nil {
			return err
		}
		d.write(c, &response)
		return nil
	}
}

func (d *scimDoor) authenticate(c *gin.Context) (scim.Actor, error) {
	actor, err := d.engine.Authenticate(c.Request.Context(), directory.OrganizationID(c.Param("org")), scim.Caller{
		Authorization: c.GetHeader("Authorization"), UserAgent: c.GetHeader("User-Agent"),
		RequestID: c.Writer.Header().Get("X-Request-Id"), IP: d.address(c),
	})
	if err != nil {
		return actor, err
	}
	return actor, d.Limiter.admit(c.Request.Context(), actor.Organization, actor.Rate)
}

// address is from where a request came. Who believes no proxies is spared the parsing.
func (d *scimDoor) address(c *gin.Context) string {
	if len(d.TrustedProxies) > 0 {
		return c.ClientIP()
	}
	host, _, err := net.SplitHostPort(c.Request.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

func (call *scimCall) read(r *http.Request, body bool) (err error) {
	if body {
		if err := checkMediaType(r.Header.Get("Content-Type")); err != nil {
			return err
		}
	}
	if call.query, err = scim.ParseQuery(r.URL.RawQuery); err != nil || !body {
		return err
	}
	return call.readBody(r)
}

// scimDiscovery is one operation that anybody may ask for; the actor is zero for who sends no token.
type scimDiscovery func(c *gin.Context, org directory.OrganizationID, call *scimCall) (scim.Response, error)

// public makes a handler of a discovery operation (RFC 7644 §4). Whoever sends a token learns whether it is good, and what
// its organization added; who sends none is served what is the same everywhere.
func (d *scimDoor) public(run scimDiscovery) handler {
	return func(c *gin.Context) error {
		var call scimCall
		if c.GetHeader("Authorization") != "" {
			var err error
			if call.actor, err = d.authenticate(c); err != nil {
				return err
			}
		}
		if err := call.read(c.Request, false); err != nil {
			return err
		}
		response, err := run(c, directory.OrganizationID(c.Param("org")), &call)
		if err != nil {
			return err
		}
		d.write(c, &response)
		return nil
	}
}

func (d *scimDoor) get(kind scim.Kind) handler {
	return d.as(func(c *gin.Context, call *scimCall) (scim.Response, error) {
		return d.engine.Get(c.Request.Context(), call.actor, kind, c.Param("id"), call.query, conditions(c))
	})
}

func (d *scimDoor) list(kind scim.Kind) handler {
	return d.as(func(c *gin.Context, call *scimCall) (scim.Response, error) {
		return d.engine.List(c.Request.Context(), call.actor, kind, call.query)
	})
}

func (d *scimDoor) listAll(c *gin.Context, call *scimCall) (scim.Response, error) {
	return d.engine.ListAll(c.Request.Context(), call.actor, call.query)
}

func (d *scimDoor) search(kind scim.Kind) handler {
	return d.withBody(func(c *gin.Context, call *scimCall) (scim.Response, error) {
		return d.engine.Search(c.Request.Context(), call.actor, kind, call.body)
	})
}

func (d *scimDoor) searchAll() handler {
	return d.withBody(func(c *gin.Context, call *scimCall) (scim.Response, error) {
		return d.engine.SearchAll(c.Request.Context(), call.actor, call.body)
	})
}

func (d *scimDoor) create(kind scim.Kind) handler {
	return d.withBody(func(c *gin.Context, call *scimCall) (scim.Response, error) {
		return d.engine.Create(c.Request.Context(), call.actor, kind, call.body, call.query)
	})
}

func (d *scimDoor) replace(kind scim.Kind) handler {
	return d.withBody(func(c *gin.Context, call *scimCall) (scim.Response, error) {
		return d.engine.Replace(c.Request.Context(), call.actor, kind, c.Param("id"), call.body, call.query, conditions(c))
	})
}

func (d *scimDoor) patch(kind scim.Kind) handler {
	return d.withBody(func(c *gin.Context, call *scimCall) (scim.Response, error) {
		return d.engine.Patch(c.Request.Context(), call.actor, kind, c.Param("id"), call.body, call.query, conditions(c))
	})
}

func (d *scimDoor) delete(kind scim.Kind) handler {
	return d.as(func(c *gin.Context, call *scimCall) (scim.Response, error) {
		return d.engine.Delete(c.Request.Context(), call.actor, kind, c.Param("id"), conditions(c))
	})
}

func (d *scimDoor) bulk() handler {
	return d.withBody(func(c *gin.Context, call *scimCall) (scim.Response, error) {
		return d.engine.Bulk(c.Request.Context(), call.actor, call.body)
	})
}

func (d *scimDoor) me(_ *gin.Context, call *scimCall) (scim.Response, error) {
	return d.engine.Me(call.actor)
}

func (d *scimDoor) config(_ *gin.Context, org directory.OrganizationID, call *scimCall) (scim.Response, error) {
	return d.engine.ServiceProviderConfig(org, call.query)
}

func (d *scimDoor) resourceTypes(c *gin.Context, org directory.OrganizationID, call *scimCall) (scim.Response, error) {
	return d.engine.ResourceTypes(c.Request.Context(), org, call.actor, call.query)
}

func (d *scimDoor) resourceType(c *gin.Context, org directory.OrganizationID, call *scimCall) (scim.Response, error) {
	return d.engine.ResourceType(c.Request.Context(), org, call.actor, c.Param("id"), call.query)
}

func (d *scimDoor) schemas(c *gin.Context, org directory.OrganizationID, call *scimCall) (scim.Response, error) {
	return d.engine.Schemas(c.Request.Context(), org, call.actor, call.query)
}

func (d *scimDoor) schema(c *gin.Context, org directory.OrganizationID, call *scimCall) (scim.Response, error) {
	return d.engine.Schema(c.Request.Context(), org, call.actor, c.Param("id"), call.query)
}

// checkMediaType accepts what RFC 7644 §3.8 names, in any letter case, and a body without a type.
func checkMediaType(contentType string) error {
	if contentType == "" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	charset, said := parameters["charset"]
	if err == nil && (media == mediaSCIM || media == mediaJSON) && (!said || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	return &scim.Fault{Status: http.StatusUnsupportedMediaType, Detail: "send " + mediaSCIM + " in UTF-8"}
}

// readBody reads a body, which the walk has bounded. What goes beyond largeBody waits at the gate.
func (call *scimCall) readBody(r *http.Request) error {
	const grow = 64 << 10 // a length that is only claimed gets no more than this
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), grow)) + bytes.MinRead)
	_, err := body.ReadFrom(io.LimitReader(r.Body, largeBody+1))
	if err == nil && body.Len() > largeBody {
		if err := call.enter(r.Context()); err != nil {
			return err
		}
		_, err = body.ReadFrom(r.Body)
	}
	if over, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return directory.Errorf(directory.KindTooLarge, "", "the body must have at most %d bytes", over.Limit)
	}
	if err != nil {
		return &scim.Fault{Status: http.StatusBadRequest, ScimType: "invalidSyntax", Detail: "the body ended early"}
	}
	call.body = body.Bytes()
	return nil
}

func conditions(c *gin.Context) scim.Conditions {
	h := c.Request.Header
	return scim.Conditions{
		IfMatch:     strings.Join(h.Values("If-Match"), ","),
		IfNoneMatch: strings.Join(h.Values("If-None-Match"), ","),
		Prefer:      strings.Join(h.Values("Prefer"), ","),
	}
}

// answerType is application/scim+json, but for clients that take nothing of the kind but application/json (RFC 7644 §3.8).
func answerType(r *http.Request) string {
	accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	if !strings.Contains(accept, mediaJSON) {
		return mediaSCIM
	}
	for _, wide := range []string{mediaSCIM, "*/*", "application/*"} {
		if strings.Contains(accept, wide) {
			return mediaSCIM
		}
	}
	return mediaJSON
}

// write sends an answer and gives its buffer back.
func (d *scimDoor) write(c *gin.Context, r *scim.Response) {
	defer r.Release()
	h := c.Writer.Header()
	if r.ETag != "" {
		h["Etag"] = []string{r.ETag}
	}
	switch {
	case r.Location == "":
	case r.Status == http.StatusCreated:
		h["Location"], h["Content-Location"] = []string{r.Location}, []string{r.Location}
	case r.Status == http.StatusNoContent:
		h["Location"] = []string{r.Location}
	default:
		h["Content-Location"] = []string{r.Location}
	}
	if r.Body == nil || r.Status == http.StatusNoContent || r.Status == http.StatusNotModified {
		c.Status(r.Status)
		c.Writer.WriteHeaderNow()
		return
	}
	h["Content-Type"] = []string{answerType(c.Request)}
	h["Content-Length"] = []string{strconv.Itoa(len(r.Body))}
	c.Status(r.Status)
	_, _ = c.Writer.Write(r.Body) // a lost client is nobody's error
}

// misspelt serves paths that differ from the routes in letter case only, and words the refusal of all others: 404 for an
// endpoint that is not there, 405 with Allow for a method that it does not have.
func (d *scimDoor) misspelt(c *gin.Context) error {
	path := strings.Split(strings.TrimPrefix(c.Request.URL.Path, scimRoot), "/")
	var allowed []string
	for _, r := range d.spelt {
		if !sameRoute(strings.Split(strings.TrimPrefix(r.path, scimRoot), "/"), path) {
			continue
		}
		if r.method == c.Request.Method || r.method == http.MethodGet && c.Request.Method == http.MethodHead {
			c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, r.class.maxBody)
			return r.handler(c)
		}
		allowed = append(allowed, r.method)
	}
	if allowed == nil {
		return &scim.Fault{Status: http.StatusNotFound,
			Detail: "there is no such endpoint; ServiceProviderConfig and ResourceTypes tell what there is"}
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	c.Writer.Header().Set("Allow", strings.Join(allowed, ", "))
	return &scim.Fault{Status: http.StatusMethodNotAllowed,
		Detail: c.Request.Method + " is not possible here; possible are " + strings.Join(allowed, ", ")}
}

// sameRoute compares the segments of a pattern with those of a path, without letter case.
func sameRoute(pattern, path []string) bool {
	return slices.EqualFunc(pattern, path, func(want, have string) bool {
		return strings.HasPrefix(want, ":") || strings.EqualFold(want, have)
	})
}
