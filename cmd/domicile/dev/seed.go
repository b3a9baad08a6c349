package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// demo is what each region starts with: an organization, its people at the demo provider, and who of them is provisioned.
type demo struct {
	slug, name, domain string
	people             []person
}

type person struct {
	login, name string
	provisioned bool // a person who is not shows the refusal page
}

var demos = map[string]demo{
	"us": {"acme", "Acme", "acme.example", []person{
		{"ada", "Ada Byron", true}, {"alan", "Alan Mathison", true}, {"mallory", "Mallory (not provisioned)", false},
	}},
	"eu": {"nordwind", "Nordwind", "nordwind.example", []person{
		{"emmy", "Emmy Amalie", true}, {"otto", "Otto Wilhelm", true},
	}},
}

// spare is for whoever tries the way from a request to a connection: a client at the demo provider, and people of a domain that
// nobody has proved.
var spare = demo{domain: "hopper.example", people: []person{{"grace", "Grace Brewster", false}}}

const spareClient = "spare"

// demoPassword is the same for every demo person: the demo provider is reachable from this machine only.
const demoPassword = "demo"

func (d demo) email(p person) string { return p.login + "@" + d.domain }

// clientID and clientSecret are the demo provider's registration of one region.
func (d demo) clientID(region string) string { return "domicile-" + region + "-" + d.slug }

// api is the administration API of one region.
type api struct {
	base, token string
	client      *http.Client
}

// call sends a JSON request and reads a JSON answer; any other status than want is an error with the answer's text.
func (a *api) call(ctx context.Context, method, path string, body, answer any, want ...int) error {
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		payload = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, payload)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	for _, status := range want {
		if resp.StatusCode == status {
			if answer == nil {
				return nil
			}
			return json.Unmarshal(raw, answer)
		}
	}
	return fmt.Errorf("%s %s: status %d: %s", method, path, resp.StatusCode, raw)
}

// settle decides for a new region what suits development: a fresh organization and a token are all that SCIM needs, and
// nobody is slowed down. What was decided since stays.
func settle(ctx context.Context, admin *api) error {
	var settings struct {
		Version uint64 `json:"version"`
	}
	if err := admin.call(ctx, http.MethodGet, "/settings", nil, &settings, http.StatusOK); err != nil || settings.Version != 0 {
		return err
	}
	return admin.call(ctx, http.MethodPut, "/settings", map[string]any{"new_scim": "active", "request_rate": -1}, nil, http.StatusOK)
}

// seed settles a region and makes its demo organization, or finds it where an earlier start made it.
func seed(ctx context.Context, p place, operatorToken, issuer, secret string, old Manifest) (OrganizationManifest, error) {
	d := demos[p.id]
	admin := &api{base: p.url() + "/api/v1", token: operatorToken, client: &http.Client{Timeout: 15 * time.Second}}
	if err := settle(ctx, admin); err != nil {
		return OrganizationManifest{}, err
	}
	if known, ok := old.organization(p.id, d.slug); ok {
		var present struct {
			ID string `json:"id"`
		}
		if err := admin.call(ctx, http.MethodGet, "/organizations/"+known.ID, nil, &present, http.StatusOK); err == nil {
			known.SCIM.Base = p.url() + "/scim/v2/" + known.ID
			if known.Connection.Issuer == issuer {
				return known, nil
			}
			connection, err := connect(ctx, admin, http.MethodPut, known.ID, "/"+known.Connection.ID, d.clientID(p.id), issuer, secret)
			known.Connection = connection
			return known, err
		}
	}
	return found(ctx, p, admin, d, issuer, secret)
}

// found makes the demo organization with a SCIM token, a connection and its provisioned people.
func found(ctx context.Context, p place, admin *api, d demo, issuer, secret string) (OrganizationManifest, error) {
	var none OrganizationManifest
	var org, token struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}
	body := map[string]any{"slug": d.slug, "name": d.name, "domains": []string{d.domain}}
	if err := admin.call(ctx, http.MethodPost, "/organizations", body, &org, http.StatusCreated); err != nil {
		return none, err
	}
	path := "/organizations/" + url.PathEscape(org.ID)
	if err := admin.call(ctx, http.MethodPost, path+"/scim-tokens", map[string]any{"name": "dev"}, &token, http.StatusCreated); err != nil {
		return none, err
	}
	connection, err := connect(ctx, admin, http.MethodPost, org.ID, "", d.clientID(p.id), issuer, secret)
	if err != nil {
		return none, err
	}
	o := OrganizationManifest{
		ID: org.ID, Slug: d.slug, Name: d.name, Domains: []string{d.domain},
		SCIM:       SCIMManifest{Base: p.url() + "/scim/v2/" + org.ID, Token: token.Token},
		Connection: connection,
	}
	scim := &api{base: o.SCIM.Base, token: token.Token, client: admin.client}
	for _, person := range d.people {
		if !person.provisioned {
			continue
		}
		user := map[string]any{
			"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
			"userName": d.email(person), "displayName": person.name, "active": true,
			"emails": []map[string]any{{"value": d.email(person), "type": "work", "primary": true}},
		}
		if err := scim.call(ctx, http.MethodPost, "/Users", user, nil, http.StatusCreated, http.StatusConflict); err != nil {
			return none, err
		}
	}
	return o, nil
}

func connect(ctx context.Context, admin *api, method, org, id, clientID, issuer, secret string) (ConnectionManifest, error) {
	var connection ConnectionManifest
	body := map[string]any{
		"issuer": issuer, "client_id": clientID, "client_secret": secret, "auth_method": "client_secret_basic",
	}
	err := admin.call(ctx, method, "/organizations/"+url.PathEscape(org)+"/connections"+id, body, &connection,
		http.StatusCreated, http.StatusOK)
	return connection, err
}
