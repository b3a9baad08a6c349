package httpapi_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

const applicationsPath = "/api/v1/applications"

const newApplication = `{"name":"Billing","redirect_uris":["https://billing.example/callback"]}`

// An application is made with a secret that is shown once, changed, and deleted.
func TestApplications(t *testing.T) {
	o := newOffice(t)
	body := `{"name":" Billing ","redirect_uris":["https://billing.example/callback","http://localhost:9000/"],` +
		`"post_logout_redirect_uris":["https://billing.example/"],"backchannel_logout_uri":"https://billing.example/logout"}`
	made := o.must(http.StatusCreated, ask{method: "POST", path: applicationsPath, body: body})
	secret, _ := made["client_secret"].(string)
	id, _ := made["id"].(string)
	if !strings.HasPrefix(secret, "dom_us_app_") || made["name"] != "Billing" || made["issuer"] != "https://us.example.com/oidc" ||
		made["public"] != false || made["rotating"] != false {
		t.Errorf("made %v", made)
	}
	got := o.do(ask{method: "GET", path: applicationsPath + "/" + id})
	if got.status != http.StatusOK || strings.Contains(got.body, secret) || strings.Contains(got.body, "secret") {
		t.Errorf("%d %s", got.status, got.body)
	}
	list := o.must(http.StatusOK, ask{method: "GET", path: applicationsPath})
	if all, _ := list["applications"].([]any); len(all) != 1 {
		t.Errorf("listed %v", list)
	}
	changed := o.must(http.StatusOK, ask{method: "PUT", path: applicationsPath + "/" + id, body: newApplication})
	if changed["backchannel_logout_uri"] != "" || len(changed["post_logout_redirect_uris"].([]any)) != 0 || changed["created_at"] != made["created_at"] {
		t.Errorf("changed %v", changed)
	}
	if a := o.do(ask{method: "DELETE", path: applicationsPath + "/" + id}); a.status != http.StatusNoContent {
		t.Errorf("deleted: %d", a.status)
	}
	for _, a := range []ask{
		{method: "GET", path: applicationsPath + "/" + id}, {method: "DELETE", path: applicationsPath + "/" + id},
		{method: "PUT", path: applicationsPath + "/" + id, body: newApplication},
		{method: "POST", path: applicationsPath + "/" + id + "/rotate-secret"},
		{method: "POST", path: applicationsPath + "/" + id + "/finish-rotation"},
		{method: "GET", path: applicationsPath + "/" + strings.Repeat("x", 200)},
	} {
		o.refused(a, http.StatusNotFound, "")
	}
	if strings.Contains(o.logs.String(), secret) {
		t.Error("the secret is in the logs")
	}
}

// A secret is rotated in two steps; a public application has none.
func TestApplications_rotation(t *testing.T) {
	o := newOffice(t)
	made := o.must(http.StatusCreated, ask{method: "POST", path: applicationsPath, body: newApplication})
	path := applicationsPath + "/" + made["id"].(string)
	rotate, finish := ask{method: "POST", path: path + "/rotate-secret"}, ask{method: "POST", path: path + "/finish-rotation"}
	rotated := o.must(http.StatusOK, rotate)
	if rotated["client_secret"] == made["client_secret"] || rotated["client_secret"] == "" || rotated["rotating"] != true {
		t.Errorf("rotated %v", rotated)
	}
	o.refused(rotate, http.StatusConflict, "")
	for range 2 { // a second time changes nothing
		if done := o.must(http.StatusOK, finish); done["rotating"] != false || done["client_secret"] != nil {
			t.Errorf("finished %v", done)
		}
	}
	o.must(http.StatusOK, rotate)

	public := o.must(http.StatusCreated, ask{method: "POST", path: applicationsPath, body: strings.Replace(newApplication, "{", `{"public":true,`, 1)})
	if public["client_secret"] != nil || public["public"] != true {
		t.Errorf("public %v", public)
	}
	o.refused(ask{method: "POST", path: applicationsPath + "/" + public["id"].(string) + "/rotate-secret"}, http.StatusConflict, "")
}

