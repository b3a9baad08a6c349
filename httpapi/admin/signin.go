package admin

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/httpapi/openapi"
)

// signInRowAnswer is one line of an organization's log of sign-ins.
type signInRowAnswer struct {
	ID         string                `json:"id"`
	At         time.Time             `json:"at"`
	Way        string                `json:"way"`
	Outcome    console.SignInOutcome `json:"outcome"`
	Reason     string                `json:"reason,omitempty"`
	Reference  string                `json:"reference,omitempty"`
	More       int                   `json:"more,omitempty"`
	Connection string                `json:"connection,omitempty"`
	User       string                `json:"user,omitempty"`
	UserName   string                `json:"user_name,omitempty"`
	Email      string                `json:"email,omitempty"` // of the root user and of break-glass
	Session    string                `json:"session,omitempty"`
	Linked     bool                  `json:"linked"`
	Agent      string                `json:"agent"`
	Address    string                `json:"address"`
}

type signInLogAnswer struct {
	Rows          []signInRowAnswer `json:"sign_ins"`
	NextPageToken string            `json:"next_page_token,omitempty"`
}

func newSignInRowAnswer(row console.SignIn) signInRowAnswer {
	return signInRowAnswer{
		ID: console.SignInID(row.SignIn), At: openapi.Instant(row.At), Way: row.Way.String(), Outcome: console.SignInOutcomeOf(row.SignIn),
		Reason: row.Reason, Reference: row.Reference, More: row.More, Connection: string(row.Connection), User: string(row.User),
		UserName: row.UserName, Email: row.Email, Session: string(row.Session), Linked: row.Linked, Agent: row.Agent, Address: row.Address,
	}
}

func (a *api) listSignIns(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	q := console.SignInQuery{User: c.Query("user"), Reference: c.Query("reference")}
	outcome, err := openapi.QueryWord(c, "outcome", schemaSignInOutcome.Enum)
	if err != nil {
		return err
	}
	q.Outcome = console.SignInOutcome(outcome)
	if q.Paging, err = queryPaging(c); err != nil {
		return err
	}
	page, err := a.Console.ListSignIns(c.Request.Context(), org, q)
	if err != nil {
		return err
	}
	answer := signInLogAnswer{Rows: []signInRowAnswer{}, NextPageToken: page.NextPageToken}
	for _, row := range page.Rows {
		answer.Rows = append(answer.Rows, newSignInRowAnswer(row))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

var (
	schemaSignInOutcome = &schema{
		Type: types{"string"}, Enum: []string{string(console.SignInSucceeded), string(console.SignInRefused)},
		Description: "Whether a session was opened.",
	}
	schemaSignInRow = &schema{
		Name: "SignInRow", Type: types{"object"}, Description: "Somebody signed in, or was refused.",
		Properties: map[string]*schema{
			"id": schemaText, "at": schemaTime,
			"way": {
				Type: types{"string"}, Enum: []string{"provider", "local", "break_glass"},
				Description: "Through the identity provider; with a passkey or code of ours; by a break-glass address.",
			},
			"outcome":    schemaSignInOutcome,
			"reason":     {Type: types{"string"}, Description: "Of a refusal: such as not_provisioned."},
			"reference":  {Type: types{"string"}, Description: "Of a refusal: what the page showed, and the log line of the node has."},
			"more":       {Type: types{"integer"}, Description: "Refusals alike at about that time that have no row of their own."},
			"connection": {Type: types{"string"}, Description: "Of provider: the connection."},
			"user":       {Type: types{"string"}, Description: "Who signed in; of a refusal: whom the identity was taken for, if anybody."},
			"user_name":  {Type: types{"string"}, Description: "Unless the user is deleted."},
			"email":      {Type: types{"string"}, Description: "Of the root user and of break-glass addresses; nobody else's is kept."},
			"session":    {Type: types{"string"}, Description: "Of signed_in: the session's id."},
			"linked":     {Type: types{"boolean"}, Description: "Whether it tied the identity at the provider to the user."},
			"agent":      {Type: types{"string"}, Description: "The family of the browser."},
			"address":    {Type: types{"string"}, Description: "Of the browser."},
		},
		Required: []string{"id", "at", "way", "outcome", "linked", "agent", "address"},
	}
	schemaSignInLog = &schema{
		Name: "SignInLog", Type: types{"object"},
		Properties: map[string]*schema{"sign_ins": {Type: types{"array"}, Items: schemaSignInRow}, "next_page_token": schemaNextPage},
		Required:   []string{"sign_ins"},
	}

	docListSignIns = &operation{
		ID: "listSignIns", Tag: "Sessions", Summary: "List who signed in and who was refused, newest first",
		Description: "Refusals are written down some seconds later. Of an organization 5,000 sign-ins and 1,000 refusals of a year are kept; " +
			"those about a user go when the user is erased.",
		Query: append([]parameter{
			{Name: "outcome", Description: "Only rows with this outcome.", Schema: schemaSignInOutcome},
			{Name: "user", Description: "Only rows about this user: an id, a user name, or an address of the root user or of break-glass.", Schema: schemaText},
			{Name: "reference", Description: "Only the row with this reference.", Schema: schemaText},
		}, pagingParameters...),
		Status: http.StatusOK, Response: schemaSignInLog, Refusals: []int{http.StatusNotFound},
	}
)
