package httpapi

import (
	"net/http"
	"slices"
	"time"

	"domicile/console/ui"
	"domicile/httpapi/admin"
	"domicile/httpapi/openapi"
	"domicile/oidc/local"
	"domicile/scim"
)

// route is one row of the page of all URLs.
type route struct {
	method  string
	path    string
	class   *class
	handler handler
	doc     *openapi.Operation // what the OpenAPI document says; of every /api/v1 route, nil elsewhere
}

// class is what routes of one kind have in common.
type class struct {
	name     string        // in metrics
	protocol *protocol     // how errors are said
	maxBody  int64         // bytes
	timeout  time.Duration // of the whole answer; 0: none
}

// The classes. Their timeouts are above the 5 s that a write waits for a leader.
var (
	classSCIM = &class{name: "scim", protocol: protocolSCIM, maxBody: 1 << 20, timeout: 20 * time.Second}
	// What a SCIM read waits for, its confirmation, has a bound of its own; it is spared the timer.
	classSCIMRead = &class{name: "scim", protocol: protocolSCIM, maxBody: 1 << 20}
	classAdmin    = &class{name: "admin", protocol: protocolProblem, maxBody: 64 << 10, timeout: 20 * time.Second}
	// What lists thousands of ids, or carries a document of its own.
	classAdminLarge = &class{name: "admin", protocol: protocolProblem, maxBody: 1 << 20, timeout: 20 * time.Second}
	classBackup     = &class{name: "backup", protocol: protocolProblem, maxBody: 0}
	classAPI        = &class{name: "api", protocol: protocolProblem, maxBody: 64 << 10, timeout: 10 * time.Second}
	classSignIn     = &class{name: "signin", protocol: protocolPage, maxBody: 64 << 10, timeout: 30 * time.Second}
	classStatic     = &class{name: "static", protocol: protocolPage, maxBody: 0, timeout: 10 * time.Second}
	classStranger   = &class{name: "stranger", maxBody: 0, timeout: 10 * time.Second} // no route; the protocol follows the path
)

// routes is every URL of the product.
func (a *api) routes() []route {
	return slices.Concat(a.scimRoutes(), a.signInRoutes(), a.logoutRoutes(), a.localRoutes(), a.oauthRoutes(), a.appRoutes(), a.apiRoutes())
}

// scimRoutes is the IdP's door (RFC 7644 §3.2).
func (a *api) scimRoutes() []route {
	d := &scimDoor{api: a, engine: a.SCIM, large: make(largeGate, maxLarge)}
	users, groups := scim.Users, scim.Groups
	d.spelt = []route{
		{http.MethodGet, pathSCIM, classSCIMRead, d.as(d.listAll), nil},
		{http.MethodPost, pathSCIM + "/.search", classSCIM, d.searchAll(), nil},
		{http.MethodPost, pathSCIM + "/Bulk", classSCIM, d.bulk(), nil},

		{http.MethodGet, pathSCIM + "/Users", classSCIMRead, d.list(users), nil},
		{http.MethodPost, pathSCIM + "/Users", classSCIM, d.create(users), nil},
		{http.MethodPost, pathSCIM + "/Users/.search", classSCIM, d.search(users), nil},
		{http.MethodGet, pathSCIM + "/Users/:id", classSCIMRead, d.get(users), nil},
		{http.MethodPut, pathSCIM + "/Users/:id", classSCIM, d.replace(users), nil},
		{http.MethodPatch, pathSCIM + "/Users/:id", classSCIM, d.patch(users), nil},
		{http.MethodDelete, pathSCIM + "/Users/:id", classSCIM, d.delete(users), nil},

		{http.MethodGet, pathSCIM + "/Groups", classSCIMRead, d.list(groups), nil},
		{http.MethodPost, pathSCIM + "/Groups", classSCIMGroups, d.create(groups), nil},
		{http.MethodPost, pathSCIM + "/Groups/.search", classSCIM, d.search(groups), nil},
		{http.MethodGet, pathSCIM + "/Groups/:id", classSCIMRead, d.get(groups), nil},
		{http.MethodPut, pathSCIM + "/Groups/:id", classSCIMGroups, d.replace(groups), nil},
		{http.MethodPatch, pathSCIM + "/Groups/:id", classSCIMGroups, d.patch(groups), nil},
		{http.MethodDelete, pathSCIM + "/Groups/:id", classSCIM, d.delete(groups), nil},

		{http.MethodGet, pathSCIM + "/Me", classSCIM, d.as(d.me), nil},
		{http.MethodPost, pathSCIM + "/Me", classSCIM, d.as(d.me), nil},
		{http.MethodPut, pathSCIM + "/Me", classSCIM, d.as(d.me), nil},
		{http.MethodPatch, pathSCIM + "/Me", classSCIM, d.as(d.me), nil},
		{http.MethodDelete, pathSCIM + "/Me", classSCIM, d.as(d.me), nil},

		{http.MethodGet, pathSCIM + "/ServiceProviderConfig", classSCIM, d.public(d.config), nil},
		{http.MethodGet, pathSCIM + "/ServiceProviderConfigs", classSCIM, d.public(d.config), nil}, // its name in SCIM 1.1
		{http.MethodGet, pathSCIM + "/ResourceTypes", classSCIM, d.public(d.resourceTypes), nil},
		{http.MethodGet, pathSCIM + "/ResourceTypes/:id", classSCIM, d.public(d.resourceType), nil},
		{http.MethodGet, pathSCIM + "/Schemas", classSCIM, d.public(d.schemas), nil},
		{http.MethodGet, pathSCIM + "/Schemas/:id", classSCIM, d.public(d.schema), nil},
	}
	// Whatever is spelt in other letter cases, and what is not there at all. OPTIONS is not there: asked for it, this page
	// says which methods are, where the router would count the methods of these patterns.
	all := d.spelt
	for _, method := range []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		all = append(all,
			route{method, pathSCIM + "/:endpoint", classSCIMGroups, d.misspelt, nil},
			route{method, pathSCIM + "/:endpoint/:id", classSCIMGroups, d.misspelt, nil})
	}
	return all
}

