package admin

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/httpapi/openapi"
)

// linkAnswer is an identity at a provider that is tied to a user.
type linkAnswer struct {
	ID         string    `json:"id"`
	User       string    `json:"user"`
	UserName   string    `json:"user_name"`
	Connection string    `json:"connection"`
	Issuer     string    `json:"issuer"`
	Subject    string    `json:"subject"`
	Created    time.Time `json:"created_at"`
}

type linksAnswer struct {
	Links         []linkAnswer `json:"links"`
	NextPageToken string       `json:"next_page_token,omitempty"`
}

func newLinksAnswer(links []console.Link, next string) linksAnswer {
	answer := linksAnswer{Links: []linkAnswer{}, NextPageToken: next}
	for _, link := range links {
		answer.Links = append(answer.Links, linkAnswer{
			ID: link.ID, User: string(link.User), UserName: link.UserName, Connection: string(link.Connection), Issuer: link.Issuer,
			Subject: link.Subject, Created: openapi.Instant(link.Created),
		})
	}
	return answer
}

func (a *api) listLinks(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	paging, err := queryPaging(c)
	if err != nil {
		return err
	}
	page, err := a.Console.ListLinks(c.Request.Context(), org, paging)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, newLinksAnswer(page.Links, page.NextPageToken))
}

func (a *api) listUserLinks(c *gin.Context) error {
	org, user, err := userIDs(c)
	if err != nil {
		return err
	}
	links, err := a.Console.LinksOf(c.Request.Context(), org, user)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, newLinksAnswer(links, ""))
}

func (a *api) deleteLink(c *gin.Context) error {
	org, user, err := userIDs(c)
	if err != nil {
		return err
	}
	id, err := openapi.PathID(c, "link")
	if err != nil {
		return err
	}
	if err := a.Console.DeleteLink(c.Request.Context(), openapi.Actor(c), org, user, id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

var (
	schemaLink = &schema{
		Name: "Link", Type: types{"object"}, Description: "An identity at a provider that is tied to a user: whoever it is there is the user here.",
		Properties: map[string]*schema{
			"id": schemaText, "user": schemaText, "user_name": schemaText, "connection": schemaText, "issuer": schemaText,
			"subject": {Type: types{"string"}, Description: "Who the person is to the provider."}, "created_at": schemaTime,
		},
		Required: []string{"id", "user", "user_name", "connection", "issuer", "subject", "created_at"},
	}
	schemaLinks = &schema{
		Name: "Links", Type: types{"object"},
		Properties: map[string]*schema{"links": {Type: types{"array"}, Items: schemaLink}, "next_page_token": schemaNextPage},
		Required:   []string{"links"},
	}

	docListLinks = &operation{
		ID: "listLinks", Tag: "Links", Summary: "List the identities that are tied to users", Query: pagingParameters,
		Status: http.StatusOK, Response: schemaLinks, Refusals: []int{http.StatusNotFound},
	}
	docListUserLinks = &operation{
		ID: "listUserLinks", Tag: "Links", Summary: "List the identities that are tied to a user",
		Status: http.StatusOK, Response: schemaLinks,
	}
	docDeleteLink = &operation{
		ID: "deleteLink", Tag: "Links", Summary: "Untie an identity from a user",
		Description: "The user's sessions through the connection end. At the next sign-in the identity is tied anew, by the rules of the first time.",
		Status:      http.StatusNoContent,
	}
)
