package interop

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"domicile/test/region"
)

// A provider in Go whose issuer ends with a slash, with at_hash, c_hash and azp, and without RFC 9207.
func TestZitadelProvider(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	issuer := "http://" + listener.Addr().String() + "/"
	users := storage.NewUserStore(issuer)
	person := users.GetUserByID("id1")
	if person == nil {
		t.Fatal("the example provider has no user id1")
	}
	o, err := us.NewOrganization(t.Context(), us.Nodes[0], "zitadel", "", "zitadel.ch")
	if err != nil {
		t.Fatal(err)
	}
	tenant := &tenant{o}

	var handler http.Handler
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	server.Listener = listener
	serve := func(redirect string) {
		storage.RegisterClients(storage.WebClient("domicile", secret, redirect))
		handler = exampleop.SetupServer(issuer, storage.NewStorage(users), slog.New(slog.DiscardHandler), false, op.WithAllowInsecure())
	}
	serve("http://127.0.0.1/none")
	server.Start()
	t.Cleanup(server.Close)

	// The authority as an administrator types it, without the slash.
	made := tenant.connect(t, map[string]any{"issuer": issuer[:len(issuer)-1], "client_id": "domicile", "client_secret": secret})
	serve(made.RedirectURI)
	status, raw, err := region.Call(t.Context(), us.Client, http.MethodPost, o.SCIM(us.Nodes[2])+"/Users", o.Token, "application/scim+json", map[string]any{
		"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
		"userName": person.Email, "active": true, "emails": []map[string]any{{"value": person.Email, "primary": true}},
	})
	if err != nil || status != http.StatusCreated {
		t.Fatalf("create: %d %v %s", status, err, raw)
	}
	v := newVisitor("test")
	v.fields["email"], v.fields["username"], v.fields["password"] = person.Email, person.Username, person.Password
	if end := v.walk(t, us.Nodes[0].URL+"/login"); end.status != http.StatusOK {
		t.Fatalf("the sign-in ended with %d at %s:\n%s", end.status, end.url, end.body)
	}
	eventually(t, "signed in", func(n *region.Node) bool { return signedIn(t, v, n) == person.Email })
}
