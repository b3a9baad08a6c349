package scim

import (
	"context"
	"encoding/json"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/scim/schema"
)

// ConfigURN is the schema of the service provider's configuration (RFC 7643 §5).
const ConfigURN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"

type supported struct {
	Supported bool `json:"supported"`
}

type bulkSupport struct {
	Supported      bool `json:"supported"`
	MaxOperations  int  `json:"maxOperations"`
	MaxPayloadSize int  `json:"maxPayloadSize"`
}

type filterSupport struct {
	Supported  bool `json:"supported"`
	MaxResults int  `json:"maxResults"`
}

// pagination is RFC 9865 §4.
type pagination struct {
	Cursor                  bool   `json:"cursor"`
	Index                   bool   `json:"index"`
	DefaultPaginationMethod string `json:"defaultPaginationMethod"`
	DefaultPageSize         int    `json:"defaultPageSize"`
	MaxPageSize             int    `json:"maxPageSize"`
	CursorTimeout           int    `json:"cursorTimeout"` // seconds
}

type authenticationScheme struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Description string `json:"description"`
	SpecURI     string `json:"specUri"`
	Primary     bool   `json:"primary"`
}

type config struct {
	Schemas               []string               `json:"schemas"`
	Patch                 supported              `json:"patch"`
	Bulk                  bulkSupport            `json:"bulk"`
	Filter                filterSupport          `json:"filter"`
	ChangePassword        supported              `json:"changePassword"`
	Sort                  supported              `json:"sort"`
	ETag                  supported              `json:"etag"`
	Pagination            pagination             `json:"pagination"`
	AuthenticationSchemes []authenticationScheme `json:"authenticationSchemes"`
	Meta                  schema.DocumentMeta    `json:"meta"`
}

// ServiceProviderConfig says what the service can do (RFC 7644 §4). It tells nothing about an organization, not even
// whether it exists, so it needs no Actor.
func (e *Engine) ServiceProviderConfig(org directory.OrganizationID, q Query) (Response, error) {
	return document(q, config{
		Schemas: []string{ConfigURN},
		Patch:   supported{true},
		Bulk:    bulkSupport{true, MaxBulkOperations, MaxBulkBytes},
		Filter:  filterSupport{true, MaxPage},
		Sort:    supported{true},
		ETag:    supported{true},
		Pagination: pagination{
			Cursor: true, Index: true, DefaultPaginationMethod: "index",
			DefaultPageSize: defaultPage, MaxPageSize: MaxPage, CursorTimeout: int(cursorLife.Seconds()),
		},
		AuthenticationSchemes: []authenticationScheme{{
			Type: "oauthbearertoken", Name: "Bearer token", Primary: true,
			Description: "The organization's SCIM token in the Authorization header.",
			SpecURI:     "https://www.rfc-editor.org/info/rfc6750",
		}, {
			Type: "oauth2", Name: "OAuth 2.0",
			Description: "Client credentials, or authorization code with refresh token, at " + e.Region.URL + "/oauth/token.",
			SpecURI:     "https://www.rfc-editor.org/info/rfc6749",
		}},
		Meta: schema.DocumentMeta{ResourceType: "ServiceProviderConfig", Location: e.Base(org) + "/ServiceProviderConfig"},
	})
}

// ResourceTypes lists the kinds of resources (RFC 7643 §6). An actor sees those of its organization; the zero Actor, for
// whoever sent no token, sees what is the same everywhere.
func (e *Engine) ResourceTypes(ctx context.Context, org directory.OrganizationID, a Actor, q Query) (Response, error) {
	docs, err := e.resourceTypes(ctx, org, a)
	if err != nil {
		return Response{}, err
	}
	return document(q, listOf(docs))
}

