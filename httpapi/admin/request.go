package admin

import (
	"maps"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// requestBody is what can be chosen in a connection request.
type requestBody struct {
	registrationBody
	Domains    []string  `json:"domains"`
	BreakGlass []string  `json:"break_glass"`
	Phone      phoneBody `json:"phone"`
}

// newRequestBody makes a connection request.
type newRequestBody struct {
	requestBody
	Connection directory.ConnectionID `json:"connection"`
}

// requestEditBody changes one.
type requestEditBody struct {
	requestBody
	Version uint64 `json:"version"`
}

func (b *requestBody) fields() console.RequestFields {
	return console.RequestFields{
		Registration: b.registration(), Domains: b.Domains, BreakGlass: b.BreakGlass, Phone: directory.PhonePolicy(b.Phone),
	}
}

// requestAnswer is a connection request as the API shows it: everything but the secret.
type requestAnswer struct {
	ID            string                `json:"id"`
	Organization  requestOwnerAnswer    `json:"organization"`
	Connection    string                `json:"connection"`
	State         string                `json:"state"`
	Issuer        string                `json:"issuer"`
	ClientID      string                `json:"client_id"`
	ClientSecret  console.SecretState   `json:"client_secret_state"`
	SecretExpires *time.Time            `json:"client_secret_expires_at"`
	Domains       []requestDomainAnswer `json:"domains"`
	BreakGlass    []string              `json:"break_glass"`
	Phone         phoneBody             `json:"phone"`
	connectionChoices
	setupAnswer
	Changes  []changeAnswer `json:"changes"`
	Note     string         `json:"note"`
	Author   string         `json:"author"`
	Reviewer string         `json:"reviewer"`
	Created  time.Time      `json:"created_at"`
	Modified time.Time      `json:"updated_at"`
	Version  uint64         `json:"version"`
	// Discovery is what the provider said of itself just now; only where the request was put.
	Discovery *console.Discovery `json:"discovery,omitempty"`
}

type requestOwnerAnswer struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

type requestDomainAnswer struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Belongs bool   `json:"belongs"`
}

type changeAnswer struct {
	Field string `json:"field"`
	From  any    `json:"from"`
	To    any    `json:"to"`
}

type requestsAnswer struct {
	Requests      []requestAnswer `json:"connection_requests"`
	NextPageToken string          `json:"next_page_token,omitempty"`
}

func (a *api) requestAnswer(r *console.Request) requestAnswer {
	answer := requestAnswer{
		ID: string(r.ID), Organization: requestOwnerAnswer{string(r.Owner.ID), r.Owner.Slug, r.Owner.Name},
		Connection: string(r.Connection), State: r.State.String(), Issuer: r.Issuer, ClientID: r.ClientID,
		ClientSecret: r.Secret, SecretExpires: openapi.InstantOrNull(r.SecretExpires),
		Domains: []requestDomainAnswer{}, BreakGlass: append([]string{}, r.BreakGlass...), Phone: phoneBody(r.Phone),
		connectionChoices: choicesOf(&r.ConnectionSettings), setupAnswer: a.setupAnswer(&directory.Connection{
			ID: r.Connection, Issuer: r.Issuer, ConnectionSettings: r.ConnectionSettings,
		}),
		Changes: []changeAnswer{}, Note: r.Note, Author: r.Author, Reviewer: r.Reviewer,
		Created: openapi.Instant(r.Created), Modified: openapi.Instant(r.Modified), Version: r.Version,
	}
	for _, claim := range r.Claims {
		answer.Domains = append(answer.Domains, requestDomainAnswer{claim.Name, stateOfDomain(&claim), claim.Belongs})
	}
	for _, change := range r.Changes {
		answer.Changes = append(answer.Changes, changeAnswer(change))
	}
	return answer
}

func (a *api) requestsAnswer(requests []console.Request, next string) requestsAnswer {
	answer := requestsAnswer{Requests: []requestAnswer{}, NextPageToken: next}
	for i := range requests {
		answer.Requests = append(answer.Requests, a.requestAnswer(&requests[i]))
	}
	return answer
}