// signInRoutes is the person's door.
func (a *api) signInRoutes() []route {
	start := func(next handler) handler { return a.throttled(throttleStart, next) }
	begin := func(next handler) handler { return start(a.atHome(next)) }
	finish := a.throttled(throttleCallback, a.finishSignIn)
	return []route{
		{http.MethodGet, "/", classSignIn, a.home, nil},
		{http.MethodGet, pathLogin, classSignIn, begin(a.login), nil},
		{http.MethodPost, pathLogin, classSignIn, start(a.initiate), nil},
		{http.MethodGet, pathStart, classSignIn, a.above, nil},
		{http.MethodPost, pathStart, classSignIn, start(a.startSignIn), nil},
		{http.MethodGet, pathLogin + "/:slug", classSignIn, begin(a.loginOrganization), nil},
		{http.MethodGet, pathLogin + "/initiate/:connection", classSignIn, begin(a.initiate), nil},
		{http.MethodPost, pathLogin + "/initiate/:connection", classSignIn, start(a.initiate), nil},
		{http.MethodGet, "/signin-oidc", classSignIn, finish, nil},
		{http.MethodPost, "/signin-oidc", classSignIn, finish, nil},
		{http.MethodGet, "/signin-oidc/:connection", classSignIn, finish, nil},
		{http.MethodPost, "/signin-oidc/:connection", classSignIn, finish, nil},
		{http.MethodGet, "/.well-known/client-keys.json", classSignIn, a.clientKeys, nil},
		{http.MethodGet, "/.well-known/client-certificate.pem", classSignIn, a.clientCertificate, nil},
		{http.MethodGet, pathSession, classAPI, a.getSession, docSession},
		{http.MethodGet, pathSessions, classAPI, a.listOwnSessions, docListOwnSessions},
		{http.MethodDelete, pathSessions, classAPI, a.endOtherSessions, docEndOtherSessions},
		{http.MethodDelete, pathSessions + "/:session", classAPI, a.endOwnSession, docEndOwnSession},
		{http.MethodGet, ui.StaticRoot + ":file", classStatic, a.asset, nil},
	}
}

// localRoutes is the door of people without an identity provider.
func (a *api) localRoutes() []route {
	if a.Local == nil {
		return nil
	}
	few := func(next handler) handler { return a.throttled(throttleCode, next) }
	setup := local.SetupPath + ":token"
	routes := []route{
		{http.MethodPost, entranceInvited.path + "/mail", classSignIn, few(a.signInWithMail), nil},
		{http.MethodPost, entranceEmergency.path + "/recovery", classSignIn, few(a.signInWithRecovery), nil},

		{http.MethodGet, setup, classSignIn, few(a.setUp), nil},
		{http.MethodPost, setup + "/passkey", classSignIn, few(a.setUpPasskey), nil},
		{http.MethodPost, setup + "/codes", classSignIn, few(a.setUpCodes), nil},

		{http.MethodGet, pathKeys, classSignIn, a.keys, nil},
		{http.MethodPost, pathKeys + "/passkey", classSignIn, a.changeKeys(a.addKey), nil},
		{http.MethodPost, pathKeys + "/remove", classSignIn, a.changeKeys(a.removeKey), nil},
		{http.MethodPost, pathKeys + "/codes", classSignIn, a.changeKeys(a.renewCodes), nil},
	}
	for _, e := range []*entrance{entranceInvited, entranceEmergency} {
		routes = append(routes,
			route{http.MethodGet, e.path, classSignIn, a.throttled(throttleStart, a.atHome(a.enterLocal(e))), nil},
			route{http.MethodPost, e.path + "/passkey", classSignIn, few(a.signInWithPasskey(e)), nil},
			route{http.MethodGet, e.code(), classSignIn, a.enterCode(e), nil},
			route{http.MethodPost, e.code(), classSignIn, few(a.signInWithCode(e)), nil})
	}
	for _, posted := range []string{
		entranceInvited.path + "/mail", entranceInvited.path + "/passkey",
		entranceEmergency.path + "/recovery", entranceEmergency.path + "/passkey",
		setup + "/passkey", setup + "/codes", pathKeys + "/passkey", pathKeys + "/remove", pathKeys + "/codes",
	} {
		routes = append(routes, route{http.MethodGet, posted, classSignIn, a.above, nil})
	}
	return routes
}

// apiClasses are the classes of the routes that admit guards.
var apiClasses = map[openapi.Class]*class{
	openapi.Normal: classAdmin, openapi.Large: classAdminLarge, openapi.Backup: classBackup,
}

// apiRoutes is the operator's and the owners' door, and the document that describes it; admin/routes.go lists its URLs, and
// who may use each.
func (a *api) apiRoutes() []route {
	routes := []route{{http.MethodGet, "/api/v1/openapi.json", classAPI, a.getOpenAPI, docOpenAPI}}
	for _, r := range admin.Routes(admin.Deps{
		Console: a.Console, SCIM: a.SCIM, SignIn: a.SignIn, OAuth: a.OAuth, Local: a.Local, Region: a.Region, Logger: a.Logger,
	}) {
		run := r.Handler
		if r.TakesNothing() {
			run = openapi.Bodyless(run)
		}
		if r.Doc.CallsOut {
			run = a.sparing(run)
		}
		routes = append(routes, route{r.Method, r.Path, apiClasses[r.Class], a.admit(r.Least, run), r.Doc})
	}
	return routes
}