// ResourceType describes one kind of resource by its name, to whom ResourceTypes does.
func (e *Engine) ResourceType(ctx context.Context, org directory.OrganizationID, a Actor, name string, q Query) (Response, error) {
	docs, err := e.resourceTypes(ctx, org, a)
	if err != nil {
		return Response{}, err
	}
	for _, doc := range docs {
		if strings.EqualFold(doc.ID, name) {
			return document(q, doc)
		}
	}
	return Response{}, &Fault{Status: statusNotFound, Detail: "there is no resource type " + schema.Quote(name)}
}

// Schemas lists the schemas (RFC 7643 §7), to whom ResourceTypes does.
func (e *Engine) Schemas(ctx context.Context, org directory.OrganizationID, a Actor, q Query) (Response, error) {
	docs, err := e.schemas(ctx, org, a)
	if err != nil {
		return Response{}, err
	}
	return document(q, listOf(docs))
}

// Schema describes one schema by its URN, to whom ResourceTypes does.
func (e *Engine) Schema(ctx context.Context, org directory.OrganizationID, a Actor, urn string, q Query) (Response, error) {
	docs, err := e.schemas(ctx, org, a)
	if err != nil {
		return Response{}, err
	}
	for _, doc := range docs {
		if strings.EqualFold(doc.ID, urn) {
			return document(q, doc)
		}
	}
	return Response{}, &Fault{Status: statusNotFound, Detail: "there is no schema " + schema.Quote(urn)}
}

// Me answers everything below /Me (RFC 7644 §3.11): a token is a machine's and has no user.
func (e *Engine) Me(a Actor) (answer Response, err error) {
	r := e.begin(a, directory.SyncGet, opGet, kinds)
	defer r.end(&answer, &err)
	return Response{}, &Fault{Status: statusNotImplemented, Detail: "/Me is not offered: a provisioning token belongs to no user"}
}

// typesFor are what an actor may know of.
func (e *Engine) typesFor(ctx context.Context, a Actor) (*types, error) {
	if a.Organization == "" {
		return e.types.standard, nil
	}
	r := e.begin(a, directory.SyncGet, opGet, kinds)
	v, err := r.look(ctx, state.Confirmed())
	return v.types, err
}

func (e *Engine) resourceTypes(ctx context.Context, org directory.OrganizationID, a Actor) ([]schema.ResourceTypeDoc, error) {
	t, err := e.typesFor(ctx, a)
	if err != nil {
		return nil, err
	}
	var docs []schema.ResourceTypeDoc
	for _, rt := range t.of {
		docs = append(docs, schema.ResourceTypeDocument(rt, e.Base(org)))
	}
	return docs, nil
}

func (e *Engine) schemas(ctx context.Context, org directory.OrganizationID, a Actor) ([]schema.SchemaDoc, error) {
	t, err := e.typesFor(ctx, a)
	if err != nil {
		return nil, err
	}
	var docs []schema.SchemaDoc
	for _, rt := range t.of {
		docs = append(docs, schema.SchemaDocument(rt.Core, e.Base(org)))
		for _, extension := range rt.Extensions {
			docs = append(docs, schema.SchemaDocument(extension.Schema, e.Base(org)))
		}
	}
	return docs, nil
}

type documentList[T any] struct {
	Schemas      []string `json:"schemas"`
	TotalResults int      `json:"totalResults"`
	StartIndex   int      `json:"startIndex"`
	ItemsPerPage int      `json:"itemsPerPage"`
	Resources    []T      `json:"Resources"`
}

func listOf[T any](docs []T) documentList[T] {
	return documentList[T]{Schemas: []string{ListURN}, TotalResults: len(docs), StartIndex: 1, ItemsPerPage: len(docs), Resources: docs}
}

// document answers with a discovery document. Filters there are forbidden (RFC 7644 §4); paging, sorting and projections
// are ignored.
func document(q Query, doc any) (Response, error) {
	if q.HasFilter {
		return Response{}, &Fault{Status: statusForbidden, Detail: "discovery documents cannot be filtered (RFC 7644 §4)"}
	}
	body, err := json.Marshal(doc)
	return Response{Status: statusOK, Body: body}, err
}
