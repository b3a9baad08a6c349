package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"domicile/test/region"
)

// us is the region that all tests share, of three node processes.
var us *region.Region

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	binary := os.Getenv("DOMICILE_BINARY")
	if binary == "" {
		fmt.Fprintln(os.Stderr, "DOMICILE_BINARY names no binary: use make interop")
		return 1
	}
	dir, err := os.MkdirTemp("", "domicile-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if us, err = region.Start(context.Background(), region.Options{Binary: binary, Dir: dir}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer us.Close()
	return m.Run()
}

// tenant is an organization with people.
type tenant struct{ region.Organization }

// newTenant makes an organization whose people are provisioned; its domain is one that no other test uses at the same time.
func newTenant(t *testing.T, slug string, people ...string) *tenant {
	t.Helper()
	o, err := us.NewOrganization(t.Context(), us.Nodes[0], slug, "", "acme.example")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = us.Admin(context.Background(), us.Nodes[0], http.MethodDelete, "/organizations/"+o.ID, nil, nil)
	})
	tenant := &tenant{o}
	for _, login := range people {
		tenant.provision(t, login)
	}
	return tenant
}

func (o *tenant) provision(t *testing.T, login string) string {
	t.Helper()
	name := login + "@acme.example"
	status, raw, err := region.Call(t.Context(), us.Client, http.MethodPost, o.SCIM(us.Nodes[1])+"/Users", o.Token, "application/scim+json", map[string]any{
		"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
		"userName": name, "displayName": login, "active": true, "emails": []map[string]any{{"value": name, "primary": true}},
	})
	if err != nil || status != http.StatusCreated {
		t.Fatalf("create %s: %d %v %s", name, status, err, raw)
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &made); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// connection is what the administration API says of a connection.
type connection struct {
	ID          string `json:"id"`
	RedirectURI string `json:"redirect_uri"`
}

// connect makes a connection to a provider that answers at issuer.
func (o *tenant) connect(t *testing.T, fields map[string]any) connection {
	t.Helper()
	var made connection
	if err := us.Admin(t.Context(), us.Nodes[0], http.MethodPost, "/organizations/"+o.ID+"/connections", fields, &made); err != nil {
		t.Fatal(err)
	}
	return made
}

// signedIn tells who a visitor is to a node, "" for nobody.
func signedIn(t *testing.T, v *visitor, node *region.Node) string {
	t.Helper()
	status, body, err := v.get(t.Context(), node.URL+"/api/v1/session")
	if err != nil {
		t.Fatal(err)
	}
	if status == http.StatusUnauthorized {
		return ""
	}
	var who struct {
		User struct {
			UserName string `json:"userName"`
		} `json:"user"`
	}
	if err := json.Unmarshal([]byte(body), &who); err != nil || status != http.StatusOK {
		t.Fatalf("session: %d %s", status, body)
	}
	return strings.TrimSuffix(who.User.UserName, "@acme.example")
}

// eventually waits until something holds on every node.
func eventually(t *testing.T, what string, holds func(*region.Node) bool) {
	t.Helper()
	until := time.Now().Add(10 * time.Second)
	for _, node := range us.Nodes {
		for !holds(node) {
			if time.Now().After(until) {
				t.Fatalf("%s: not on %s", what, node.Name)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// freePort gives a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
