package admin

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// syncRowAnswer is a row of an organization's sync log.
type syncRowAnswer struct {
	ID         string               `json:"id"`
	At         time.Time            `json:"at"`
	Actor      string               `json:"actor"`
	Principal  string               `json:"principal"` // the actor's name for people
	Method     string               `json:"method"`
	Resource   string               `json:"resource,omitempty"`
	ResourceID directory.ResourceID `json:"resource_id,omitempty"`
	Name       string               `json:"name,omitempty"`
	Outcome    console.Outcome      `json:"outcome"`
	Status     int                  `json:"status,omitempty"` // of a failure
	ScimType   string               `json:"scim_type,omitempty"`
	Detail     string               `json:"detail,omitempty"`
	RequestID  string               `json:"request_id,omitempty"`
	Client     string               `json:"client,omitempty"`
	Operations string               `json:"operations,omitempty"`
	Changes    []string             `json:"changes"`
	Courtesies []string             `json:"courtesies"`
	Document   json.RawMessage      `json:"document,omitempty"` // where one row is asked for
}

type syncLogAnswer struct {
	Rows          []syncRowAnswer  `json:"sync_log"`
	Counts        syncCountsAnswer `json:"counts"`
	NextPageToken string           `json:"next_page_token,omitempty"`
}

type syncCountsAnswer struct {
	Rows        int        `json:"rows"`
	Failures    uint64     `json:"failures"` // since the beginning
	LastFailure *time.Time `json:"last_failure_at"`
	NotifiedAt  *time.Time `json:"notified_at"`
}

func syncRowAnswerOf(row console.SyncRow) syncRowAnswer {
	return syncRowAnswer{
		ID: console.SyncRowID(row.SyncRow), At: openapi.Instant(row.At), Actor: row.Actor, Principal: row.Principal, Method: row.Method.String(),
		Resource: row.Resource, ResourceID: row.ID, Name: row.Name, Outcome: console.OutcomeOf(row.SyncRow), Status: row.Status,
		ScimType: row.ScimType, Detail: row.Detail, RequestID: row.Request, Client: row.Client, Operations: row.Operations,
		Changes: append([]string{}, row.Changes...), Courtesies: append([]string{}, row.Courtesies...),
	}
}

func (a *api) listSyncLog(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	q := console.SyncQuery{User: c.Query("user"), Group: c.Query("group")}
	outcome, err := openapi.QueryWord(c, "outcome", schemaOutcome.Enum)
	if err != nil {
		return err
	}
	q.Outcome = console.Outcome(outcome)
	if q.Paging, err = queryPaging(c); err != nil {
		return err
	}
	page, err := a.Console.ListSyncLog(c.Request.Context(), org, q)
	if err != nil {
		return err
	}
	answer := syncLogAnswer{
		Rows: []syncRowAnswer{}, NextPageToken: page.NextPageToken,
		Counts: syncCountsAnswer{
			page.Counts.Rows, page.Counts.Failures,
			openapi.InstantOrNull(page.Counts.LastFailure), openapi.InstantOrNull(page.Counts.NotifiedAt),
		},
	}
	for _, row := range page.Rows {
		answer.Rows = append(answer.Rows, syncRowAnswerOf(row))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) getSyncRow(c *gin.Context) error {
	row, err := a.syncRow(c)
	if err != nil {
		return err
	}
	answer := syncRowAnswerOf(row)
	answer.Document = orNothing([]byte(row.Document))
	return openapi.Answer(c, http.StatusOK, answer)
}

// syncRow finds the row that the path names.
func (a *api) syncRow(c *gin.Context) (console.SyncRow, error) {
	org, id, err := pathIDs[string](c, "row")
	if err != nil {
		return console.SyncRow{}, err
	}
	return a.Console.GetSyncRow(c.Request.Context(), org, id)
}

var (
	schemaOutcome = &schema{
		Type: types{"string"}, Enum: []string{string(console.OutcomeOK), string(console.OutcomeFailed), string(console.OutcomeNoop)},
		Description: "Whether it changed something, failed, or found everything so already.",
	}
	schemaSyncRow = &schema{
		Name: "SyncRow", Type: types{"object"}, Description: "A write or a failure of the IdP's connection, or a use of an owner's tool.",
		Properties: map[string]*schema{
			"id": schemaText, "at": schemaTime,
			"actor":     {Type: types{"string"}, Description: "token: or client: and its id, or operator."},
			"principal": {Type: types{"string"}, Description: "The actor for people: the organization's scim_principal where its IdP acted."},
			"method":    {Type: types{"string"}, Description: "An HTTP method, or convert, rename, restore, erase."},
			"resource":  {Type: types{"string"}, Description: "User or Group."}, "resource_id": schemaText,
			"name":    {Type: types{"string"}, Description: "userName or displayName."},
			"outcome": schemaOutcome, "status": {Type: types{"integer"}, Description: "Of a failure."},
			"scim_type": schemaText, "detail": schemaText,
			"request_id": {Type: types{"string"}, Description: "The X-Request-Id of the answer."},
			"client":     {Type: types{"string"}, Description: "What the caller said it is."},
			"operations": {Type: types{"string"}, Description: "A PATCH as it was understood."},
			"changes":    schemaTexts, "courtesies": schemaTexts,
			"document": {Description: "The resource as it was stored, or the redacted body of what failed; only where one row is asked for."},
		},
		Required: []string{"id", "at", "actor", "principal", "method", "outcome", "changes", "courtesies"},
	}
	schemaSyncCounts = &schema{
		Name: "SyncCounts", Type: types{"object"},
		Properties: map[string]*schema{
			"rows": {Type: types{"integer"}}, "failures": {Type: types{"integer"}, Description: "Since the beginning."},
			"last_failure_at": {Type: types{"string", "null"}, Format: "date-time"},
			"notified_at":     {Type: types{"string", "null"}, Format: "date-time", Description: "When the owners were told last."},
		},
		Required: []string{"rows", "failures", "last_failure_at", "notified_at"},
	}
	schemaSyncLog = &schema{
		Name: "SyncLog", Type: types{"object"},
		Properties: map[string]*schema{
			"sync_log": {Type: types{"array"}, Items: schemaSyncRow}, "counts": schemaSyncCounts,
			"next_page_token": schemaNextPage,
		},
		Required: []string{"sync_log", "counts"},
	}

	docListSyncLog = &operation{
		ID: "listSyncLog", Tag: "Sync log", Summary: "List what an organization's IdP did, newest first",
		Description: "Every write and every failure; successful reads are not listed. At most 1,000 rows of 30 days are kept.",
		Query: append([]parameter{
			{Name: "user", Description: "Only rows about this user: an id, or a user name.", Schema: schemaText},
			{Name: "group", Description: "Only rows about this group: an id, or a display name.", Schema: schemaText},
			{Name: "outcome", Description: "Only rows with this outcome.", Schema: schemaOutcome},
		}, pagingParameters...),
		Status: http.StatusOK, Response: schemaSyncLog,
	}
	docGetSyncRow = &operation{
		ID: "getSyncRow", Tag: "Sync log", Summary: "Get one row of the sync log, with its document",
		Status: http.StatusOK, Response: schemaSyncRow,
	}
)
