package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/directory"
	"domicile/httpapi/openapi"
)

// schemaMeta is what the API adds to a schema, in the way of RFC 7643 §3.1.
type schemaMeta struct {
	Created  time.Time `json:"created"`
	Modified time.Time `json:"lastModified"`
}

// extensionAnswer is an extension schema as the API shows it: the document of RFC 7643 §7 with two members before it. It
// may be put back as it is.
type extensionAnswer struct{ *directory.Schema }

// MarshalJSON puts what belongs to the API before the members of the document.
func (e extensionAnswer) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(struct {
		Resource string     `json:"resource"`
		Meta     schemaMeta `json:"meta"`
	}{e.Resource, schemaMeta{openapi.Instant(e.Created), openapi.Instant(e.Modified)}})
	if err != nil {
		return nil, err
	}
	return append(append(head[:len(head)-1], ','), e.Document[1:]...), nil
}

type extensionsAnswer struct {
	Schemas []extensionAnswer `json:"schemas"`
}

func (a *api) putExtension(c *gin.Context) error {
	org, urn, err := extensionIDs(c)
	if err != nil {
		return err
	}
	var document json.RawMessage
	if err := openapi.ReadBody(c, schemaExtension, &document); err != nil {
		return err
	}
	var body struct {
		Resource string `json:"resource"`
	}
	if err := json.Unmarshal(document, &body); err != nil {
		return err
	}
	put, isNew, err := a.Console.PutSchema(c.Request.Context(), openapi.Actor(c), org, urn, body.Resource, document)
	if err != nil {
		return err
	}
	if isNew {
		return openapi.Created(c, pathOrganizations+"/"+string(org)+"/schemas/"+url.PathEscape(urn), extensionAnswer{put})
	}
	return openapi.Answer(c, http.StatusOK, extensionAnswer{put})
}

func (a *api) getExtension(c *gin.Context) error {
	org, urn, err := extensionIDs(c)
	if err != nil {
		return err
	}
	found, err := a.Console.GetSchema(c.Request.Context(), org, urn)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, extensionAnswer{found})
}

func (a *api) listExtensions(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	all, err := a.Console.ListSchemas(c.Request.Context(), org)
	if err != nil {
		return err
	}
	answer := extensionsAnswer{Schemas: []extensionAnswer{}}
	for _, s := range all {
		answer.Schemas = append(answer.Schemas, extensionAnswer{s})
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) deleteExtension(c *gin.Context) error {
	org, urn, err := extensionIDs(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteSchema(c.Request.Context(), openapi.Actor(c), org, urn); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

// extensionIDs reads organization and URN from the path. What cannot be a URN names nothing.
func extensionIDs(c *gin.Context) (directory.OrganizationID, string, error) {
	org, err := organizationID(c)
	if err != nil {
		return "", "", err
	}
	urn := c.Param("urn")
	if !directory.IsURN(urn) {
		return "", "", directory.Errorf(directory.KindNotFound, "", "there is nothing with this id")
	}
	return org, urn, nil
}

var (
	schemaResource  = &schema{Type: types{"string"}, Enum: []string{"User", "Group"}, Description: "Whose attributes it adds."}
	schemaExtension = &schema{
		Name: "ExtensionSchema", Type: types{"object"}, Open: true,
		Description: "A schema in the form of RFC 7643 §7, and the resource that it extends. No attribute may be required or unique.",
		Properties: map[string]*schema{
			"resource": schemaResource, "id": {Type: types{"string"}, MaxLength: 255, Description: "The URN, as in the address."},
			"name": schemaText, "description": schemaText,
			"attributes": {Type: types{"array"}, MaxItems: 100, Items: &schema{Type: types{"object"}, Open: true}},
		},
		Required: []string{"resource", "id", "attributes"},
	}
	schemaExtensions = &schema{
		Name: "ExtensionSchemas", Type: types{"object"},
		Properties: map[string]*schema{"schemas": {Type: types{"array"}, Items: schemaExtension}},
		Required:   []string{"schemas"},
	}

	docPutExtension = &operation{
		ID: "putSchema", Tag: "SCIM schemas", Summary: "Make or widen an extension schema",
		Description: "Answers 201 for a new schema. Of one that is there, attributes may be added; descriptions, canonical values, " +
			"reference types and the moment of return may change.",
		Request: schemaExtension, Status: http.StatusOK, Response: schemaExtension, Refusals: []int{http.StatusConflict},
	}
	docGetExtension = &operation{
		ID: "getSchema", Tag: "SCIM schemas", Summary: "Get an extension schema", Status: http.StatusOK, Response: schemaExtension,
	}
	docListExtensions = &operation{
		ID: "listSchemas", Tag: "SCIM schemas", Summary: "List an organization's extension schemas",
		Status: http.StatusOK, Response: schemaExtensions,
	}
	docDeleteExtension = &operation{
		ID: "deleteSchema", Tag: "SCIM schemas", Summary: "Delete an extension schema that nobody holds values of",
		Status: http.StatusNoContent, Refusals: []int{http.StatusConflict},
	}
)
