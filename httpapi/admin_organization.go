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
}

// organizationAnswer is an organization as the API shows it, with the addresses that its people need.
type organizationAnswer struct {
	ID       string            `json:"id"`
	Slug     string            `json:"slug"`
	Name     string            `json:"name"`
	Domains  []string          `json:"domains"`
	Root     *rootBody         `json:"root,omitempty"`
	Profile  directory.Profile `json:"scim_profile"`
	SCIMBase string            `json:"scim_base"`
	LoginURL string            `json:"login_url"`
	Created  time.Time         `json:"created_at"`
	Modified time.Time         `json:"updated_at"`
}

type organizationsAnswer struct {
	Organizations []organizationAnswer `json:"organizations"`
	NextPageToken string               `json:"next_page_token,omitempty"`
}

func (a *api) organizationAnswer(org *directory.Organization) organizationAnswer {
	answer := organizationAnswer{
		ID: string(org.ID), Slug: org.Slug, Name: org.Name, Domains: org.Domains, Profile: org.Profile,
		SCIMBase: a.SCIM.Base(org.ID), LoginURL: a.Region.LoginURL + "/" + org.Slug,
		Created: instant(org.Created), Modified: instant(org.Modified),
	}
	if answer.Domains == nil {
		answer.Domains = []string{}
	}
	if org.RootEmail != "" {
		answer.Root = &rootBody{org.RootEmail}
	}
	return answer
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
	in := console.NewOrganization{Slug: body.Slug, Name: *body.Name}
	if body.Domains != nil {
		in.Domains = *body.Domains
	}
	if body.Root != nil {
		in.RootEmail = body.Root.Email
	}
	if body.Profile != nil {
		in.Profile = *body.Profile
	}
	org, err := a.Console.CreateOrganization(c.Request.Context(), operatorActor, in)
	if err != nil {
		return err
	}
	telemetry.EventFrom(c.Request.Context()).SetOrganization(string(org.ID))
	return created(c, pathOrganizations+"/"+string(org.ID), a.organizationAnswer(org))
}

func (a *api) listOrganizations(c *gin.Context) error {
	size, err := queryInt(c, "page_size")
	if err != nil {
		return err
	}
	page, err := a.Console.ListOrganizations(c.Request.Context(), console.OrganizationQuery{
		Slug: c.Query("slug"), PageSize: size, PageToken: c.Query("page_token"),
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
	change := console.OrganizationChange{Name: body.Name, Domains: body.Domains, Profile: body.Profile}
	if body.Root != nil {
		change.RootEmail = &body.Root.Email
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

	schemaNewOrganization = &schema{
		Name: "NewOrganization", Type: types{"object"},
		Properties: map[string]*schema{
			"slug": schemaSlug, "name": schemaName, "domains": schemaDomains, "root": schemaRoot, "scim_profile": schemaProfile,
		},
		Required: []string{"slug", "name"},
	}
	schemaOrganizationChange = &schema{
		Name: "OrganizationChange", Type: types{"object"}, Description: "Members that are not given stay as they are.",
		Properties: map[string]*schema{
			"name": schemaName, "domains": schemaDomains, "root": schemaRoot, "scim_profile": schemaProfile,
		},
	}
	schemaOrganization = &schema{
		Name: "Organization", Type: types{"object"},
		Properties: map[string]*schema{
			"id": schemaText, "slug": schemaSlug, "name": schemaName, "domains": schemaDomains, "root": schemaRoot,
			"scim_profile": schemaProfile,
			"scim_base":    {Type: types{"string"}, Format: "uri", Description: "What an administrator pastes into the IdP."},
			"login_url":    {Type: types{"string"}, Format: "uri"},
			"created_at":   schemaTime, "updated_at": schemaTime,
		},
		Required: []string{"id", "slug", "name", "domains", "scim_profile", "scim_base", "login_url", "created_at", "updated_at"},
	}
	schemaOrganizations = &schema{
		Name: "Organizations", Type: types{"object"},
		Properties: map[string]*schema{
			"organizations":   {Type: types{"array"}, Items: schemaOrganization},
			"next_page_token": {Type: types{"string"}, Description: "Given while there is another page."},
		},
		Required: []string{"organizations"},
	}

	docCreateOrganization = &operation{
		id: "createOrganization", tag: "Organizations", summary: "Make an organization", request: schemaNewOrganization,
		status: http.StatusCreated, response: schemaOrganization, location: true, refusals: []int{http.StatusConflict},
	}
	docListOrganizations = &operation{
		id: "listOrganizations", tag: "Organizations", summary: "List organizations",
		query: []parameter{
			{"slug", "Only the organization with this slug.", schemaSlug},
			{"page_size", "How many organizations one answer has at most.", &schema{
				Type: types{"integer"}, Minimum: 1, Maximum: console.MaxPageSize, Default: console.DefaultPageSize,
			}},
			{"page_token", "The next_page_token of the answer before.", schemaText},
		},
		status: http.StatusOK, response: schemaOrganizations,
	}
	docGetOrganization = &operation{
		id: "getOrganization", tag: "Organizations", summary: "Get an organization",
		status: http.StatusOK, response: schemaOrganization,
	}
	docUpdateOrganization = &operation{
		id: "updateOrganization", tag: "Organizations", summary: "Change an organization", request: schemaOrganizationChange,
		status: http.StatusOK, response: schemaOrganization, refusals: []int{http.StatusConflict},
	}
	docDeleteOrganization = &operation{
		id: "deleteOrganization", tag: "Organizations", summary: "Delete an organization and everything in it",
		description: "People, groups, tokens, connections and sessions of the organization are gone at once, for good.",
		status:      http.StatusNoContent,
	}
)
