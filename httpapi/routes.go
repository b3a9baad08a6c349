package httpapi

import (
	"net/http"
	"slices"
	"time"

	"domicile/console/ui"
	"domicile/scim"
)

// route is one row of the page of all URLs.
type route struct {
	method  string
	path    string
	class   *class
	handler handler
	doc     *operation // what the OpenAPI document says; of every /api/v1 route, nil elsewhere
}

// takesNothing tells whether a route of the API changes something and reads no body for it.
func (r *route) takesNothing() bool {
	return r.doc != nil && r.doc.request == nil && r.method != http.MethodGet
}

// class is what routes of one kind have in common.
type class struct {
	name     string        // in metrics
	protocol *protocol     // how errors are said
	maxBody  int64         // bytes
	timeout  time.Duration // of the whole answer; 0: none
	operator bool          // wants the operator's token
}

// The classes. Their timeouts are above the 5 s that a write waits for a leader.
var (
	classSCIM = &class{name: "scim", protocol: protocolSCIM, maxBody: 1 << 20, timeout: 20 * time.Second}
	// What a SCIM read waits for, its confirmation, has a bound of its own; it is spared the timer.
	classSCIMRead = &class{name: "scim", protocol: protocolSCIM, maxBody: 1 << 20}
	classAdmin    = &class{name: "admin", protocol: protocolProblem, maxBody: 64 << 10, timeout: 20 * time.Second, operator: true}
	// What lists thousands of ids, or carries a document of its own.
	classAdminLarge = &class{name: "admin", protocol: protocolProblem, maxBody: 1 << 20, timeout: 20 * time.Second, operator: true}
	classBackup     = &class{name: "backup", protocol: protocolProblem, maxBody: 0, operator: true}
	classAPI        = &class{name: "api", protocol: protocolProblem, maxBody: 64 << 10, timeout: 10 * time.Second}
	classSignIn     = &class{name: "signin", protocol: protocolPage, maxBody: 64 << 10, timeout: 30 * time.Second}
	classStatic     = &class{name: "static", protocol: protocolPage, maxBody: 0, timeout: 10 * time.Second}
	classStranger   = &class{name: "stranger", maxBody: 0, timeout: 10 * time.Second} // no route; the protocol follows the path
)

const (
	pathOrganizations = "/api/v1/organizations"
	pathOrganization  = pathOrganizations + "/:id"
	pathTokens        = pathOrganization + "/scim-tokens"
	pathToken         = pathTokens + "/:token"
	pathConnections   = pathOrganization + "/connections"
	pathConnection    = pathConnections + "/:connection"
	pathClients       = pathOrganization + "/scim-clients"
	pathClient        = pathClients + "/:client"
	pathExtensions    = pathOrganization + "/schemas"
	pathExtension     = pathExtensions + "/:urn"
	pathUsers         = pathOrganization + "/users"
	pathUser          = pathUsers + "/:user"
	pathDeletedUsers  = pathOrganization + "/deleted-users"
	pathDeletedUser   = pathDeletedUsers + "/:user"
	pathSyncLog       = pathOrganization + "/sync-log"
	pathSyncRow       = pathSyncLog + "/:row"
)

// routes is every URL of the product.
func (a *api) routes() []route {
	return slices.Concat(a.scimRoutes(), a.signInRoutes(), a.oauthRoutes(), a.adminRoutes())
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
	return []route{
		{http.MethodGet, "/", classSignIn, a.home, nil},
		{http.MethodGet, pathLogin, classSignIn, a.login, nil},
		{http.MethodPost, pathStart, classSignIn, a.startSignIn, nil},
		{http.MethodGet, pathLogin + "/:slug", classSignIn, a.loginOrganization, nil},
		{http.MethodGet, "/signin-oidc/:connection", classSignIn, a.finishSignIn, nil},
		{http.MethodPost, "/signin-oidc/:connection", classSignIn, a.finishSignIn, nil},
		{http.MethodGet, pathLogout, classSignIn, a.confirmLogout, nil},
		{http.MethodPost, pathLogout, classSignIn, a.logout, nil},
		{http.MethodGet, "/api/v1/session", classAPI, a.getSession, docSession},
		{http.MethodGet, ui.StaticRoot + ":file", classStatic, a.asset, nil},
	}
}