func (a *api) createRequest(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	var body newRequestBody
	if err := openapi.ReadBody(c, schemaNewRequest, &body); err != nil {
		return err
	}
	fields := body.fields()
	fields.Connection = body.Connection
	request, discovery, err := a.Console.CreateRequest(c.Request.Context(), openapi.Actor(c), org, fields)
	if err != nil {
		return err
	}
	answer := a.requestAnswer(&request)
	answer.Discovery = discovery
	return openapi.Created(c, pathOrganizations+"/"+string(org)+"/connection-requests/"+answer.ID, answer)
}

func (a *api) editRequest(c *gin.Context) error {
	org, id, err := requestIDs(c)
	if err != nil {
		return err
	}
	var body requestEditBody
	if err := openapi.ReadBody(c, schemaRequestEdit, &body); err != nil {
		return err
	}
	request, discovery, err := a.Console.EditRequest(c.Request.Context(), openapi.Actor(c), org, id, body.Version, body.fields())
	if err != nil {
		return err
	}
	answer := a.requestAnswer(&request)
	answer.Discovery = discovery
	return openapi.Answer(c, http.StatusOK, answer)
}

// stepBody goes with a step.
type stepBody struct {
	Version uint64 `json:"version"`
	Note    string `json:"note"`
}

// requestApprovalBody goes with an approval.
type requestApprovalBody struct {
	stepBody
	TrustSharedCallback bool `json:"trust_shared_callback"`
}

// stepRequest answers POST …/connection-requests/{request}/{step}.
func (a *api) stepRequest(step console.RequestStep) openapi.Handler {
	taken := schemaStep
	if step == console.StepApprove {
		taken = schemaRequestApproval
	}
	return func(c *gin.Context) error {
		org, id, err := requestIDs(c)
		if err != nil {
			return err
		}
		var body requestApprovalBody
		if err := openapi.ReadBody(c, taken, &body); err != nil {
			return err
		}
		request, err := a.Console.StepRequest(c.Request.Context(), openapi.Actor(c), org, id, step, console.StepNote{
			Version: body.Version, Note: body.Note, TrustSharedCallback: body.TrustSharedCallback,
		})
		if err != nil {
			return err
		}
		return openapi.Answer(c, http.StatusOK, a.requestAnswer(&request))
	}
}

func (a *api) getRequest(c *gin.Context) error {
	org, id, err := requestIDs(c)
	if err != nil {
		return err
	}
	request, err := a.Console.GetRequest(c.Request.Context(), org, id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.requestAnswer(&request))
}

func (a *api) checkRequest(c *gin.Context) error {
	org, id, err := requestIDs(c)
	if err != nil {
		return err
	}
	discovery, err := a.Console.CheckRequest(c.Request.Context(), org, id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, discovery)
}

func (a *api) listRequests(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	requests, err := a.Console.ListRequests(c.Request.Context(), org)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.requestsAnswer(requests, ""))
}

func (a *api) reviewRequests(c *gin.Context) error {
	paging, err := queryPaging(c)
	if err != nil {
		return err
	}
	query := console.RequestQuery{Paging: paging}
	word, err := openapi.QueryWord(c, "state", schemaRequestState.Enum)
	if err != nil {
		return err
	}
	if state, ok := directory.ParseRequestState(word); ok {
		query.State = &state
	}
	page, err := a.Console.ReviewRequests(c.Request.Context(), query)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.requestsAnswer(page.Requests, page.NextPageToken))
}

