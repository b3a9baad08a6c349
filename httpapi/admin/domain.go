package admin

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// domainBody is a domain that an organization claims.
type domainBody struct {
	Name string `json:"name"`
}

// domainAnswer is a domain or a claim to one as the API shows it.
type domainAnswer struct {
	Name     string            `json:"name"`
	State    string            `json:"state"`
	Belongs  bool              `json:"belongs"`
	Record   *domainRecord     `json:"record,omitempty"` // of a claim
	Claimed  *time.Time        `json:"claimed_at"`
	Verified *time.Time        `json:"verified_at"`
	Checked  *time.Time        `json:"checked_at"`
	Missing  *time.Time        `json:"missing_since"`
	Look     *domainLookAnswer `json:"look,omitempty"` // only where it was looked at just now
}

// domainRecord is the TXT record that proves a claim.
type domainRecord struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type domainLookAnswer struct {
	Outcome   console.LookOutcome `json:"outcome"`
	Resolvers []sightingAnswer    `json:"resolvers"`
}

type sightingAnswer struct {
	Records []string `json:"records"`
	Problem string   `json:"problem,omitempty"`
}

type domainsAnswer struct {
	Domains []domainAnswer `json:"domains"`
}

// stateAccepted is the state of a domain that the operator gave; nobody proved it.
const stateAccepted = "accepted"

func stateOfDomain(claim *console.Claim) string {
	if claim.Domain == nil {
		if claim.Belongs {
			return stateAccepted
		}
		return stateUnclaimed
	}
	return claim.State.String()
}

// stateUnclaimed is the state of a domain that a request names and whose claim was given up.
const stateUnclaimed = "unclaimed"

func newDomainAnswer(claim *console.Claim) domainAnswer {
	answer := domainAnswer{Name: claim.Name, State: stateOfDomain(claim), Belongs: claim.Belongs}
	if claim.Domain == nil {
		return answer
	}
	answer.Record = &domainRecord{Type: "TXT", Name: claim.RecordName(), Value: claim.RecordValue()}
	answer.Claimed, answer.Verified = openapi.InstantOrNull(claim.Created), openapi.InstantOrNull(claim.Verified)
	answer.Checked, answer.Missing = openapi.InstantOrNull(claim.Checked), openapi.InstantOrNull(claim.Missing)
	return answer
}

func (a *api) claimDomain(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	var body domainBody
	if err := openapi.ReadBody(c, schemaNewDomain, &body); err != nil {
		return err
	}
	claim, err := a.Console.ClaimDomain(c.Request.Context(), openapi.Actor(c), org, body.Name)
	if err != nil {
		return err
	}
	return openapi.Created(c, pathOrganizations+"/"+string(org)+"/domains/"+claim.Name, newDomainAnswer(&claim))
}

func (a *api) listDomains(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	claims, err := a.Console.ListDomains(c.Request.Context(), org)
	if err != nil {
		return err
	}
	answer := domainsAnswer{Domains: []domainAnswer{}}
	for i := range claims {
		answer.Domains = append(answer.Domains, newDomainAnswer(&claims[i]))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) getDomain(c *gin.Context) error {
	org, name, err := domainName(c)
	if err != nil {
		return err
	}
	claim, err := a.Console.GetDomain(c.Request.Context(), org, name)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, newDomainAnswer(&claim))
}

