package interop

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"domicile/oidc/oidctest"
)

// A stock client library of another language signs a person in through our provider face, with discovery, PKCE, our keys
// and userinfo.
func TestStockClient(t *testing.T) {
	idp, err := oidctest.New(oidctest.Config{
		Users:   []oidctest.User{{Subject: "sub-ada", Email: "ada@acme.example", EmailVerified: true, Name: "ada", Password: "verysecure"}},
		Clients: []oidctest.Client{{ID: "acme", Secret: secret}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(idp.Close)
	tenant := newTenant(t, "stock", "ada")
	tenant.connect(t, map[string]any{"issuer": idp.Issuer(), "client_id": "acme", "client_secret": secret})

	const redirect = "http://127.0.0.1:9/callback"
	var application struct {
		ID     string `json:"id"`
		Secret string `json:"client_secret"`
	}
	fields := map[string]any{"name": "stock", "redirect_uris": []string{redirect}}
	if err := us.Admin(t.Context(), us.Nodes[2], http.MethodPost, "/applications", fields, &application); err != nil {
		t.Fatal(err)
	}
	client := start(t, "client.mjs", map[string]any{
		"issuer": us.Nodes[0].URL + "/oidc", "id": application.ID, "secret": application.Secret, "redirect": redirect,
	})
	ada := newVisitor("ada")
	ada.stop = redirect
	end := ada.walk(t, client.line(t))
	if _, err := io.WriteString(client.in, end.url.String()+"\n"); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Claims   map[string]any `json:"claims"`
		Userinfo map[string]any `json:"userinfo"`
	}
	if err := json.Unmarshal([]byte(client.line(t)), &got); err != nil {
		t.Fatal(err)
	}
	organization, _ := got.Claims["organization"].(map[string]any)
	if organization["slug"] != "stock" || got.Userinfo["email"] != "ada@acme.example" || got.Claims["sid"] == "" {
		t.Errorf("claims %v, userinfo %v", got.Claims, got.Userinfo)
	}
}
