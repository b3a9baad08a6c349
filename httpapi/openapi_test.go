package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/httpapi/openapi/openapitest"
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
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.path, "{$1}")
		if strings.HasPrefix(path, apiRoot) {
			registered[r.method+" "+path] = true
		}
		if slices.Contains([]*class{classAdmin, classAdminLarge, classAPI, classBackup}, r.class) != strings.HasPrefix(path, apiRoot) {
			t.Errorf("%s %s is of class %s", r.method, path, r.class.name)
		}
		if r.doc != nil && r.doc.Public != (r.class == classAPI) {
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
	order := slices.ContainsFunc([]string{"/transfer", "/verify", "/approvals", "/restore", "/replay", "/rotate-secret", "/finish-rotation"}, func(suffix string) bool {
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

func TestSchemas_areTheTypes(t *testing.T) {
	openapitest.AreTheTypes(t, map[string]openapitest.Pair{"session": {Schema: docSession.Response, Value: sessionAnswer{}}})
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
