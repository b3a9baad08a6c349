package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"domicile/console"
	"domicile/directory"
)

// document is the OpenAPI document of the registered routes, and those routes.
func document(t *testing.T) (map[string]any, []route) {
	t.Helper()
	routes := new(api).routes()
	raw, err := describe(routes, directory.Region{ID: "us", Name: "United States", URL: "https://us.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc, routes
}

func TestOpenAPI_isTheRoutes(t *testing.T) {
	doc, routes := document(t)
	described := make(map[string]bool)
	for path, item := range doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	registered := make(map[string]bool)
	for _, r := range routes {
		path, _ := templatePath(r.path)
		if strings.HasPrefix(path, apiRoot) {
			registered[r.method+" "+path] = true
		}
		if slices.Contains([]*class{classAdmin, classAdminLarge, classAPI, classBackup}, r.class) != strings.HasPrefix(path, apiRoot) {
			t.Errorf("%s %s is of class %s", r.method, path, r.class.name)
		}
		if r.doc != nil && r.doc.public == r.class.operator {
			t.Errorf("%s %s: the document and the class differ on the token", r.method, path)
		}
	}
	if !maps.Equal(described, registered) {
		t.Errorf("described %v\nregistered %v", slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(registered)))
	}
}

// TestOpenAPI_structure checks what OpenAPI 3.1 wants of a document.
func TestOpenAPI_structure(t *testing.T) {
	doc, _ := document(t)
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v", doc["openapi"])
	}
	info := doc["info"].(map[string]any)
	if info["title"] == "" || info["version"] == "" {
		t.Errorf("info is %v", info)
	}
	components := doc["components"].(map[string]any)["schemas"].(map[string]any)
	ids := make(map[string]bool)
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			checkOperation(t, path, method, op.(map[string]any), ids)
		}
	}
	walkReferences(t, doc, components)
	for name, s := range components {
		if _, ok := s.(map[string]any)["type"]; !ok {
			t.Errorf("component %s has no type", name)
		}
	}
}

func checkOperation(t *testing.T, path, method string, op map[string]any, ids map[string]bool) {
	t.Helper()
	id, _ := op["operationId"].(string)
	if id == "" || ids[id] {
		t.Errorf("%s %s: operation id %q is missing or used twice", method, path, id)
	}
	ids[id] = true
	if op["summary"] == "" {
		t.Errorf("%s: no summary", id)
	}
	wanted, given := strings.Count(path, "{"), 0
	parameters, _ := op["parameters"].([]any)
	for _, p := range parameters {
		p := p.(map[string]any)
		if p["in"] == "path" {
			given++
			if p["required"] != true || !strings.Contains(path, "{"+p["name"].(string)+"}") {
				t.Errorf("%s: parameter %v", id, p)
			}
		}
	}
	if wanted != given {
		t.Errorf("%s: %d path parameters, want %d", id, given, wanted)
	}
	_, hasBody := op["requestBody"]
	order := slices.ContainsFunc([]string{"/transfer", "/approvals", "/restore", "/replay"}, func(suffix string) bool {
		return strings.HasSuffix(path, suffix) // is told, with nothing to say
	})
	if takesBody := method == "post" && !order || method == "put" || method == "patch"; hasBody != takesBody {
		t.Errorf("%s: a body: %t", id, hasBody)
	}
	success := false
	for status, response := range op["responses"].(map[string]any) {
		if response.(map[string]any)["description"] == "" {
			t.Errorf("%s: %s has no description", id, status)
		}
		success = success || strings.HasPrefix(status, "2")
	}
	if !success {
		t.Errorf("%s: no success", id)
	}
}

func walkReferences(t *testing.T, v any, components map[string]any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			name, ok := strings.CutPrefix(ref, "#/components/schemas/")
			if _, known := components[name]; !ok || !known {
				t.Errorf("reference %q leads nowhere", ref)
			}
		}
		for _, member := range v {
			walkReferences(t, member, components)
		}
	case []any:
		for _, item := range v {
			walkReferences(t, item, components)
		}
	}
}

