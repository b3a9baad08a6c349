package admin

import (
	"net/http"

	"domicile/console"
	"domicile/httpapi/openapi"
)

const (
	pathSettings      = "/api/v1/settings"
	pathOrganizations = "/api/v1/organizations"
	pathOrganization  = pathOrganizations + "/:id"
	pathTokens        = pathOrganization + "/scim-tokens"
	pathToken         = pathTokens + "/:token"
	pathConnections   = pathOrganization + "/connections"
	pathConnection    = pathConnections + "/:connection"
	pathRequests      = pathOrganization + "/connection-requests"
	pathRequest       = pathRequests + "/:request"
	pathDomains       = pathOrganization + "/domains"
	pathDomain        = pathDomains + "/:name"
	pathSessions      = pathOrganization + "/sessions"
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
	pathApplications  = "/api/v1/applications"
	pathApplication   = pathApplications + "/:application"
	pathProviders     = "/api/v1/providers"
	pathMembers       = "/api/v1/members"
	pathMember        = pathMembers + "/:id"
)

// The roles, as the table says who may use a route: operator is the operator alone, owner also an organization's root user
// in the organization's own routes, breakGlass also a break-glass session there.
const (
	operator   = openapi.Operator
	owner      = openapi.Owner
	breakGlass = openapi.BreakGlass
)

// row is an openapi.Route whose columns stand without their names.
type row openapi.Route

// Routes is every URL of the API, besides those of the hallway itself: the document and the session.
func Routes(deps Deps) []openapi.Route {
	a := &api{deps}
	var routes []openapi.Route
	for _, r := range append(a.rows(), a.signInRows()...) {
		routes = append(routes, openapi.Route(r))
	}
	return routes
}

