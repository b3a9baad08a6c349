package admin

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/httpapi/openapi"
)

// auditRowAnswer is one line of an organization's audit log.
type auditRowAnswer struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Event   string    `json:"event"`
	Subject string    `json:"subject"`
	Detail  string    `json:"detail"`
}

type auditAnswer struct {
	Rows          []auditRowAnswer `json:"audit"`
	NextPageToken string           `json:"next_page_token,omitempty"`
}

func (a *api) listAudit(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	paging, err := queryPaging(c)
	if err != nil {
		return err
	}
	page, err := a.Console.ListAudit(c.Request.Context(), org, paging)
	if err != nil {
		return err
	}
	answer := auditAnswer{Rows: []auditRowAnswer{}, NextPageToken: page.NextPageToken}
	for _, row := range page.Rows {
		answer.Rows = append(answer.Rows, auditRowAnswer{
			ID: console.AuditRowID(row), At: openapi.Instant(row.At), Actor: row.Actor, Event: row.Event, Subject: row.Subject,
			Detail: row.Detail,
		})
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

var (
	schemaAuditRow = &schema{
		Name: "AuditRow", Type: types{"object"}, Description: "Who did what to the organization, when.",
		Properties: map[string]*schema{
			"id": schemaText, "at": schemaTime,
			"actor":   {Type: types{"string"}, Description: "operator, user:…, break-glass:…, token:…, or a duty of the region itself."},
			"event":   {Type: types{"string"}, Description: "Such as connection.changed."},
			"subject": {Type: types{"string"}, Description: "What it was done to: an id or a name."},
			"detail":  {Type: types{"string"}, Description: "What changed; never a secret."},
		},
		Required: []string{"id", "at", "actor", "event", "subject", "detail"},
	}
	schemaAudit = &schema{
		Name: "Audit", Type: types{"object"},
		Properties: map[string]*schema{"audit": {Type: types{"array"}, Items: schemaAuditRow}, "next_page_token": schemaNextPage},
		Required:   []string{"audit"},
	}

	docListAudit = &operation{
		ID: "listAudit", Tag: "Audit", Summary: "List what people did to the organization, newest first", Query: pagingParameters,
		Status: http.StatusOK, Response: schemaAudit, Refusals: []int{http.StatusNotFound},
	}
)