// TestSchemas_areTheTypes compares each schema with the struct that is read or written.
func TestSchemas_areTheTypes(t *testing.T) {
	for name, pair := range map[string]struct {
		schema *schema
		value  any
	}{
		"problem":      {problemSchema, problem{}},
		"organization": {schemaOrganization, organizationAnswer{}},
		"list":         {schemaOrganizations, organizationsAnswer{}},
		"new":          {schemaNewOrganization, organizationBody{}},
		"root":         {schemaRoot, rootBody{}},
		"settings":     {schemaSettings, settingsBody{}},
		"plan":         {schemaPlanOf, planBody{}},
		"token":        {schemaToken, scimTokenAnswer{}},
		"new token":    {schemaNewToken, tokenBody{}},
		"made token":   {schemaCreatedToken, newScimTokenAnswer{}},
		"tokens":       {schemaTokens, scimTokensAnswer{}},
		"client":       {schemaClient, clientAnswer{}},
		"new client":   {schemaNewClient, clientBody{}},
		"made client":  {schemaCreatedClient, newClientAnswer{}},
		"clients":      {schemaClients, clientsAnswer{}},
		"approval":     {schemaApproval, approvalAnswer{}},
		"extensions":   {schemaExtensions, extensionsAnswer{}},
		"user":         {schemaUser, userAnswer{}},
		"whole user":   {schemaWholeUser, wholeUserAnswer{}},
		"users":        {schemaUsers, usersAnswer{}},
		"new user":     {schemaNewUser, newUserBody{}},
		"user's group": {schemaUserGroup, groupAnswer{}},
		"deletion":     {schemaDeletion, deletionAnswer{}},
		"deleted":      {schemaDeletedUsers, deletedUsersAnswer{}},
		"convert":      {schemaConvert, convertBody{}},
		"converted":    {schemaConverted, convertAnswer{}},
		"rename":       {schemaRename, renameBody{}},
		"renamed":      {schemaRenamed, renameAnswer{}},
		"sync row":     {schemaSyncRow, syncRowAnswer{}},
		"sync log":     {schemaSyncLog, syncLogAnswer{}},
		"sync counts":  {schemaSyncCounts, syncCountsAnswer{}},
		"trial":        {schemaTrial, trialBody{}},
		"rehearsal":    {schemaRehearsal, rehearsalAnswer{}},
		"effect":       {schemaEffect, effectAnswer{}},
		"connection":   {schemaConnection, connectionAnswer{}},
		"new conn.":    {schemaNewConnection, connectionBody{}},
		"connections":  {schemaConnections, connectionsAnswer{}},
		"discovery":    {schemaDiscovery, console.Discovery{}},
		"session":      {docSession.response, sessionAnswer{}},
		"member":       {schemaMember, directory.Member{}},
		"members":      {schemaMembers, membersAnswer{}},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.Sorted(maps.Keys(pair.schema.Properties))
			got := slices.Sorted(slices.Values(members(reflect.TypeOf(pair.value))))
			if !slices.Equal(want, got) {
				t.Errorf("the schema has %v, the type %v", want, got)
			}
			for _, name := range pair.schema.Required {
				if pair.schema.Properties[name] == nil {
					t.Errorf("required %s is no property", name)
				}
			}
		})
	}
}

// members lists the JSON names of a struct's fields.
func members(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			names = append(names, members(field.Type)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func TestRefusals_haveAVerdict(t *testing.T) {
	for kind := directory.KindInternal; kind <= directory.KindReplayed; kind++ {
		if v := verdicts[kind]; v.status < 400 || v.title == "" {
			t.Errorf("%s is %+v", kind, v)
		}
	}
	if r := refusalOf(directory.Errorf(200, "f", "d")); r.status != http.StatusInternalServerError || r.detail == "d" {
		t.Errorf("an unknown kind is %+v", r)
	}
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
		err := schemaNewOrganization.decode(text, &body)
		if err == nil && (!json.Valid(text) || body.Name == nil) {
			t.Fatalf("accepted %q", text)
		}
		if err != nil && directory.KindOf(err) != directory.KindInvalid {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
