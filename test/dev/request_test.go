package dev

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"domicile/test/region"
)

// domicile runs a command against the us region and reads what it prints as JSON.
func domicile(t *testing.T, answer any, args ...string) {
	t.Helper()
	args = append(args, "--dev", laptop.dir, "--region", "us", "-o", "json")
	out, err := exec.CommandContext(t.Context(), laptop.binary, args...).Output()
	if err == nil && answer != nil {
		err = json.Unmarshal(out, answer)
	}
	if err != nil {
		t.Fatalf("domicile %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// The way of the README from a request to a sign-in, with the demo's spare client and its DNS. The browser begins at the API's
// address, which leads to the sign-in page's.
func TestBrowser_requestToSignIn(t *testing.T) {
	us, spare := laptop.Regions[0], laptop.IdP.Spare
	var request struct {
		ID      string `json:"id"`
		State   string `json:"state"`
		Version uint64 `json:"version"`
	}
	domicile(t, &request, "request", "create", "acme", "--issuer", laptop.IdP.Issuer, "--client-id", spare.ClientID,
		"--client-secret-file", spare.SecretFile, "--domain", spare.Domain, "--just-in-time")
	var proof struct {
		Record struct{ Name, Value string } `json:"record"`
		State  string                       `json:"state"`
	}
	domicile(t, &proof, "domain", "get", "acme", spare.Domain)
	err := region.Run(t.Context(), laptop.binary, "domain", "verify", "acme", spare.Domain, "--dev", laptop.dir, "--region", "us")
	if err == nil || !strings.Contains(err.Error(), "found was: no record") {
		t.Fatalf("nothing is published, and %v", err)
	}
	if err := region.Run(t.Context(), laptop.binary, "dev", "dns", proof.Record.Name, proof.Record.Value, "--data", laptop.dir); err != nil {
		t.Fatal(err)
	}
	if domicile(t, &proof, "domain", "verify", "acme", spare.Domain); proof.State != "verified" {
		t.Fatalf("the domain is %s", proof.State)
	}
	domicile(t, &request, "request", "submit", "acme", request.ID)
	domicile(t, &request, "request", "approve", "acme", request.ID, "--version", fmt.Sprint(request.Version))
	if domicile(t, &request, "request", "activate", "acme", request.ID); request.State != "active" {
		t.Fatalf("the request is %s", request.State)
	}

	grace := "grace@" + spare.Domain
	browser := newBrowser(t)
	step(t, browser, "open the sign-in page by the API's address", chromedp.Navigate(us.URL+"/login"))
	awaitText(t, browser, us.LoginURL, "Work e-mail")
	address(t, browser, grace)
	awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider")
	authenticate(t, browser, login(t, grace))
	awaitText(t, browser, home(us)+"/", "Grace Brewster")

	// The spare client is somebody else's for the next test run.
	domicile(t, nil, "request", "disable", "acme", request.ID)
	var connections []struct {
		ID     string `json:"id"`
		Client string `json:"client_id"`
	}
	domicile(t, &connections, "connection", "list", "acme")
	for _, c := range connections {
		if c.Client == spare.ClientID {
			domicile(t, nil, "connection", "delete", "acme", c.ID)
		}
	}
	domicile(t, nil, "request", "delete", "acme", request.ID)
	domicile(t, nil, "domain", "delete", "acme", spare.Domain)
	if err := region.Run(t.Context(), laptop.binary, "dev", "dns", proof.Record.Name, "", "--data", laptop.dir); err != nil {
		t.Fatal(err)
	}
}
