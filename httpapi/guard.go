package httpapi

import (
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"

	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/oidc"
	"domicile/seal"
)

// operatorActor names the operator in the ledger.
const operatorActor = "operator"

// admit lets those into a route of the API who may use it, and notes who they are.
func (a *api) admit(least openapi.Role, run openapi.Handler) handler {
	return func(c *gin.Context) error {
		caller, err := a.callerOf(c, least)
		if err != nil {
			return err
		}
		openapi.SetCaller(c, caller)
		return run(c)
	}
}

// callerOf finds out who asks for what is for least and the roles above it. A token comes first: whoever sends one means it.
func (a *api) callerOf(c *gin.Context, least openapi.Role) (openapi.Caller, error) {
	token, given := bearer(c.Request)
	switch {
	case given:
		if a.OperatorTokenHash == [32]byte{} || !seal.EqualHash(seal.HashToken(token), a.OperatorTokenHash) {
			return openapi.Caller{}, directory.Errorf(directory.KindUnauthenticated, "",
				"this is not the operator's token of region %s", a.Region.ID)
		}
		return openapi.Caller{Actor: operatorActor, Role: openapi.Operator}, nil
	case openapi.Owner.May(least) && a.sessionToken(c.Request) != "":
		return a.ownerOf(c, least)
	default:
		return openapi.Caller{}, directory.Errorf(directory.KindUnauthenticated, "",
			"the operator's token is required: Authorization: Bearer …")
	}
}

// ownerOf finds the organization's root user, or the break-glass address that stands for it, behind the session cookie of a
// request to one of the organization's own routes. Of other organizations it says what it says of those that are not there.
func (a *api) ownerOf(c *gin.Context, least openapi.Role) (openapi.Caller, error) {
	if err := a.notForged(c.Request); err != nil {
		return openapi.Caller{}, err
	}
	who, err := a.who(c)
	if err != nil {
		return openapi.Caller{}, err
	}
	caller, owns := ownership(who)
	if !owns {
		return openapi.Caller{}, directory.Errorf(directory.KindForbidden, "", "only the organization's root user may do this")
	}
	if id := c.Param("id"); id != string(who.Organization.ID) {
		return openapi.Caller{}, directory.Errorf(directory.KindNotFound, "", "there is no organization %q", directory.Cut(id, openapi.MaxPathID))
	}
	if !caller.Role.May(least) {
		return openapi.Caller{}, directory.Errorf(directory.KindForbidden, "", "a break-glass session may change the settings of sign-in only")
	}
	return caller, nil
}

// ownership says whether somebody who is signed in acts for the organization. An address that is not the root user's, or
// not one of the break-glass addresses, any more does not, although its session may still be there.
func ownership(who oidc.Who) (openapi.Caller, bool) {
	if who.User.Source != directory.SourceRoot {
		return openapi.Caller{}, false
	}
	id, org := string(who.User.ID), who.Organization
	switch who.Session.Kind {
	case directory.SessionLocal:
		return openapi.Caller{Actor: "user:" + id, Role: openapi.Owner}, org.Stands(who.User.Email()) == directory.StandingRoot
	case directory.SessionBreakGlass:
		return openapi.Caller{Actor: "break-glass:" + string(who.Session.ID), Role: openapi.BreakGlass},
			org.Stands(who.Session.Email) == directory.StandingBreakGlass
	default:
		return openapi.Caller{}, false
	}
}

// notForged refuses a request that changes something and that another site may have sent with the person's cookie: it must
// come from one of our own pages, and be of a type that no form can have.
func (a *api) notForged(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if !a.sameOrigin(r) {
		return directory.Errorf(directory.KindForbidden, "", "the request did not come from one of our own pages")
	}
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return &openapi.StatusError{Status: http.StatusUnsupportedMediaType, Detail: "with a session, a request that changes something has Content-Type: application/json"}
	}
	return nil
}
