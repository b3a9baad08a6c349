package httpapi

import (
	"bytes"
	"errors"
	"mime"
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

// classSCIMGroups is classSCIM for groups, whose bodies may list fifty thousand members and more.
var classSCIMGroups = &class{name: "scim", protocol: protocolSCIM, maxBody: 16 << 20, timeout: 20 * time.Second}

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
	spelt  []route // the routes as RFC 7644 spells them, for those that are called otherwise
}

// scimOperation is one operation of the engine for one authenticated request.
type scimOperation func(c *gin.Context, actor scim.Actor) (scim.Response, error)

// scimDiscovery is one operation that tells nothing about an organization, and needs no actor.
type scimDiscovery func(c *gin.Context, org directory.OrganizationID, q scim.Query) (scim.Response, error)

// as makes a handler of an operation: it authenticates first.
func (d *scimDoor) as(run scimOperation) handler {
	return func(c *gin.Context) error {
		org := directory.OrganizationID(c.Param("org"))
		actor, err := d.engine.Authenticate(c.Request.Context(), org, c.GetHeader("Authorization"))
		if err != nil {
			return err
		}
		telemetry.EventFrom(c.Request.Context()).SetOrganization(string(actor.Organization))
		response, err := run(c, actor)
		if err != nil {
			return err
		}
		d.write(c, &response)
		return nil
	}
}

// public makes a handler of a discovery operation (RFC 7644 §4). Whoever sends a token learns whether it is good; who
// sends none is served.
func (d *scimDoor) public(run scimDiscovery) handler {
	return func(c *gin.Context) error {
		org := directory.OrganizationID(c.Param("org"))
		if authorization := c.GetHeader("Authorization"); authorization != "" {
			if _, err := d.engine.Authenticate(c.Request.Context(), org, authorization); err != nil {
				return err
			}
		}
		q, err := scim.ParseQuery(c.Request.URL.RawQuery)
		if err != nil {
			return err
		}
		response, err := run(c, org, q)
		if err != nil {
			return err
		}
		d.write(c, &response)
		return nil
	}
}

func (d *scimDoor) get(kind scim.Kind) handler {
	return d.as(func(c *gin.Context, actor scim.Actor) (scim.Response, error) {
		q, err := scim.ParseQuery(c.Request.URL.RawQuery)
		if err != nil {
			return scim.Response{}, err
		}
		return d.engine.Get(c.Request.Context(), actor, kind, c.Param("id"), q, conditions(c))
	})
}

func (d *scimDoor) list(kind scim.Kind) handler {
	return d.as(func(c *gin.Context, actor scim.Actor) (scim.Response, error) {
		q, err := scim.ParseQuery(c.Request.URL.RawQuery)
		if err != nil {
			return scim.Response{}, err
		}
		return d.engine.List(c.Request.Context(), actor, kind, q)
	})
}

func (d *scimDoor) listAll(c *gin.Context, actor scim.Actor) (scim.Response, error) {
	q, err := scim.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return scim.Response{}, err
	}
	return d.engine.ListAll(c.Request.Context(), actor, q)
}

func (d *scimDoor) search(kind scim.Kind) handler {
	return d.withBody(func(c *gin.Context, actor scim.Actor, body []byte, _ scim.Query) (scim.Response, error) {
		return d.engine.Search(c.Request.Context(), actor, kind, body)
	})
}

func (d *scimDoor) searchAll() handler {
	return d.withBody(func(c *gin.Context, actor scim.Actor, body []byte, _ scim.Query) (scim.Response, error) {
		return d.engine.SearchAll(c.Request.Context(), actor, body)
	})
}

func (d *scimDoor) create(kind scim.Kind) handler {
	return d.withBody(func(c *gin.Context, actor scim.Actor, body []byte, q scim.Query) (scim.Response, error) {
		return d.engine.Create(c.Request.Context(), actor, kind, body, q)
	})
}

func (d *scimDoor) replace(kind scim.Kind) handler {
	return d.withBody(func(c *gin.Context, actor scim.Actor, body []byte, q scim.Query) (scim.Response, error) {
		return d.engine.Replace(c.Request.Context(), actor, kind, c.Param("id"), body, q, conditions(c))
	})
}

func (d *scimDoor) patch(kind scim.Kind) handler {
	return d.withBody(func(c *gin.Context, actor scim.Actor, body []byte, q scim.Query) (scim.Response, error) {
		return d.engine.Patch(c.Request.Context(), actor, kind, c.Param("id"), body, q, conditions(c))
	})
}

func (d *scimDoor) delete(kind scim.Kind) handler {
	return d.as(func(c *gin.Context, actor scim.Actor) (scim.Response, error) {
		return d.engine.Delete(c.Request.Context(), actor, kind, c.Param("id"), conditions(c))
	})
}

func (d *scimDoor) bulk() handler {
	return d.withBody(func(c *gin.Context, actor scim.Actor, body []byte, _ scim.Query) (scim.Response, error) {
		return d.engine.Bulk(c.Request.Context(), actor, body)
	})
}

func (d *scimDoor) me(*gin.Context, scim.Actor) (scim.Response, error) { return d.engine.Me() }

func (d *scimDoor) config(_ *gin.Context, org directory.OrganizationID, q scim.Query) (scim.Response, error) {
	return d.engine.ServiceProviderConfig(org, q)
}

func (d *scimDoor) resourceTypes(_ *gin.Context, org directory.OrganizationID, q scim.Query) (scim.Response, error) {
	return d.engine.ResourceTypes(org, q)
}

func (d *scimDoor) resourceType(c *gin.Context, org directory.OrganizationID, q scim.Query) (scim.Response, error) {
	return d.engine.ResourceType(org, c.Param("id"), q)
}

func (d *scimDoor) schemas(_ *gin.Context, org directory.OrganizationID, q scim.Query) (scim.Response, error) {
	return d.engine.Schemas(org, q)
}

func (d *scimDoor) schema(c *gin.Context, org directory.OrganizationID, q scim.Query) (scim.Response, error) {
	return d.engine.Schema(org, c.Param("id"), q)
}

// withBody makes a handler of an operation that reads a JSON body.
func (d *scimDoor) withBody(run func(*gin.Context, scim.Actor, []byte, scim.Query) (scim.Response, error)) handler {
	return d.as(func(c *gin.Context, actor scim.Actor) (scim.Response, error) {
		if err := checkMediaType(c.GetHeader("Content-Type")); err != nil {
			return scim.Response{}, err
		}
		q, err := scim.ParseQuery(c.Request.URL.RawQuery)
		if err != nil {
			return scim.Response{}, err
		}
		body, err := readSCIM(c.Request)
		if err != nil {
			return scim.Response{}, err
		}
		return run(c, actor, body, q)
	})
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

// readSCIM reads a body. The walk has bounded it.
func readSCIM(r *http.Request) ([]byte, error) {
	const grow = 64 << 10 // a length that is only claimed gets no more than this
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), grow)) + bytes.MinRead)
	_, err := body.ReadFrom(r.Body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, err
	}
	if err != nil {
		return nil, &scim.Fault{Status: http.StatusBadRequest, ScimType: "invalidSyntax", Detail: "the body ended early"}
	}
	return body.Bytes(), nil
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