func (a *api) deleteRequest(c *gin.Context) error {
	org, id, err := requestIDs(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteRequest(c.Request.Context(), openapi.Actor(c), org, id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

// requestProperties are what a request is put with, and what the caller adds.
func requestProperties(others map[string]*schema) map[string]*schema {
	all := connectionProperties(map[string]*schema{
		"client_secret": schemaClientSecret, "domains": schemaWantedDomains, "break_glass": schemaBreakGlass, "phone": schemaPhone,
	})
	maps.Copy(all, others)
	return all
}

var (
	schemaWantedDomains = &schema{
		Type: types{"array"}, MaxItems: directory.MaxDomains, Items: &schema{Type: types{"string"}, MaxLength: 253},
		Description: "Associated domains: whose people come through the connection, and for whose addresses its provider may vouch. Those " +
			"that the organization does not have are claimed; they count once they are proved. Each leads to one enabled connection.",
	}
	schemaNewRequest = &schema{
		Name: "NewConnectionRequest", Type: types{"object"},
		Properties: requestProperties(map[string]*schema{
			"connection": {Type: types{"string"}, MaxLength: openapi.MaxPathID, Description: "The connection that it changes; a new one when not given."},
		}),
		Required: []string{"issuer", "client_id"},
	}
	schemaRequestEdit = &schema{
		Name: "ConnectionRequestEdit", Type: types{"object"}, Description: "What is not given has its default; the request is a draft again.",
		Properties: requestProperties(map[string]*schema{"version": schemaRequestVersion}),
		Required:   []string{"issuer", "client_id"},
	}
	schemaRequestVersion = &schema{
		Type: types{"integer"}, Minimum: 0, Maximum: 1 << 53,
		Description: "Names what was read: another version than the present one is refused (412). Without one, or with 0, whatever is there counts.",
	}
	schemaRequestState = &schema{
		Type: types{"string"}, Enum: []string{"draft", "submitted", "changes_requested", "approved", "active", "disabled"},
	}
	schemaSecretState = &schema{
		Type: types{"string"},
		Enum: []string{
			string(console.SecretGiven), string(console.SecretKept), string(console.SecretMissing), string(console.SecretNotNeeded),
		},
		Description: "Which client secret the connection would have: the request's, its own as before, none yet, or none because it needs none.",
	}
	schemaRequest = &schema{
		Name: "ConnectionRequest", Type: types{"object"},
		Properties: setupProperties(connectionProperties(map[string]*schema{
			"id": schemaText, "organization": schemaRequestOwner, "connection": schemaText, "state": schemaRequestState,
			"client_secret_state": schemaSecretState,
			"domains":             {Type: types{"array"}, Items: schemaRequestDomain},
			"break_glass":         schemaTexts, "phone": schemaPhone,
			"changes":   {Type: types{"array"}, Items: schemaChange, Description: "What putting it in force would change."},
			"note":      {Type: types{"string"}, Description: "What the reviewer said last."},
			"author":    {Type: types{"string"}, Description: "Who changed it last, as an id."},
			"reviewer":  {Type: types{"string"}, Description: "Who reviewed it last, as an id."},
			"version":   {Type: types{"integer"}, Description: "Grows with every change."},
			"discovery": schemaDiscovery, "created_at": schemaTime, "updated_at": schemaTime,
		})),
		Required: append([]string{
			"id", "organization", "connection", "state", "issuer", "client_id", "client_secret_state", "client_secret_expires_at", "domains",
			"break_glass", "phone", "auth_method", "scopes", "response_mode", "prompt", "max_age", "acr_values", "shared_redirect",
			"just_in_time", "changes", "note", "author", "reviewer", "created_at", "updated_at", "version",
		}, setupRequired...),
	}
	schemaRequestOwner = &schema{
		Name: "ConnectionRequestOwner", Type: types{"object"},
		Properties: map[string]*schema{"id": schemaText, "slug": schemaText, "name": schemaText},
		Required:   []string{"id", "slug", "name"},
	}
	schemaRequestDomain = &schema{
		Name: "ConnectionRequestDomain", Type: types{"object"},
		Properties: map[string]*schema{"name": schemaText, "state": schemaDomainState, "belongs": schemaBelongs},
		Required:   []string{"name", "state", "belongs"},
	}
	schemaChange = &schema{
		Name: "Change", Type: types{"object"}, Description: "One field that would change; null is nothing. Of a client secret it says that it would.",
		Properties: map[string]*schema{"field": schemaText, "from": {}, "to": {}},
		Required:   []string{"field", "from", "to"},
	}
	schemaRequests = &schema{
		Name: "ConnectionRequests", Type: types{"object"},
		Properties: map[string]*schema{
			"connection_requests": {Type: types{"array"}, Items: schemaRequest}, "next_page_token": schemaNextPage,
		},
		Required: []string{"connection_requests"},
	}
	schemaStep = &schema{
		Name: "ConnectionRequestStep", Type: types{"object"},
		Properties: map[string]*schema{
			"version": schemaRequestVersion,
			"note":    schemaNote,
		},
	}
	schemaNote = &schema{
		Type: types{"string"}, MaxLength: directory.MaxNote, Description: "The reviewer's words; required to return a request.",
	}
	schemaRequestApproval = &schema{
		Name: "ConnectionRequestApproval", Type: types{"object"},
		Properties: map[string]*schema{
			"version": schemaRequestVersion, "note": schemaNote, "trust_shared_callback": schemaTrustSharedCallback,
		},
	}

	docCreateRequest = &operation{
		ID: "createConnectionRequest", Tag: "Connection requests", Summary: "Ask for a connection to an identity provider",
		Description: "A draft: nothing changes before it was submitted, approved by the operator and activated. The provider's discovery " +
			"document is fetched at once; what it says is in the answer, with the addresses to register there.",
		CallsOut: true, Request: schemaNewRequest, Status: http.StatusCreated, Response: schemaRequest, Location: true,
		Refusals: []int{http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests},
	}
	docEditRequest = &operation{
		ID: "editConnectionRequest", Tag: "Connection requests", Summary: "Change a connection request",
		Description: "It is a draft again. Without client_secret the old one is kept, as long as issuer and client_id stay the same; an edit that would lose it is refused (400).",
		CallsOut:    true, Request: schemaRequestEdit, Status: http.StatusOK, Response: schemaRequest,
		Refusals: []int{http.StatusForbidden, http.StatusConflict, http.StatusPreconditionFailed, http.StatusTooManyRequests},
	}
	docListRequests = &operation{
		ID: "listConnectionRequests", Tag: "Connection requests", Summary: "List an organization's connection requests",
		Status: http.StatusOK, Response: schemaRequests,
	}
	docReviewRequests = &operation{
		ID: "reviewConnectionRequests", Tag: "Connection requests", Summary: "List the connection requests of all organizations",
		Query: append([]parameter{
			{Name: "state", Description: "Only requests in this state.", Schema: schemaRequestState},
		}, pagingParameters...),
		Status: http.StatusOK, Response: schemaRequests,
	}
	docGetRequest = &operation{
		ID: "getConnectionRequest", Tag: "Connection requests", Summary: "Get a connection request and what it would change",
		Status: http.StatusOK, Response: schemaRequest,
	}
	docCheckRequest = &operation{
		ID: "checkConnectionRequest", Tag: "Connection requests", Summary: "Ask the provider again what it says about itself",
		CallsOut: true, Status: http.StatusOK, Response: schemaDiscovery, Refusals: []int{http.StatusBadRequest, http.StatusTooManyRequests},
	}
	docDeleteRequest = &operation{
		ID: "deleteConnectionRequest", Tag: "Connection requests", Summary: "Delete a connection request that is not in force",
		Status: http.StatusNoContent, Refusals: []int{http.StatusConflict},
	}
)

// docStep describes a step.
func docStep(id, summary, description string) *operation {
	return &operation{
		ID: id, Tag: "Connection requests", Summary: summary, Description: description, Request: schemaStep,
		Status: http.StatusOK, Response: schemaRequest,
		Refusals: []int{http.StatusForbidden, http.StatusConflict, http.StatusPreconditionFailed},
	}
}

// docApproval is a step that takes trust, too.
func docApproval(step *operation) *operation {
	step.Request = schemaRequestApproval
	return step
}

var (
	docSubmitRequest   = docStep("submitConnectionRequest", "Submit a connection request for review", "From draft or changes_requested.")
	docWithdrawRequest = docStep("withdrawConnectionRequest", "Make a connection request a draft again",
		"From submitted, changes_requested or approved.")
	docReturnRequest = docStep("returnConnectionRequest", "Request changes to a connection request",
		"From submitted. The note says what has to change; it is mailed.")
	docApproveRequest = docApproval(docStep("approveConnectionRequest", "Approve a connection request",
		"From submitted. The version must be the one that was reviewed. Its domains need not be proved yet: they lead nobody before."))
	docActivateRequest = docStep("activateConnectionRequest", "Put an approved connection request in force",
		"The connection, the organization's break-glass addresses and its telephone policy are as the request says, at once.")
	docDisableRequest = docStep("disableConnectionRequest", "Turn a connection off",
		"From active. The sessions that came through the connection end.")
	docEnableRequest = docStep("enableConnectionRequest", "Turn a disabled connection on again", "From disabled.")
)