func (a *api) rows() []row {
	return []row{
		{http.MethodGet, pathSettings, operator, openapi.Normal, a.getSettings, docGetSettings},
		{http.MethodPut, pathSettings, operator, openapi.Normal, a.putSettings, docPutSettings},

		{http.MethodPost, pathOrganizations, operator, openapi.Normal, a.createOrganization, docCreateOrganization},
		{http.MethodGet, pathOrganizations, operator, openapi.Normal, a.listOrganizations, docListOrganizations},
		{http.MethodGet, pathOrganization, breakGlass, openapi.Normal, a.getOrganization, docGetOrganization},
		{http.MethodPatch, pathOrganization, owner, openapi.Normal, a.updateOrganization, docUpdateOrganization},
		{http.MethodDelete, pathOrganization, operator, openapi.Normal, a.deleteOrganization, docDeleteOrganization},

		{http.MethodPost, pathTokens, owner, openapi.Normal, a.createToken, docCreateToken},
		{http.MethodGet, pathTokens, owner, openapi.Normal, a.listTokens, docListTokens},
		{http.MethodDelete, pathToken, owner, openapi.Normal, a.revokeToken, docRevokeToken},

		{http.MethodPost, pathClients, owner, openapi.Normal, a.createClient, docCreateClient},
		{http.MethodGet, pathClients, owner, openapi.Normal, a.listClients, docListClients},
		{http.MethodGet, pathClient, owner, openapi.Normal, a.getClient, docGetClient},
		{http.MethodDelete, pathClient, owner, openapi.Normal, a.deleteClient, docDeleteClient},
		{http.MethodPost, pathClient + "/approvals", owner, openapi.Normal, a.approveClient, docApproveClient},

		{http.MethodPut, pathExtension, owner, openapi.Large, a.putExtension, docPutExtension},
		{http.MethodGet, pathExtensions, owner, openapi.Normal, a.listExtensions, docListExtensions},
		{http.MethodGet, pathExtension, owner, openapi.Normal, a.getExtension, docGetExtension},
		{http.MethodDelete, pathExtension, owner, openapi.Normal, a.deleteExtension, docDeleteExtension},

		{http.MethodPost, pathUsers, owner, openapi.Normal, a.inviteUser, docInviteUser},
		{http.MethodGet, pathUsers, owner, openapi.Normal, a.listUsers, docListUsers},
		{http.MethodGet, pathUser, owner, openapi.Normal, a.getUser, docGetUser},
		{http.MethodDelete, pathUser, owner, openapi.Normal, a.deleteUser, docDeleteUser},
		{http.MethodPost, pathUsers + "/convert", owner, openapi.Large, a.convertUsers, docConvertUsers},
		{http.MethodPost, pathUsers + "/rename", owner, openapi.Normal, a.renameUsers, docRenameUsers},
		{http.MethodGet, pathOrganization + "/credentials", owner, openapi.Normal, a.listCredentials, docListCredentials},
		{http.MethodDelete, pathOrganization + "/credentials/:credentials", owner, openapi.Normal, a.deleteCredentials, docDeleteCredentials},
		{http.MethodPost, pathOrganization + "/setup-mails", owner, openapi.Normal, a.mailSetup, docMailSetup},
		{http.MethodGet, pathDeletedUsers, owner, openapi.Normal, a.listDeletedUsers, docListDeletedUsers},
		{http.MethodDelete, pathDeletedUser, owner, openapi.Normal, a.eraseUser, docEraseUser},
		{http.MethodPost, pathDeletedUser + "/restore", owner, openapi.Normal, a.restoreUser, docRestoreUser},

		{http.MethodGet, pathSyncLog, owner, openapi.Normal, a.listSyncLog, docListSyncLog},
		{http.MethodGet, pathSyncRow, owner, openapi.Normal, a.getSyncRow, docGetSyncRow},
		{http.MethodPost, pathSyncRow + "/replay", owner, openapi.Normal, a.replaySyncRow, docReplaySyncRow},
		{http.MethodPost, pathOrganization + "/scim/dry-run", owner, openapi.Large, a.dryRun, docDryRun},

		{http.MethodPost, pathApplications, operator, openapi.Normal, a.createApplication, docCreateApplication},
		{http.MethodGet, pathApplications, operator, openapi.Normal, a.listApplications, docListApplications},
		{http.MethodGet, pathApplication, operator, openapi.Normal, a.getApplication, docGetApplication},
		{http.MethodPut, pathApplication, operator, openapi.Normal, a.updateApplication, docUpdateApplication},
		{http.MethodDelete, pathApplication, operator, openapi.Normal, a.deleteApplication, docDeleteApplication},
		{http.MethodPost, pathApplication + "/rotate-secret", operator, openapi.Normal, a.rotateApplication, docRotateApplication},
		{http.MethodPost, pathApplication + "/finish-rotation", operator, openapi.Normal, a.finishApplicationRotation, docFinishApplicationRotation},

		{http.MethodGet, pathOrganization + "/audit", owner, openapi.Normal, a.listAudit, docListAudit},
		{http.MethodGet, pathOrganization + "/sign-ins", owner, openapi.Normal, a.listSignIns, docListSignIns},

		{http.MethodGet, pathMembers, operator, openapi.Normal, a.listMembers, docListMembers},
		{http.MethodDelete, pathMember, operator, openapi.Normal, a.removeMember, docRemoveMember},
		{http.MethodPost, "/api/v1/leader/transfer", operator, openapi.Normal, a.transferLeader, docTransferLeader},
		{http.MethodGet, "/api/v1/backup", operator, openapi.Backup, a.getBackup, docGetBackup},
	}
}

