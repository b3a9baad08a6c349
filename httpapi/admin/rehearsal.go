package admin

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/scim"
)

// trialBody is a SCIM request to be tried without effect.
type trialBody struct {
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	IfMatch string          `json:"if_match"`
	Body    json.RawMessage `json:"body"`
}

// rehearsalAnswer is what a request would do now: the answer that the IdP would get, and what would be written.
type rehearsalAnswer struct {
	Status     int             `json:"status"`
	Body       json.RawMessage `json:"body,omitempty"`
	Courtesies []string        `json:"courtesies"`
	Effects    []effectAnswer  `json:"effects"`
}

type effectAnswer struct {
	Method     string                 `json:"method"`
	Resource   string                 `json:"resource"`
	ID         directory.ResourceID   `json:"id"`
	Name       string                 `json:"name"`
	Changed    bool                   `json:"changed"`
	Attributes []string               `json:"attributes"`
	Added      []directory.ResourceID `json:"members_added"`
	Removed    []directory.ResourceID `json:"members_removed"`
	Operations string                 `json:"operations,omitempty"`
}

func rehearsalAnswerOf(r scim.Rehearsal) rehearsalAnswer {
	answer := rehearsalAnswer{Status: r.Status, Body: orNothing(r.Body), Courtesies: []string{}, Effects: []effectAnswer{}}
	for _, courtesy := range r.Courtesies {
		answer.Courtesies = append(answer.Courtesies, courtesy.Name())
	}
	for _, e := range r.Effects {
		answer.Effects = append(answer.Effects, effectAnswer{
			Method: e.Method.String(), Resource: e.Resource, ID: e.ID, Name: e.Name, Changed: e.Changed,
			Attributes: append([]string{}, e.Attributes...), Added: append([]directory.ResourceID{}, e.Added...),
			Removed: append([]directory.ResourceID{}, e.Removed...), Operations: e.Operations,
		})
	}
	return answer
}

// orNothing gives a JSON text, or nil for what is none.
func orNothing(text []byte) json.RawMessage {
	if !json.Valid(text) {
		return nil
	}
	return text
}

// dryRun tries a SCIM request.
func (a *api) dryRun(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	var body trialBody
	if err := openapi.ReadBody(c, schemaTrial, &body); err != nil {
		return err
	}
	path, query, _ := strings.Cut(body.Path, "?")
	rehearsal, err := a.SCIM.DryRun(c.Request.Context(), org, scim.Trial{
		Method: body.Method, Path: path, Query: query, IfMatch: body.IfMatch, Body: body.Body,
	})
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, rehearsalAnswerOf(rehearsal))
}

// replaySyncRow tries a request of the sync log again.
func (a *api) replaySyncRow(c *gin.Context) error {
	org, id, err := pathIDs[string](c, "row")
	if err != nil {
		return err
	}
	seq, ordinal, ok := console.ParseSyncRowID(id)
	if !ok {
		return directory.Errorf(directory.KindNotFound, "", "there is no row %q in the sync log", id)
	}
	rehearsal, err := a.SCIM.Replay(c.Request.Context(), org, seq, ordinal)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, rehearsalAnswerOf(rehearsal))
}

var (
	schemaTrial = &schema{
		Name: "ScimTrial", Type: types{"object"},
		Properties: map[string]*schema{
			"method": {Type: types{"string"}, Enum: []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}},
			"path": {
				Type: types{"string"}, MaxLength: 16 << 10,
				Description: "Below the base URL, with a query where there is one: /Users?filter=…, /Groups/{id}, /Bulk.",
			},
			"if_match": schemaText,
			"body":     {Description: "The body of the request, as JSON."},
		},
		Required: []string{"method", "path"},
	}
	schemaRehearsal = &schema{
		Name: "ScimRehearsal", Type: types{"object"},
		Description: "What a request would do now. Ids and versions of what it would make are examples.",
		Properties: map[string]*schema{
			"status": {Type: types{"integer"}}, "body": {Description: "The answer that the IdP would get."},
			"courtesies": schemaTexts, "effects": {Type: types{"array"}, Items: schemaEffect},
		},
		Required: []string{"status", "courtesies", "effects"},
	}
	schemaEffect = &schema{
		Name: "ScimEffect", Type: types{"object"},
		Properties: map[string]*schema{
			"method": schemaText, "resource": schemaText, "id": schemaText, "name": schemaText,
			"changed":    {Type: types{"boolean"}, Description: "False: everything is so already."},
			"attributes": schemaTexts, "members_added": schemaTexts, "members_removed": schemaTexts, "operations": schemaText,
		},
		Required: []string{"method", "resource", "id", "name", "changed", "attributes", "members_added", "members_removed"},
	}

	docDryRun = &operation{
		ID: "dryRunScim", Tag: "Sync log", Summary: "Tell what a SCIM request would do now", Request: schemaTrial,
		Description: "Nothing is written. What would be refused is an answer too: status and body are those that the IdP would get.",
		Status:      http.StatusOK, Response: schemaRehearsal,
	}
	docReplaySyncRow = &operation{
		ID: "replaySyncRow", Tag: "Sync log", Summary: "Tell what a request of the sync log would do now",
		Description: "Refused (400) for rows that are of no request, or whose text is gone.",
		Status:      http.StatusOK, Response: schemaRehearsal,
	}
)
