package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/telemetry"
)

// rootBody is an organization's root user.
type rootBody struct {
	Email string `json:"email"`
}

// organizationBody is what makes an organization, and, with all members optional, what changes one.
type organizationBody struct {
	Slug    string             `json:"slug"`
	Name    *string            `json:"name"`
	Domains *[]string          `json:"domains"`
	Root    *rootBody          `json:"root"`
	Profile *directory.Profile `json:"scim_profile"`
	provisioningBody
}

// provisioningBody is what can be said about an organization's SCIM connection. The schema has checked the names.
type provisioningBody struct {
	SCIM         *string `json:"scim"`
	SCIMPaused   *bool   `json:"scim_paused"`
	Principal    *string `json:"scim_principal"`
	TokenMode    *string `json:"scim_token_mode"`
	DeletePolicy *string `json:"delete_policy"`
	Plan         *string `json:"plan"`
}

// organizationAnswer is an organization as the API shows it, with the addresses that its people need.
type organizationAnswer struct {
	ID      string            `json:"id"`
	Slug    string            `json:"slug"`
	Name    string            `json:"name"`
	Domains []string          `json:"domains"`
	Root    *rootBody         `json:"root,omitempty"`
	Profile directory.Profile `json:"scim_profile"`

	SCIM         string `json:"scim"`
	SCIMPaused   bool   `json:"scim_paused"`
	SCIMBase     string `json:"scim_base,omitempty"` // while SCIM is active
	Principal    string `json:"scim_principal"`
	TokenMode    string `json:"scim_token_mode"`
	DeletePolicy string `json:"delete_policy"`
	Plan         string `json:"plan"`

	LoginURL string    `json:"login_url"`
	Created  time.Time `json:"created_at"`
	Modified time.Time `json:"updated_at"`
}

type organizationsAnswer struct {
	Organizations []organizationAnswer `json:"organizations"`
	NextPageToken string               `json:"next_page_token,omitempty"`
}

func (a *api) organizationAnswer(org *directory.Organization) organizationAnswer {
	answer := organizationAnswer{
		ID: string(org.ID), Slug: org.Slug, Name: org.Name, Domains: org.Domains, Profile: org.Profile,
		SCIM: org.SCIM.String(), SCIMPaused: org.SCIMPaused, SCIMBase: a.scimBase(org),
		Principal: console.PrincipalOf(org), TokenMode: tokenModeMany,
		DeletePolicy: org.DeletePolicy.String(), Plan: org.Plan,
		LoginURL: a.Region.LoginURL + "/" + org.Slug,
		Created:  instant(org.Created), Modified: instant(org.Modified),
	}
	if org.SingleToken {
		answer.TokenMode = tokenModeSingle
	}
	if answer.Domains == nil {
		answer.Domains = []string{}
	}
	if org.RootEmail != "" {
		answer.Root = &rootBody{org.RootEmail}
	}
	return answer
}

// The values of scim_token_mode.
const (
	tokenModeMany   = "many"
	tokenModeSingle = "single"
)

// scimBase gives an organization's SCIM base URL, which is there while SCIM is active.
func (a *api) scimBase(org *directory.Organization) string {
	if org.SCIM != directory.SCIMActive {
		return ""
	}
	return a.SCIM.Base(org.ID)
}

// change gives what the body says as a change, without what makes an organization only.
func (b *organizationBody) change() (console.OrganizationChange, error) {
	change := console.OrganizationChange{
		Name: b.Name, Domains: b.Domains, Profile: b.Profile,
		SCIMPaused: b.SCIMPaused, Principal: b.Principal, Plan: b.Plan,
	}
	if b.Root != nil {
		change.RootEmail = &b.Root.Email
	}
	if b.TokenMode != nil {
		single := *b.TokenMode == tokenModeSingle
		change.SingleToken = &single
	}
	if b.SCIM != nil {
		scim, err := directory.ParseProvisioningState(*b.SCIM)
		if err != nil {
			return change, err
		}
		change.SCIM = &scim
	}
	if b.DeletePolicy != nil {
		policy, err := directory.ParseDeletePolicy(*b.DeletePolicy)
		if err != nil {
			return change, err
		}
		change.DeletePolicy = &policy
	}
	return change, nil
}

// orZero gives what was said, or the zero value.
func orZero[T any](said *T) T {
	if said == nil {
		return *new(T)
	}
	return *said
}

