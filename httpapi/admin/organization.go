package admin

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
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
	SignIn     *signInBody  `json:"sign_in"`
	BreakGlass *[]string    `json:"break_glass"`
	Phone      *phoneChange `json:"phone"`
}

// phoneChange is a change of a directory.PhonePolicy. Members that are not given stay.
type phoneChange struct {
	MayChange   *bool `json:"may_change"`
	MustConfirm *bool `json:"must_confirm"`
}

// signInBody is what an organization chooses about sessions and sign-in, as it is put. Members that are not given stay.
type signInBody struct {
	SessionLifetime *int64 `json:"session_lifetime"` // seconds
	SessionIdle     *int64 `json:"session_idle"`     // seconds
	RequireSSO      *bool  `json:"require_sso"`
}

// signInAnswer is signInBody as it is read.
type signInAnswer struct {
	SessionLifetime int64 `json:"session_lifetime"`
	SessionIdle     int64 `json:"session_idle"`
	RequireSSO      bool  `json:"require_sso"`
}

// phoneBody is a directory.PhonePolicy.
type phoneBody struct {
	MayChange   bool `json:"may_change"`
	MustConfirm bool `json:"must_confirm"`
}

// mayChange refuses what the role may not change about its organization; what is not named here is the operator's.
func (b organizationBody) mayChange(role openapi.Role) error {
	if role == openapi.Operator {
		return nil
	}
	b.Name, b.SignIn, b.BreakGlass, b.Phone = nil, nil, nil, nil
	if b != (organizationBody{}) {
		return directory.Errorf(directory.KindForbidden, "",
			"only name, sign_in, break_glass and phone may be changed here; the rest is for whoever runs the service")
	}
	return nil
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

	SignIn     signInAnswer `json:"sign_in"`
	BreakGlass []string     `json:"break_glass"`
	Phone      phoneBody    `json:"phone"`

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
		SignIn: signInAnswer{
			SessionLifetime: seconds(org.SignIn.Lifetime()), SessionIdle: seconds(org.SignIn.SessionIdle), RequireSSO: org.SignIn.RequireSSO,
		},
		BreakGlass: append([]string{}, org.BreakGlass...), Phone: phoneBody(org.Phone),
		LoginURL: a.Region.LoginURL + "/" + org.Slug,
		Created:  openapi.Instant(org.Created), Modified: openapi.Instant(org.Modified),
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

// seconds gives a span of ledger time as the API counts it.
func seconds(t directory.Time) int64 { return int64(t) / int64(time.Second/time.Microsecond) }

// maxSession bounds the life of a session, in seconds.
const maxSession = 30 * 24 * 3600

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
		BreakGlass: b.BreakGlass,
	}
	if b.Phone != nil {
		change.PhoneMayChange, change.PhoneMustConfirm = b.Phone.MayChange, b.Phone.MustConfirm
	}
	if b.SignIn != nil {
		change.SessionLifetime, change.SessionIdle = span(b.SignIn.SessionLifetime), span(b.SignIn.SessionIdle)
		change.RequireSSO = b.SignIn.RequireSSO
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

// span gives a number of seconds as a duration. The schema has bounded it.
func span(seconds *int64) *time.Duration {
	if seconds == nil {
		return nil
	}
	d := time.Duration(*seconds) * time.Second
	return &d
}

func (a *api) createOrganization(c *gin.Context) error {
	var body organizationBody
	if err := openapi.ReadBody(c, schemaNewOrganization, &body); err != nil {
		return err
	}
	chosen, err := body.change()
	if err != nil {
		return err
	}
	org, err := a.Console.CreateOrganization(c.Request.Context(), openapi.Actor(c), console.NewOrganization{
		Slug: body.Slug, Name: orZero(chosen.Name), Domains: orZero(chosen.Domains), RootEmail: orZero(chosen.RootEmail),
		Profile: orZero(chosen.Profile), SCIM: chosen.SCIM, SCIMPaused: orZero(chosen.SCIMPaused),
		Principal: orZero(chosen.Principal), DeletePolicy: orZero(chosen.DeletePolicy), SingleToken: orZero(chosen.SingleToken),
		Plan: orZero(chosen.Plan), BreakGlass: orZero(chosen.BreakGlass),
		Phone:           directory.PhonePolicy{MayChange: orZero(chosen.PhoneMayChange), MustConfirm: orZero(chosen.PhoneMustConfirm)},
		SessionLifetime: orZero(chosen.SessionLifetime), SessionIdle: orZero(chosen.SessionIdle), RequireSSO: orZero(chosen.RequireSSO),
	})
	if err != nil {
		return err
	}
	telemetry.EventFrom(c.Request.Context()).SetOrganization(string(org.ID))
	return openapi.Created(c, pathOrganizations+"/"+string(org.ID), a.organizationAnswer(org))
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
	return openapi.Answer(c, http.StatusOK, answer)
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
	return openapi.Answer(c, http.StatusOK, a.organizationAnswer(org))
}

func (a *api) updateOrganization(c *gin.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	var body organizationBody
	if err := openapi.ReadBody(c, schemaOrganizationChange, &body); err != nil {
		return err
	}
	if err := body.mayChange(openapi.CallerOf(c).Role); err != nil {
		return err
	}
	change, err := body.change()
	if err != nil {
		return err
	}
	org, err := a.Console.UpdateOrganization(c.Request.Context(), openapi.Actor(c), id, change)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.organizationAnswer(org))
}

