package admin

import (
	"encoding/json"
	"testing"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi/openapitest"
)

func TestSchemas_areTheTypes(t *testing.T) {
	openapitest.AreTheTypes(t, map[string]openapitest.Pair{
		"organization": {Schema: schemaOrganization, Value: organizationAnswer{}},
		"list":         {Schema: schemaOrganizations, Value: organizationsAnswer{}},
		"new":          {Schema: schemaNewOrganization, Value: organizationBody{}},
		"root":         {Schema: schemaRoot, Value: rootBody{}},
		"settings":     {Schema: schemaSettings, Value: settingsBody{}},
		"plan":         {Schema: schemaPlanOf, Value: planBody{}},
		"token":        {Schema: schemaToken, Value: scimTokenAnswer{}},
		"new token":    {Schema: schemaNewToken, Value: tokenBody{}},
		"made token":   {Schema: schemaCreatedToken, Value: newScimTokenAnswer{}},
		"tokens":       {Schema: schemaTokens, Value: scimTokensAnswer{}},
		"client":       {Schema: schemaClient, Value: clientAnswer{}},
		"new client":   {Schema: schemaNewClient, Value: clientBody{}},
		"made client":  {Schema: schemaCreatedClient, Value: newClientAnswer{}},
		"clients":      {Schema: schemaClients, Value: clientsAnswer{}},
		"approval":     {Schema: schemaApproval, Value: approvalAnswer{}},
		"extensions":   {Schema: schemaExtensions, Value: extensionsAnswer{}},
		"user":         {Schema: schemaUser, Value: userAnswer{}},
		"whole user":   {Schema: schemaWholeUser, Value: wholeUserAnswer{}},
		"users":        {Schema: schemaUsers, Value: usersAnswer{}},
		"new user":     {Schema: schemaNewUser, Value: newUserBody{}},
		"user's group": {Schema: schemaUserGroup, Value: groupAnswer{}},
		"deletion":     {Schema: schemaDeletion, Value: deletionAnswer{}},
		"deleted":      {Schema: schemaDeletedUsers, Value: deletedUsersAnswer{}},
		"convert":      {Schema: schemaConvert, Value: convertBody{}},
		"converted":    {Schema: schemaConverted, Value: convertAnswer{}},
		"rename":       {Schema: schemaRename, Value: renameBody{}},
		"renamed":      {Schema: schemaRenamed, Value: renameAnswer{}},
		"sync row":     {Schema: schemaSyncRow, Value: syncRowAnswer{}},
		"sync log":     {Schema: schemaSyncLog, Value: syncLogAnswer{}},
		"sync counts":  {Schema: schemaSyncCounts, Value: syncCountsAnswer{}},
		"trial":        {Schema: schemaTrial, Value: trialBody{}},
		"rehearsal":    {Schema: schemaRehearsal, Value: rehearsalAnswer{}},
		"effect":       {Schema: schemaEffect, Value: effectAnswer{}},
		"connection":   {Schema: schemaConnection, Value: connectionAnswer{}},
		"new conn.":    {Schema: schemaNewConnection, Value: connectionBody{}},
		"connections":  {Schema: schemaConnections, Value: connectionsAnswer{}},
		"discovery":    {Schema: schemaDiscovery, Value: console.Discovery{}},
		"new secret":   {Schema: schemaNewSecret, Value: secretBody{}},
		"warning":      {Schema: schemaWarning, Value: console.Warning{}},
		"request":      {Schema: schemaRequest, Value: requestAnswer{}},
		"new request":  {Schema: schemaNewRequest, Value: newRequestBody{}},
		"edit request": {Schema: schemaRequestEdit, Value: requestEditBody{}},
		"requests":     {Schema: schemaRequests, Value: requestsAnswer{}},
		"req. owner":   {Schema: schemaRequestOwner, Value: requestOwnerAnswer{}},
		"req. domain":  {Schema: schemaRequestDomain, Value: requestDomainAnswer{}},
		"change":       {Schema: schemaChange, Value: changeAnswer{}},
		"step":         {Schema: schemaStep, Value: stepBody{}},
		"req. approve": {Schema: schemaRequestApproval, Value: requestApprovalBody{}},
		"domain":       {Schema: schemaDomain, Value: domainAnswer{}},
		"new domain":   {Schema: schemaNewDomain, Value: domainBody{}},
		"record":       {Schema: schemaDomainRecord, Value: domainRecord{}},
		"look":         {Schema: schemaDomainLook, Value: domainLookAnswer{}},
		"sighting":     {Schema: schemaSighting, Value: sightingAnswer{}},
		"domains":      {Schema: schemaDomainList, Value: domainsAnswer{}},
		"session":      {Schema: schemaPersonSession, Value: sessionAnswer{}},
		"sessions":     {Schema: schemaPersonSessions, Value: sessionsAnswer{}},
		"link":         {Schema: schemaLink, Value: linkAnswer{}},
		"links":        {Schema: schemaLinks, Value: linksAnswer{}},
		"audit row":    {Schema: schemaAuditRow, Value: auditRowAnswer{}},
		"audit":        {Schema: schemaAudit, Value: auditAnswer{}},
		"sign-in row":  {Schema: schemaSignInRow, Value: signInRowAnswer{}},
		"sign-ins":     {Schema: schemaSignInLog, Value: signInLogAnswer{}},
		"sign-in":      {Schema: schemaSignIn, Value: signInBody{}},
		"signing in":   {Schema: schemaSignIn, Value: signInAnswer{}},
		"phone":        {Schema: schemaPhone, Value: phoneBody{}},
		"phone change": {Schema: schemaPhone, Value: phoneChange{}},
		"member":       {Schema: schemaMember, Value: directory.Member{}},
		"members":      {Schema: schemaMembers, Value: membersAnswer{}},
	})
}

func FuzzSchemaDecode(f *testing.F) {
	for _, seed := range []string{
		`{"slug":"a","name":"b","domains":["x.y"],"root":{"email":"a@b.c"},"scim_profile":"strict"}`,
		`{"slug":1e400}`, `{"a":`, `[]`, `{"slug":"\ud800"}`, "{\"slug\":\"\xff\"}", `{"domains":[{}]}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var body organizationBody
		err := schemaNewOrganization.Decode(text, &body)
		if err == nil && (!json.Valid(text) || body.Name == nil) {
			t.Fatalf("accepted %q", text)
		}
		if err != nil && directory.KindOf(err) != directory.KindInvalid {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
