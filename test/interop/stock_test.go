package interop

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"domicile/oidc/oidctest"
)

// Where the application is: nobody listens there.
const (
	callbackURI = "http://127.0.0.1:9/callback"
	byeURI      = "http://127.0.0.1:9/bye"
)

// application is one of the operator's.
type application struct {
	ID     string `json:"id"`
	Secret string `json:"client_secret"`
}

func newApplication(t *testing.T, name string) application {
	t.Helper()
	var made application
	fields := map[string]any{"name": name, "redirect_uris": []string{callbackURI}, "post_logout_redirect_uris": []string{byeURI}}
	if err := us.Admin(t.Context(), us.Nodes[2], http.MethodPost, "/applications", fields, &made); err != nil {
		t.Fatal(err)
	}
	return made
}

// told is what an application learns of a person.
type told struct {
	Claims   map[string]any `json:"claims"`
	Userinfo map[string]any `json:"userinfo"`
	Logout   string         `json:"logout"` // where to send the person to sign out
}

// signIn has a stock client library of another language sign a visitor in, with more parameters of the request.
func (a application) signIn(t *testing.T, v *visitor, parameters map[string]string) (got told) {
	t.Helper()
	client := start(t, "client.mjs", map[string]any{
		"issuer": us.Nodes[0].URL + "/oidc", "id": a.ID, "secret": a.Secret, "redirect": callbackURI, "bye": byeURI,
		"parameters": parameters,
	})
	v.stop = callbackURI
	end := v.walk(t, client.line(t))
	if _, err := io.WriteString(client.in, end.url.String()+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(client.line(t)), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// A stock client signs a person in through our provider face, with discovery, PKCE, our keys and userinfo.
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
	got := newApplication(t, "stock").signIn(t, newVisitor("ada"), nil)
	organization, _ := got.Claims["organization"].(map[string]any)
	if organization["slug"] != "stock" || got.Userinfo["email"] != "ada@acme.example" || got.Claims["sid"] == "" {
		t.Errorf("claims %v, userinfo %v", got.Claims, got.Userinfo)
	}
}