func (a *api) deleteOrganization(c *gin.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteOrganization(c.Request.Context(), openapi.Actor(c), id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

var (
	schemaSlug = &schema{
		Type: types{"string"}, MaxLength: 63, Description: "Unique in the region: lower-case letters, digits, inner hyphens.",
	}
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

	schemaSignIn = &schema{
		Name: "SignInPolicy", Type: types{"object"}, Description: "What an organization chooses about sessions. Members that are not given stay as they are.",
		Properties: map[string]*schema{
			"session_lifetime": {
				Type: types{"integer"}, Minimum: 0, Maximum: maxSession,
				Description: "Seconds, a minute to 30 days, after which a session ends at the latest; 0 puts the default back, 12 hours.",
			},
			"session_idle": {
				Type: types{"integer"}, Minimum: 0, Maximum: maxSession,
				Description: "Seconds, a minute to 30 days, after which an unused session ends; 0: sessions do not end for want of use.",
			},
			"require_sso": {
				Type:        types{"boolean"},
				Description: "Invited people with an address in one of the organization's domains sign in through its identity provider only.",
			},
		},
	}
	schemaBreakGlass = &schema{
		Type: types{"array"}, MaxItems: directory.MaxBreakGlass, Items: &schema{Type: types{"string"}, MaxLength: 254},
		Description: "Addresses that may sign in, to the settings of sign-in only, when the identity provider fails; each in one of the " +
			"domains or below one.",
	}
	schemaPhone = &schema{
		Name: "PhonePolicy", Type: types{"object"}, Description: "What provisioned people may do with their telephone number; applications are told as organization.phone_policy.",
		Properties: map[string]*schema{
			"may_change":   {Type: types{"boolean"}, Description: "They may set another one themselves."},
			"must_confirm": {Type: types{"boolean"}, Description: "A changed one counts only once it is confirmed."},
		},
	}

	schemaNewOrganization = &schema{
		Name: "NewOrganization", Type: types{"object"},
		Properties: map[string]*schema{
			"slug": schemaSlug, "name": schemaName, "domains": schemaDomains, "root": schemaRoot, "scim_profile": schemaProfile,
			"scim": schemaSCIMState, "scim_paused": schemaSCIMPaused, "scim_principal": schemaPrincipal,
			"scim_token_mode": schemaTokenMode, "delete_policy": schemaDeletePolicy, "plan": schemaPlan,
			"sign_in": schemaSignIn, "break_glass": schemaBreakGlass, "phone": schemaPhone,
		},
		Required: []string{"slug", "name"},
	}
	schemaOrganizationChange = &schema{
		Name: "OrganizationChange", Type: types{"object"}, Description: "Members that are not given stay as they are.",
		Properties: map[string]*schema{
			"name": schemaName, "domains": schemaDomains, "root": schemaRoot, "scim_profile": schemaProfile,
			"scim": schemaSCIMState, "scim_paused": schemaSCIMPaused, "scim_principal": schemaPrincipal,
			"scim_token_mode": schemaTokenMode, "delete_policy": schemaDeletePolicy, "plan": schemaPlan,
			"sign_in": schemaSignIn, "break_glass": schemaBreakGlass, "phone": schemaPhone,
		},
	}
	schemaOrganization = &schema{
		Name: "Organization", Type: types{"object"},
		Properties: map[string]*schema{
			"id": schemaText, "slug": schemaSlug, "name": schemaName, "domains": schemaDomains, "root": schemaRoot,
			"scim_profile": schemaProfile,
			"scim":         schemaSCIMState, "scim_paused": schemaSCIMPaused, "scim_principal": schemaPrincipal,
			"scim_token_mode": schemaTokenMode, "delete_policy": schemaDeletePolicy, "plan": schemaPlan,
			"sign_in": schemaSignIn, "break_glass": schemaBreakGlass, "phone": schemaPhone,
			"scim_base":  schemaSCIMBase,
			"login_url":  {Type: types{"string"}, Format: "uri"},
			"created_at": schemaTime, "updated_at": schemaTime,
		},
		Required: []string{
			"id", "slug", "name", "domains", "scim_profile", "scim", "scim_paused", "scim_principal", "scim_token_mode",
			"delete_policy", "plan", "sign_in", "break_glass", "phone", "login_url", "created_at", "updated_at",
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
		ID: "createOrganization", Tag: "Organizations", Summary: "Make an organization", Request: schemaNewOrganization,
		Status: http.StatusCreated, Response: schemaOrganization, Location: true,
		Refusals: []int{http.StatusForbidden, http.StatusConflict},
	}
	docListOrganizations = &operation{
		ID: "listOrganizations", Tag: "Organizations", Summary: "List organizations",
		Query: append([]parameter{
			{Name: "slug", Description: "Only the organization with this slug.", Schema: schemaSlug},
		}, pagingParameters...),
		Status: http.StatusOK, Response: schemaOrganizations,
	}
	docGetOrganization = &operation{
		ID: "getOrganization", Tag: "Organizations", Summary: "Get an organization",
		Status: http.StatusOK, Response: schemaOrganization,
	}
	docUpdateOrganization = &operation{
		ID: "updateOrganization", Tag: "Organizations", Summary: "Change an organization", Request: schemaOrganizationChange,
		Description: "An owner may change name, sign_in, break_glass and phone.",
		Status:      http.StatusOK, Response: schemaOrganization,
		Refusals: []int{http.StatusForbidden, http.StatusConflict},
	}
	docDeleteOrganization = &operation{
		ID: "deleteOrganization", Tag: "Organizations", Summary: "Delete an organization and everything in it",
		Description: "People, groups, tokens, connections and sessions of the organization are gone at once, for good.",
		Status:      http.StatusNoContent,
	}
)