// organizationID reads the organization's id from the path.
func organizationID(c *gin.Context) (directory.OrganizationID, error) {
	id, err := pathID(c, "id")
	if err != nil {
		return "", err
	}
	telemetry.EventFrom(c.Request.Context()).SetOrganization(id)
	return directory.OrganizationID(id), nil
}

func (a *api) createOrganization(c *gin.Context) error {
	var body organizationBody
	if err := readBody(c, schemaNewOrganization, &body); err != nil {
		return err
	}
	chosen, err := body.change()
	if err != nil {
		return err
	}
	org, err := a.Console.CreateOrganization(c.Request.Context(), operatorActor, console.NewOrganization{
		Slug: body.Slug, Name: orZero(chosen.Name), Domains: orZero(chosen.Domains), RootEmail: orZero(chosen.RootEmail),
		Profile: orZero(chosen.Profile), SCIM: chosen.SCIM, SCIMPaused: orZero(chosen.SCIMPaused),
		Principal: orZero(chosen.Principal), DeletePolicy: orZero(chosen.DeletePolicy), SingleToken: orZero(chosen.SingleToken),
		Plan: orZero(chosen.Plan),
	})
	if err != nil {
		return err
	}
	telemetry.EventFrom(c.Request.Context()).SetOrganization(string(org.ID))
	return created(c, pathOrganizations+"/"+string(org.ID), a.organizationAnswer(org))
}

func (a *api) listOrganizations(c *gin.Context) error {
	paging, err := queryPaging(c)
	if err != nil {
		return err
	}
	page, err := a.Console.ListOrganizations(c.Request.Context(), console.OrganizationQuery{
		Slug: c.Query("slug"), Paging: paging,
	})
	if err != nil {
		return err
	}
	answer := organizationsAnswer{Organizations: []organizationAnswer{}, NextPageToken: page.NextPageToken}
	for _, org := range page.Organizations {
		answer.Organizations = append(answer.Organizations, a.organizationAnswer(org))
	}
	return answerJSON(c, http.StatusOK, answer)
}