// signInRows are about the sign-in of an organization's people: its providers, domains, sessions and links.
func (a *api) signInRows() []row {
	return []row{
		{http.MethodPost, pathConnections, operator, openapi.Normal, a.createConnection, docCreateConnection},
		{http.MethodGet, pathConnections, breakGlass, openapi.Normal, a.listConnections, docListConnections},
		{http.MethodGet, pathConnection, breakGlass, openapi.Normal, a.getConnection, docGetConnection},
		{http.MethodPut, pathConnection, operator, openapi.Normal, a.replaceConnection, docReplaceConnection},
		{http.MethodDelete, pathConnection, operator, openapi.Normal, a.deleteConnection, docDeleteConnection},
		{http.MethodPost, pathConnection + "/secret", breakGlass, openapi.Normal, a.rotateSecret, docRotateSecret},
		{http.MethodDelete, pathConnection + "/previous-secret", breakGlass, openapi.Normal, a.dropPreviousSecret, docDropPreviousSecret},
		{http.MethodPost, pathConnection + "/algorithm", breakGlass, openapi.Normal, a.pinAlgorithm, docPinAlgorithm},
		{http.MethodGet, pathProviders, operator, openapi.Normal, a.listProviders, docListProviders},

		{http.MethodPost, pathRequests, breakGlass, openapi.Normal, a.createRequest, docCreateRequest},
		{http.MethodGet, pathRequests, breakGlass, openapi.Normal, a.listRequests, docListRequests},
		{http.MethodGet, pathRequest, breakGlass, openapi.Normal, a.getRequest, docGetRequest},
		{http.MethodPut, pathRequest, breakGlass, openapi.Normal, a.editRequest, docEditRequest},
		{http.MethodDelete, pathRequest, breakGlass, openapi.Normal, a.deleteRequest, docDeleteRequest},
		{http.MethodGet, pathRequest + "/discovery", breakGlass, openapi.Normal, a.checkRequest, docCheckRequest},
		{http.MethodPost, pathRequest + "/submit", breakGlass, openapi.Normal, a.stepRequest(console.StepSubmit), docSubmitRequest},
		{http.MethodPost, pathRequest + "/withdraw", breakGlass, openapi.Normal, a.stepRequest(console.StepWithdraw), docWithdrawRequest},
		{http.MethodPost, pathRequest + "/return", operator, openapi.Normal, a.stepRequest(console.StepReturn), docReturnRequest},
		{http.MethodPost, pathRequest + "/approve", operator, openapi.Normal, a.stepRequest(console.StepApprove), docApproveRequest},
		{http.MethodPost, pathRequest + "/activate", breakGlass, openapi.Normal, a.stepRequest(console.StepActivate), docActivateRequest},
		{http.MethodPost, pathRequest + "/disable", operator, openapi.Normal, a.stepRequest(console.StepDisable), docDisableRequest},
		{http.MethodPost, pathRequest + "/enable", operator, openapi.Normal, a.stepRequest(console.StepEnable), docEnableRequest},
		{http.MethodGet, "/api/v1/connection-requests", operator, openapi.Normal, a.reviewRequests, docReviewRequests},

		{http.MethodPost, pathDomains, breakGlass, openapi.Normal, a.claimDomain, docClaimDomain},
		{http.MethodGet, pathDomains, breakGlass, openapi.Normal, a.listDomains, docListDomains},
		{http.MethodGet, pathDomain, breakGlass, openapi.Normal, a.getDomain, docGetDomain},
		{http.MethodDelete, pathDomain, breakGlass, openapi.Normal, a.deleteDomain, docDeleteDomain},
		{http.MethodPost, pathDomain + "/verify", breakGlass, openapi.Normal, a.verifyDomain, docVerifyDomain},

		{http.MethodGet, pathSessions, owner, openapi.Normal, a.listSessions, docListSessions},
		{http.MethodDelete, pathSessions, owner, openapi.Normal, a.endAllSessions, docEndAllSessions},
		{http.MethodDelete, pathSessions + "/:session", owner, openapi.Normal, a.endSession, docEndSession},
		{http.MethodDelete, pathUser + "/sessions", owner, openapi.Normal, a.endUserSessions, docEndUserSessions},

		{http.MethodGet, pathOrganization + "/links", owner, openapi.Normal, a.listLinks, docListLinks},
		{http.MethodGet, pathUser + "/links", owner, openapi.Normal, a.listUserLinks, docListUserLinks},
		{http.MethodDelete, pathUser + "/links/:link", owner, openapi.Normal, a.deleteLink, docDeleteLink},
	}
}
