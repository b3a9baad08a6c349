package region

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// NewClient gives an HTTP client for many connections to few hosts.
func NewClient() *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			MaxIdleConns: 2048, MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Organization is an organization made for a test.
type Organization struct {
	ID    string `json:"id"`
	Slug  string `json:"slug"`
	Token string `json:"-"` // a SCIM bearer token
}

// SCIM gives the organization's SCIM base URL at a node.
func (o Organization) SCIM(node *Node) string { return node.URL + "/scim/v2/" + o.ID }

// NewOrganization makes an organization with a SCIM token through the administration API of a node.
func (r *Region) NewOrganization(ctx context.Context, node *Node, slug, profile string, domains ...string) (Organization, error) {
	var o Organization
	body := map[string]any{"slug": slug, "name": slug, "domains": append([]string{}, domains...), "scim": "active"}
	if err := r.Admin(ctx, node, http.MethodPost, "/organizations", body, &o); err != nil {
		return Organization{}, err
	}
	if profile != "" {
		err := r.Admin(ctx, node, http.MethodPatch, "/organizations/"+o.ID, map[string]any{"scim_profile": profile}, nil)
		if err != nil {
			return Organization{}, err
		}
	}
	var minted struct {
		Token string `json:"token"`
	}
	err := r.Admin(ctx, node, http.MethodPost, "/organizations/"+o.ID+"/scim-tokens", map[string]any{"name": "test"}, &minted)
	if err != nil {
		return Organization{}, err
	}
	o.Token = minted.Token
	return o, nil
}

// Admin calls the administration API of a node; a status of 300 or more is an error.
func (r *Region) Admin(ctx context.Context, node *Node, method, path string, body, answer any) error {
	status, raw, err := Call(ctx, r.Client, method, node.URL+"/api/v1"+path, r.Operator, "application/json", body)
	if err != nil {
		return err
	}
	if status >= 300 {
		return fmt.Errorf("%s %s: status %d: %s", method, path, status, raw)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(raw, answer)
}

// Call sends one JSON request with a bearer token and gives status and body.
func Call(ctx context.Context, client *http.Client, method, url, token, contentType string, body any) (int, []byte, error) {
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		payload = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, payload)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		request.Header.Set("Content-Type", contentType)
	}
	resp, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, raw, err
}