func (a *api) getOrganization(c *gin.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	org, err := a.Console.GetOrganization(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return answerJSON(c, http.StatusOK, a.organizationAnswer(org))
}

func (a *api) updateOrganization(c *gin.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	var body organizationBody
	if err := readBody(c, schemaOrganizationChange, &body); err != nil {
		return err
	}
	change, err := body.change()
	if err != nil {
		return err
	}
	org, err := a.Console.UpdateOrganization(c.Request.Context(), operatorActor, id, change)
	if err != nil {
		return err
	}
	return answerJSON(c, http.StatusOK, a.organizationAnswer(org))
}

func (a *api) deleteOrganization(c *gin.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteOrganization(c.Request.Context(), operatorActor, id); err != nil {
		return err
	}
	return noContent(c)
}

var (
	schemaSlug = &schema{
		Type: types{"string"}, MaxLength: 63, Description: "Unique in the region: lower-case letters, digits, inner hyphens.",
	}
	schemaName    = &schema{Type: types{"string"}, MaxLength: 200}
	schemaDomains = &schema{
		Type: types{"array"}, MaxItems: 100, Items: &schema{Type: types{"string"}, MaxLength: 253},
		Description: "E-mail domains in their ASCII form, each in one organization of the region.",
	}
	schemaRoot = &schema{
		Name: "Root", Type: types{"object"}, Description: "The root user, whom SCIM never sees. An empty address takes it away.",
		Properties: map[string]*schema{"email": {Type: types{"string"}, MaxLength: 254}}, Required: []string{"email"},
	}
	schemaProfile = &schema{
		Type: types{"string"}, Enum: []string{"interop", "strict", "entra"},
		Description: "How strictly SCIM requests are read; interop when not given.",
	}
	schemaTime = &schema{Type: types{"string"}, Format: "date-time"}
	schemaText = &schema{Type: types{"string"}}

	schemaSCIMState = &schema{
		Type: types{"string"}, Enum: []string{"off", "requested", "approved", "active"},
		Description: "How far the organization is on its way to SCIM. The base URL works while it is active. Approved and active " +
			"want sign-in to be live, unless the region's settings say otherwise or the organization is made so.",
	}
	schemaSCIMPaused = &schema{
		Type: types{"boolean"}, Description: "The IdP is told to come back later (503); access and data stay as they are.",
	}
	schemaPrincipal = &schema{
		Type: types{"string"}, MaxLength: 100, Description: "What lists and logs call the IdP's connection; empty: " + console.DefaultPrincipal + ".",
	}
	schemaTokenMode = &schema{
		Type: types{"string"}, Enum: []string{tokenModeMany, tokenModeSingle},
		Description: "Whether several bearer tokens live side by side, or a new one voids the old one at once.",
	}
	schemaDeletePolicy = &schema{
		Type: types{"string"}, Enum: []string{"delete", "deactivate"},
		Description: "What becomes of a user that the IdP deletes: it may be restored for 30 days, or until somebody erases it.",
	}
	schemaPlan = &schema{
		Type: types{"string"}, MaxLength: 64, Description: "One of the plans of the region's settings; empty: the default plan.",
	}

	schemaSCIMBase = &schema{
		Type: types{"string"}, Format: "uri", Description: "What an administrator pastes into the IdP; given while SCIM is active.",
	}

	schemaNewOrganization = &schema{
		Name: "NewOrganization", Type: types{"object"},
		Properties: map[string]*schema{
			"slug": schemaSlug, "name": schemaName, "domains": schemaDomains, "root": schemaRoot, "scim_profile": schemaProfile,
			"scim": schemaSCIMState, "scim_paused": schemaSCIMPaused, "scim_principal": schemaPrincipal,
			"scim_token_mode": schemaTokenMode, "delete_policy": schemaDeletePolicy, "plan": schemaPlan,
		},
		Required: []string{"slug", "name"},
	}
	schemaOrganizationChange = &schema{
		Name: "OrganizationChange", Type: types{"object"}, Description: "Members that are not given stay as they are.",
		Properties: map[string]*schema{
			"name": schemaName, "domains": schemaDomains, "root": schemaRoot, "scim_profile": schemaProfile,
			"scim": schemaSCIMState, "scim_paused": schemaSCIMPaused, "scim_principal": schemaPrincipal,
			"scim_token_mode": schemaTokenMode, "delete_policy": schemaDeletePolicy, "plan": schemaPlan,
		},
	}
	schemaOrganization = &schema{
		Name: "Organization", Type: types{"object"},
		Properties: map[string]*schema{
			"id": schemaText, "slug": schemaSlug, "name": schemaName, "domains": schemaDomains, "root": schemaRoot,
			"scim_profile": schemaProfile,
			"scim":         schemaSCIMState, "scim_paused": schemaSCIMPaused, "scim_principal": schemaPrincipal,
			"scim_token_mode": schemaTokenMode, "delete_policy": schemaDeletePolicy, "plan": schemaPlan,
			"scim_base":  schemaSCIMBase,
			"login_url":  {Type: types{"string"}, Format: "uri"},
			"created_at": schemaTime, "updated_at": schemaTime,
		},
		Required: []string{
			"id", "slug", "name", "domains", "scim_profile", "scim", "scim_paused", "scim_principal", "scim_token_mode",
			"delete_policy", "plan", "login_url", "created_at", "updated_at",
		},
	}
	schemaOrganizations = &schema{
		Name: "Organizations", Type: types{"object"},
		Properties: map[string]*schema{
			"organizations":   {Type: types{"array"}, Items: schemaOrganization},
			"next_page_token": schemaNextPage,
		},
		Required: []string{"organizations"},
	}

	docCreateOrganization = &operation{
		id: "createOrganization", tag: "Organizations", summary: "Make an organization", request: schemaNewOrganization,
		status: http.StatusCreated, response: schemaOrganization, location: true,
		refusals: []int{http.StatusForbidden, http.StatusConflict},
	}
	docListOrganizations = &operation{
		id: "listOrganizations", tag: "Organizations", summary: "List organizations",
		query:  append([]parameter{{"slug", "Only the organization with this slug.", schemaSlug}}, pagingParameters...),
		status: http.StatusOK, response: schemaOrganizations,
	}
	docGetOrganization = &operation{
		id: "getOrganization", tag: "Organizations", summary: "Get an organization",
		status: http.StatusOK, response: schemaOrganization,
	}
	docUpdateOrganization = &operation{
		id: "updateOrganization", tag: "Organizations", summary: "Change an organization", request: schemaOrganizationChange,
		status: http.StatusOK, response: schemaOrganization,
		refusals: []int{http.StatusForbidden, http.StatusConflict},
	}
	docDeleteOrganization = &operation{
		id: "deleteOrganization", tag: "Organizations", summary: "Delete an organization and everything in it",
		description: "People, groups, tokens, connections and sessions of the organization are gone at once, for good.",
		status:      http.StatusNoContent,
	}
)