// What cannot be meant is refused with the member at fault; strangers and owners are refused altogether.
func TestApplications_refused(t *testing.T) {
	o := newOffice(t)
	with := func(member string) string { return strings.Replace(newApplication, "{", "{"+member+",", 1) }
	uris := func(uri string) string { return `{"name":"B","redirect_uris":["` + uri + `"]}` }
	made := o.must(http.StatusCreated, ask{method: "POST", path: applicationsPath, body: newApplication})
	for name, test := range map[string]struct {
		body   string
		status int
		field  string
	}{
		"no body":                {"", http.StatusUnsupportedMediaType, ""},
		"no JSON":                {`{"name":`, http.StatusBadRequest, ""},
		"no name":                {`{"redirect_uris":["https://a.example/"]}`, http.StatusBadRequest, "name"},
		"empty name":             {`{"name":" ","redirect_uris":["https://a.example/"]}`, http.StatusBadRequest, "name"},
		"long name":              {`{"name":"` + strings.Repeat("n", 201) + `","redirect_uris":["https://a.example/"]}`, http.StatusBadRequest, "name"},
		"control in name":        {`{"name":"a\u0000b","redirect_uris":["https://a.example/"]}`, http.StatusBadRequest, "name"},
		"no redirect":            {`{"name":"B","redirect_uris":[]}`, http.StatusBadRequest, "redirect_uris"},
		"http":                   {uris("http://a.example/"), http.StatusBadRequest, "redirect_uris"},
		"fragment":               {uris("https://a.example/#x"), http.StatusBadRequest, "redirect_uris"},
		"user":                   {uris("https://u@a.example/"), http.StatusBadRequest, "redirect_uris"},
		"script":                 {uris("javascript:alert(1)"), http.StatusBadRequest, "redirect_uris"},
		"twice":                  {uris(`https://a.example/","https://a.example/`), http.StatusBadRequest, "redirect_uris"},
		"too many":               {uris(strings.Repeat(`https://a.example/","`, 100)), http.StatusBadRequest, "redirect_uris"},
		"too long":               {uris("https://a.example/" + strings.Repeat("x", 2000)), http.StatusBadRequest, "redirect_uris[0]"},
		"post-logout":            {with(`"post_logout_redirect_uris":["http://a.example"]`), http.StatusBadRequest, "post_logout_redirect_uris"},
		"back-channel":           {with(`"backchannel_logout_uri":"ftp://a.example"`), http.StatusBadRequest, "backchannel_logout_uri"},
		"unknown member":         {with(`"client_secret":"x"`), http.StatusBadRequest, "client_secret"},
		"member of a wrong type": {with(`"public":"yes"`), http.StatusBadRequest, "public"},
		"huge":                   {with(`"x":"` + strings.Repeat("x", 70_000) + `"`), http.StatusRequestEntityTooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o.t = t
			contentType := "application/json"
			if test.body == "" {
				contentType = "text/plain"
			}
			o.refused(ask{method: "POST", path: applicationsPath, body: test.body, contentType: contentType}, test.status, test.field)
		})
	}
	o.t = t
	path := applicationsPath + "/" + made["id"].(string)
	o.refused(ask{method: "PUT", path: path, body: with(`"public":true`)}, http.StatusBadRequest, "public") // it never changes
	o.refused(ask{method: "POST", path: path + "/rotate-secret", body: `{"client_secret":"mine"}`}, http.StatusBadRequest, "")
	for _, token := range []string{"-", "Bearer wrong", "Basic eDp5"} {
		for _, a := range []ask{
			{method: "POST", path: applicationsPath, body: newApplication, token: token}, {method: "GET", path: applicationsPath, token: token},
			{method: "GET", path: path, token: token}, {method: "PUT", path: path, body: newApplication, token: token},
			{method: "DELETE", path: path, token: token}, {method: "POST", path: path + "/rotate-secret", token: token},
			{method: "POST", path: path + "/finish-rotation", token: token},
		} {
			o.refused(a, http.StatusUnauthorized, "")
		}
	}
}

// Changes at the same time do not lose each other, and a rotation happens once.
func TestApplications_atOnce(t *testing.T) {
	o := newOffice(t)
	made := o.must(http.StatusCreated, ask{method: "POST", path: applicationsPath, body: newApplication})
	path := applicationsPath + "/" + made["id"].(string)
	statuses := make([]int, 16)
	var work sync.WaitGroup
	for i := range statuses {
		work.Go(func() { statuses[i] = o.do(ask{method: "POST", path: path + "/rotate-secret"}).status })
	}
	work.Wait()
	rotated := 0
	for _, status := range statuses {
		if status == http.StatusOK {
			rotated++
		} else if status != http.StatusConflict {
			t.Errorf("status %d", status)
		}
	}
	if rotated != 1 {
		t.Errorf("rotated %d times", rotated)
	}
}
