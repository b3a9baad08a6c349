package admin

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// providerAnswer is what the region keeps of an identity provider, but for the documents themselves.
type providerAnswer struct {
	Issuer          string               `json:"issuer"`
	Fetched         *time.Time           `json:"fetched_at"`
	KeysFetched     *time.Time           `json:"keys_fetched_at"`
	ConnectionCount int                  `json:"connection_count"`
	Connections     []providerConnection `json:"connections"`
	Moves           []moveAnswer         `json:"moves"`
}

type providerConnection struct {
	Organization directory.OrganizationID `json:"organization"`
	ID           directory.ConnectionID   `json:"id"`
	Enabled      bool                     `json:"enabled"`
}

type moveAnswer struct {
	Endpoint string    `json:"endpoint"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	At       time.Time `json:"at"`
}

type providersAnswer struct {
	Providers     []providerAnswer `json:"providers"`
	NextPageToken string           `json:"next_page_token,omitempty"`
}

func providerAnswerOf(p *console.Provider) providerAnswer {
	answer := providerAnswer{
		Issuer: p.Issuer, Fetched: openapi.InstantOrNull(p.Metadata.Fetched), KeysFetched: openapi.InstantOrNull(p.Keys.Fetched),
		ConnectionCount: p.Connections, Connections: []providerConnection{}, Moves: []moveAnswer{},
	}
	for _, c := range p.Named {
		answer.Connections = append(answer.Connections, providerConnection{c.Organization, c.ID, c.Enabled})
	}
	for _, m := range slices.Backward(p.Moves) {
		answer.Moves = append(answer.Moves, moveAnswer{m.Endpoint, m.From, m.To, openapi.Instant(m.At)})
	}
	return answer
}

func (a *api) listProviders(c *gin.Context) error {
	paging, err := queryPaging(c)
	if err != nil {
		return err
	}
	page, err := a.Console.ListProviders(c.Request.Context(), console.ProviderQuery{Issuer: c.Query("issuer"), Paging: paging})
	if err != nil {
		return err
	}
	answer := providersAnswer{Providers: []providerAnswer{}, NextPageToken: page.NextPageToken}
	for i := range page.Providers {
		answer.Providers = append(answer.Providers, providerAnswerOf(&page.Providers[i]))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

var (
	schemaMove = &schema{
		Name: "Move", Type: types{"object"}, Description: "An endpoint that the discovery document named on another host than before.",
		Properties: map[string]*schema{
			"endpoint": {Type: types{"string"}, Description: "Its member of the discovery document."},
			"from":     {Type: types{"string"}, Description: "The host before."},
			"to":       {Type: types{"string"}, Description: "The host after; empty where the endpoint is named no longer."},
			"at":       schemaTime,
		},
		Required: []string{"endpoint", "from", "to", "at"},
	}
	schemaProviderConnection = &schema{
		Name: "ProviderConnection", Type: types{"object"},
		Properties: map[string]*schema{"organization": schemaText, "id": schemaText, "enabled": schemaFlag},
		Required:   []string{"organization", "id", "enabled"},
	}
	schemaProvider = &schema{
		Name: "Provider", Type: types{"object"}, Description: "What the region keeps of an identity provider.",
		Properties: map[string]*schema{
			"issuer": schemaText,
			"fetched_at": {
				Type: types{"string", "null"}, Format: "date-time", Description: "When its discovery document was had, to an hour.",
			},
			"keys_fetched_at": {
				Type: types{"string", "null"}, Format: "date-time", Description: "When its keys were had, to ten minutes.",
			},
			"connection_count": {Type: types{"integer"}, Description: "Connections to it, of all organizations."},
			"connections": {
				Type: types{"array"}, MaxItems: console.MaxNamedConnections, Items: schemaProviderConnection, Description: "Some of them.",
			},
			"moves": {
				Type: types{"array"}, MaxItems: directory.MaxProviderMoves, Items: schemaMove,
				Description: "Where its endpoints went to another host, the newest first.",
			},
		},
		Required: []string{"issuer", "fetched_at", "keys_fetched_at", "connection_count", "connections", "moves"},
	}
	schemaProviders = &schema{
		Name: "Providers", Type: types{"object"},
		Properties: map[string]*schema{
			"providers": {Type: types{"array"}, Items: schemaProvider}, "next_page_token": schemaNextPage,
		},
		Required: []string{"providers"},
	}

	docListProviders = &operation{
		ID: "listProviders", Tag: "Connections", Summary: "List the identity providers of the region, and where their endpoints moved",
		Query: append([]parameter{
			{Name: "issuer", Description: "Only this one, to the letter.", Schema: schemaText},
		}, pagingParameters...),
		Status: http.StatusOK, Response: schemaProviders,
	}
)
