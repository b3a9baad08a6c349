package scim

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

// Caller is what is known of a request before it is authenticated.
type Caller struct {
	Authorization string // the header (RFC 6750 §2.1)
	RequestID     string // by which logs and the answer's headers know the request
	UserAgent     string // the header
	IP            string // from where it came
}

// Actor is who asks: a token of one organization, and the request that it came with. It is good for that request only.
type Actor struct {
	Organization directory.OrganizationID
	Token        directory.TokenID
	Profile      directory.Profile
	RequestID    string
	Client       string // the product of the User-Agent
	Rate         int    // requests per second that the organization may send to a node; 0 is unlimited

	types *types // of the organization, as this node knew them when the request came; nil: not looked up
}

// Authenticate checks a token against the organization that the URL names. Whatever is wrong with it, the caller learns
// only that it is not accepted; a token that says it was made in another region is told where to go, without looking
// anything up. A good token of an organization that is not served is told why: 404 where SCIM is not active, 403 where the
// plan leaves it out, 503 while it is paused. KindUnavailable when this node may not answer.
//
// Tokens are looked up in the node's own memory. Only a refusal of what could be ours costs a confirmed view, because some
// refusals make identity providers stop: what is missing may have been made on another node a moment ago.
func (e *Engine) Authenticate(ctx context.Context, org directory.OrganizationID, c Caller) (Actor, error) {
	scheme, bearer, _ := strings.Cut(c.Authorization, " ")
	bearer = strings.TrimSpace(bearer)
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		return Actor{}, unauthenticated("send the organization's SCIM token as: Authorization: Bearer <token>")
	}
	region, ours := seal.TokenRegion(bearer)
	if ours && region != e.Region.ID {
		return Actor{}, e.wrongRegion(region)
	}
	hash := directory.Hash(seal.HashToken(bearer))
	actor, err := e.lookUp(ctx, org, hash, state.Local())
	if err != nil && ours && directory.KindOf(err) != directory.KindUnavailable {
		actor, err = e.lookUp(ctx, org, hash, state.Confirmed())
	}
	if err != nil {
		return Actor{}, err
	}
	e.Recorder.Used(org, actor.Token, e.now(), c.IP)
	actor.RequestID, actor.Client = c.RequestID, product(c.UserAgent)
	return actor, nil
}

func (e *Engine) lookUp(ctx context.Context, org directory.OrganizationID, hash directory.Hash, f state.Freshness) (Actor, error) {
	view, err := e.Viewer.View(ctx, f)
	if err != nil {
		return Actor{}, err
	}
	token, ok := view.TokenByHash(hash)
	if !ok || token.Organization != org || !token.Opens(e.now()) {
		return Actor{}, unauthenticated("")
	}
	d, ok := view.Directory(org)
	if !ok {
		return Actor{}, unauthenticated("")
	}
	if err := served(d.Organization(), view.Settings()); err != nil {
		return Actor{}, err
	}
	actor, err := e.actorOf(d)
	actor.Token, actor.Rate = token.ID, view.Settings().Rate()
	return actor, err
}

// actorOf is an actor of an organization without a token.
func (e *Engine) actorOf(d *state.Directory) (Actor, error) {
	t, err := e.types.get(d)
	return Actor{Organization: d.Organization().ID, Profile: d.Organization().Profile, types: t}, err
}

// pauseSeconds is when identity providers are asked to come back to an organization that is paused.
const pauseSeconds = 300

// served refuses the requests of an organization that may not use SCIM now.
func served(o *directory.Organization, settings *directory.Settings) error {
	switch settings.BarOf(o) {
	case directory.BarState:
		return &Fault{Status: statusNotFound, Detail: fmt.Sprintf(
			"SCIM is not active for this organization: it is %s; the token is good and will work once SCIM is active", o.SCIM)}
	case directory.BarPlan:
		plan := settings.Allows(o.Plan)
		return &Fault{Status: statusForbidden, Detail: fmt.Sprintf(
			"this organization's plan %s does not include SCIM; whoever runs the service can change the plan", inQuotes(cmp.Or(plan.Name, "(none)")))}
	case directory.BarPaused:
		return &Fault{Status: statusUnavailable, RetryAfter: pauseSeconds, Detail: "SCIM is paused for this organization; " +
			"nothing is lost, what was provisioned stays as it is, come back later"}
	}
	return nil
}

func inQuotes(name string) string { return `"` + name + `"` }

func (e *Engine) wrongRegion(id string) error {
	for _, region := range e.Regions {
		if region.ID == id {
			return unauthenticated(fmt.Sprintf("this token belongs to region %s (%s); use the base URL that begins with %s",
				region.ID, region.Name, baseOf(region, "")))
		}
	}
	return unauthenticated("")
}

// unauthenticated is the one 401; without a detail it says nothing about why.
func unauthenticated(detail string) error {
	if detail == "" {
		detail = "the bearer token is not accepted for this base URL; check the token and the URL, or create a new token"
	}
	return directory.Errorf(directory.KindUnauthenticated, "", "%s", detail)
}

// maxClient bounds what is kept of a User-Agent.
const maxClient = 80

// product is what a User-Agent says before its comments (RFC 9110 §10.1.5): "Okta SCIM Client 1.0.0".
func product(agent string) string {
	agent, _, _ = strings.Cut(agent, "(")
	agent = strings.TrimSpace(agent[:min(len(agent), maxClient)])
	if strings.ContainsFunc(agent, unprintable) {
		return ""
	}
	return agent
}

func unprintable(c rune) bool { return c < ' ' || c > '~' }