// adminRoutes is the operator's door.
func (a *api) adminRoutes() []route {
	routes := []route{
		{http.MethodGet, "/api/v1/openapi.json", classAPI, a.getOpenAPI, docOpenAPI},

		{http.MethodGet, pathSettings, classAdmin, a.getSettings, docGetSettings},
		{http.MethodPut, pathSettings, classAdmin, a.putSettings, docPutSettings},

		{http.MethodPost, pathOrganizations, classAdmin, a.createOrganization, docCreateOrganization},
		{http.MethodGet, pathOrganizations, classAdmin, a.listOrganizations, docListOrganizations},
		{http.MethodGet, pathOrganization, classAdmin, a.getOrganization, docGetOrganization},
		{http.MethodPatch, pathOrganization, classAdmin, a.updateOrganization, docUpdateOrganization},
		{http.MethodDelete, pathOrganization, classAdmin, a.deleteOrganization, docDeleteOrganization},

		{http.MethodPost, pathTokens, classAdmin, a.createToken, docCreateToken},
		{http.MethodGet, pathTokens, classAdmin, a.listTokens, docListTokens},
		{http.MethodDelete, pathToken, classAdmin, a.revokeToken, docRevokeToken},

		{http.MethodPost, pathClients, classAdmin, a.createClient, docCreateClient},
		{http.MethodGet, pathClients, classAdmin, a.listClients, docListClients},
		{http.MethodGet, pathClient, classAdmin, a.getClient, docGetClient},
		{http.MethodDelete, pathClient, classAdmin, a.deleteClient, docDeleteClient},
		{http.MethodPost, pathClient + "/approvals", classAdmin, a.approveClient, docApproveClient},

		{http.MethodPut, pathExtension, classAdminLarge, a.putExtension, docPutExtension},
		{http.MethodGet, pathExtensions, classAdmin, a.listExtensions, docListExtensions},
		{http.MethodGet, pathExtension, classAdmin, a.getExtension, docGetExtension},
		{http.MethodDelete, pathExtension, classAdmin, a.deleteExtension, docDeleteExtension},

		{http.MethodPost, pathUsers, classAdmin, a.inviteUser, docInviteUser},
		{http.MethodGet, pathUsers, classAdmin, a.listUsers, docListUsers},
		{http.MethodGet, pathUser, classAdmin, a.getUser, docGetUser},
		{http.MethodDelete, pathUser, classAdmin, a.deleteUser, docDeleteUser},
		{http.MethodPost, pathUsers + "/convert", classAdminLarge, a.convertUsers, docConvertUsers},
		{http.MethodPost, pathUsers + "/rename", classAdmin, a.renameUsers, docRenameUsers},
		{http.MethodGet, pathDeletedUsers, classAdmin, a.listDeletedUsers, docListDeletedUsers},
		{http.MethodDelete, pathDeletedUser, classAdmin, a.eraseUser, docEraseUser},
		{http.MethodPost, pathDeletedUser + "/restore", classAdmin, a.restoreUser, docRestoreUser},

		{http.MethodGet, pathSyncLog, classAdmin, a.listSyncLog, docListSyncLog},
		{http.MethodGet, pathSyncRow, classAdmin, a.getSyncRow, docGetSyncRow},
		{http.MethodPost, pathSyncRow + "/replay", classAdmin, a.replaySyncRow, docReplaySyncRow},
		{http.MethodPost, pathOrganization + "/scim/dry-run", classAdminLarge, a.dryRun, docDryRun},

		{http.MethodPost, pathConnections, classAdmin, a.createConnection, docCreateConnection},
		{http.MethodGet, pathConnections, classAdmin, a.listConnections, docListConnections},
		{http.MethodGet, pathConnection, classAdmin, a.getConnection, docGetConnection},
		{http.MethodPut, pathConnection, classAdmin, a.replaceConnection, docReplaceConnection},
		{http.MethodDelete, pathConnection, classAdmin, a.deleteConnection, docDeleteConnection},

		{http.MethodGet, pathMembers, classAdmin, a.listMembers, docListMembers},
		{http.MethodDelete, pathMember, classAdmin, a.removeMember, docRemoveMember},
		{http.MethodPost, "/api/v1/leader/transfer", classAdmin, a.transferLeader, docTransferLeader},
		{http.MethodGet, "/api/v1/backup", classBackup, a.getBackup, docGetBackup},
	}
	for i, r := range routes {
		if r.takesNothing() {
			routes[i].handler = bodyless(r.handler)
		}
	}
	return routes
}