func (a *api) verifyDomain(c *gin.Context) error {
	org, name, err := domainName(c)
	if err != nil {
		return err
	}
	claim, look, err := a.Console.VerifyDomain(c.Request.Context(), openapi.Actor(c), org, name)
	if err != nil {
		return err
	}
	answer := newDomainAnswer(&claim)
	answer.Look = &domainLookAnswer{Outcome: look.Outcome, Resolvers: []sightingAnswer{}}
	for _, sighting := range look.Sightings {
		answer.Look.Resolvers = append(answer.Look.Resolvers, sightingAnswer(sighting))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) deleteDomain(c *gin.Context) error {
	org, name, err := domainName(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteDomain(c.Request.Context(), openapi.Actor(c), org, name); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

// domainName reads an organization's id and a domain's name from the path.
func domainName(c *gin.Context) (directory.OrganizationID, string, error) {
	org, err := organizationID(c)
	if err != nil {
		return "", "", err
	}
	name := c.Param("name")
	if directory.ValidateDomain(name) != nil {
		return "", "", directory.Errorf(directory.KindNotFound, "", "there is nothing with this name")
	}
	return org, name, nil
}

var (
	schemaDomainName  = &schema{Type: types{"string"}, MaxLength: 253}
	schemaDomainState = &schema{
		Type: types{"string"}, Enum: []string{"pending", "verified", "lost", stateAccepted, stateUnclaimed},
		Description: "pending: claimed and not proved. verified: proved. lost: it was proved, and the record has gone for good. accepted: " +
			"the operator gave it; nobody proved it. unclaimed: a request names it, and its claim was given up.",
	}
	schemaBelongs   = &schema{Type: types{"boolean"}, Description: "It leads people to the organization now."}
	schemaMaybeTime = &schema{Type: types{"string", "null"}, Format: "date-time"}
	schemaNewDomain = &schema{
		Name: "NewDomain", Type: types{"object"},
		Properties: map[string]*schema{"name": schemaDomainName}, Required: []string{"name"},
	}
	schemaDomain = &schema{
		Name: "Domain", Type: types{"object"},
		Properties: map[string]*schema{
			"name": schemaDomainName, "state": schemaDomainState, "belongs": schemaBelongs, "record": schemaDomainRecord,
			"claimed_at": schemaMaybeTime, "verified_at": schemaMaybeTime, "checked_at": schemaMaybeTime,
			"missing_since": schemaMaybeTime, "look": schemaDomainLook,
		},
		Required: []string{"name", "state", "belongs", "claimed_at", "verified_at", "checked_at", "missing_since"},
	}
	schemaDomainRecord = &schema{
		Name: "DomainRecord", Type: types{"object"}, Description: "What proves the claim, in the domain's DNS.",
		Properties: map[string]*schema{"type": schemaText, "name": schemaText, "value": schemaText},
		Required:   []string{"type", "name", "value"},
	}
	schemaDomainLook = &schema{
		Name: "DomainLook", Type: types{"object"}, Description: "What was found just now.",
		Properties: map[string]*schema{
			"outcome": {
				Type: types{"string"},
				Enum: []string{string(console.LookFound), string(console.LookMissing), string(console.LookUnclear)},
				Description: "found: every resolver that answered sees the record. missing: none does. unclear: they differ, or none " +
					"answered; it counts for nothing.",
			},
			"resolvers": {Type: types{"array"}, Items: schemaSighting},
		},
		Required: []string{"outcome", "resolvers"},
	}
	schemaSighting = &schema{
		Name: "DomainSighting", Type: types{"object"}, Description: "What one of the region's DNS resolvers said.",
		Properties: map[string]*schema{
			"records": {Type: types{"array"}, Items: schemaText, Description: "The TXT records at the name; at most 20."},
			"problem": {Type: types{"string"}, Description: "Why there is no answer."},
		},
		Required: []string{"records"},
	}
	schemaDomainList = &schema{
		Name: "Domains", Type: types{"object"},
		Properties: map[string]*schema{"domains": {Type: types{"array"}, Items: schemaDomain}},
		Required:   []string{"domains"},
	}

	docClaimDomain = &operation{
		ID: "claimDomain", Tag: "Domains", Summary: "Claim an e-mail domain",
		Description: "The answer says which TXT record proves it. A claim that is there already stays as it is.",
		Request:     schemaNewDomain, Status: http.StatusCreated, Response: schemaDomain, Location: true,
		Refusals: []int{http.StatusConflict},
	}
	docListDomains = &operation{
		ID: "listDomains", Tag: "Domains", Summary: "List an organization's domains and claims",
		Status: http.StatusOK, Response: schemaDomainList,
	}
	docGetDomain = &operation{
		ID: "getDomain", Tag: "Domains", Summary: "Get a domain or claim", Status: http.StatusOK, Response: schemaDomain,
	}
	docVerifyDomain = &operation{
		ID: "verifyDomain", Tag: "Domains", Summary: "Look for the TXT record of a claim now",
		Description: "Asks every DNS resolver of the region. A proved domain is looked at again every week; it is lost after three " +
			"looks over seven days that found no record.",
		CallsOut: true, Status: http.StatusOK, Response: schemaDomain, Refusals: []int{http.StatusConflict, http.StatusTooManyRequests},
	}
	docDeleteDomain = &operation{
		ID: "deleteDomain", Tag: "Domains", Summary: "Give up a domain", Status: http.StatusNoContent,
		Refusals: []int{http.StatusConflict},
	}
)
