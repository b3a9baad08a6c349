package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"domicile/cmd/domicile/dev"
	"domicile/seal"
)

// target says which region's administration API a command talks to, and how its answer is printed.
type target struct {
	url       string
	tokenFile string
	dev       string
	region    string
	format    string
}

// flags adds the flags that every client command has.
func (t *target) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&t.url, "url", "", "the region's address, https://us.example.com (env DOMICILE_URL)")
	f.StringVar(&t.tokenFile, "token-file", "", "file with the operator's token (env DOMICILE_TOKEN_FILE)")
	f.StringVar(&t.dev, "dev", "", "`directory` of a running domicile dev, in place of --url and --token-file")
	f.StringVar(&t.region, "region", "", "with --dev: which of its regions (the first when not given)")
	f.StringVarP(&t.format, "output", "o", "table", "table or json")
}

// client finds out where to go and with which token.
func (t *target) client() (*client, error) {
	if t.format != "table" && t.format != "json" {
		return nil, usagef("--output must be table or json")
	}
	if t.dev != "" {
		if t.url != "" || t.tokenFile != "" {
			return nil, usagef("--dev stands in place of --url and --token-file")
		}
		return t.devClient()
	}
	if t.region != "" {
		return nil, usagef("--region goes with --dev")
	}
	address, file := orEnv(t.url, "DOMICILE_URL"), orEnv(t.tokenFile, "DOMICILE_TOKEN_FILE")
	if address == "" || file == "" {
		return nil, usagef("say which region: --url and --token-file (or DOMICILE_URL and DOMICILE_TOKEN_FILE), or --dev DIR")
	}
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, usagef("--url must look like https://us.example.com")
	}
	token, err := seal.ReadSecretFile(file)
	if err != nil {
		return nil, err
	}
	return newClient(address, token), nil
}

// organization is client for a command about one organization: it also finds out the organization's path.
func (t *target) organization(cmd *cobra.Command, name string) (*client, string, error) {
	c, err := t.client()
	if err != nil {
		return nil, "", err
	}
	path, err := c.organization(cmd.Context(), name)
	return c, path, err
}

func (t *target) devClient() (*client, error) {
	manifest, err := dev.ReadManifest(t.dev)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, region := range manifest.Regions {
		if t.region == "" || region.ID == t.region {
			return newClient(region.URL, seal.NewSecret(region.OperatorToken)), nil
		}
		known = append(known, region.ID)
	}
	return nil, usagef("the dev installation has no region %q, only %s", t.region, strings.Join(known, ", "))
}

func orEnv(value, name string) string {
	if value != "" {
		return value
	}
	return os.Getenv(name)
}

// client speaks to the administration API of one region.
type client struct {
	base  string
	token seal.Secret
	http  *http.Client
}

const (
	clientTimeout = 30 * time.Second
	maxAnswer     = 8 << 20 // bytes
)

func newClient(base string, token seal.Secret) *client {
	return &client{
		base:  strings.TrimRight(base, "/"),
		token: token,
		http: &http.Client{
			Timeout:       clientTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token stays here
		},
	}
}

// apiError is a refusal of the API: the problem's own words (RFC 9457).
type apiError struct {
	Status    int    `json:"status"`
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	Field     string `json:"field"`
	RequestID string `json:"request_id"`
}

// Error gives detail and field, and for faults of the service the id under which its logs have the request.
func (e *apiError) Error() string {
	text := e.Detail
	if text == "" {
		text = strings.ToLower(e.Title)
	}
	if e.Field != "" && !strings.HasPrefix(text, e.Field) {
		text = e.Field + ": " + text
	}
	if e.Status >= http.StatusInternalServerError && e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// call sends in, where there is one, as JSON and reads the answer into out, where there is one. Refusals are *apiError.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return refusalOf(resp, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	return nil
}

// every gets the rows of a list from all its pages, or the first limit of them; 0 is all.
func every[T any](ctx context.Context, c *client, path, member string, query url.Values, limit int) ([]T, error) {
	all := []T{}
	if query == nil {
		query = make(url.Values)
	}
	query.Set("page_size", "200")
	for {
		var page map[string]json.RawMessage
		if err := c.call(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		var rows []T
		if err := json.Unmarshal(page[member], &rows); err != nil {
			return nil, fmt.Errorf("read the answer of %s: %w", c.base, err)
		}
		all = append(all, rows...)
		if limit > 0 && len(all) >= limit {
			return all[:limit], nil
		}
		var next string
		if token := page["next_page_token"]; token != nil && json.Unmarshal(token, &next) != nil || next == "" {
			return all, nil
		}
		query.Set("page_token", next)
	}
}

func refusalOf(resp *http.Response, answer []byte) error {
	var e apiError
	if json.Unmarshal(answer, &e) != nil || e.Status == 0 {
		return fmt.Errorf("%s answered %s; is this a region's address?", resp.Request.URL.Host, resp.Status)
	}
	return &e
}

// organization resolves what a person calls an organization, its slug or its id, to its path.
func (c *client) organization(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", usagef("the organization's slug or id is empty")
	}
	var found struct {
		Organizations []organization `json:"organizations"`
	}
	if err := c.call(ctx, http.MethodGet, organizationsPath+"?slug="+url.QueryEscape(name), nil, &found); err != nil {
		return "", err
	}
	if len(found.Organizations) == 1 {
		return organizationsPath + "/" + found.Organizations[0].ID, nil
	}
	path := organizationsPath + "/" + url.PathEscape(name)
	err := c.call(ctx, http.MethodGet, path, nil, nil)
	if refused, ok := errors.AsType[*apiError](err); ok && refused.Status == http.StatusNotFound {
		return "", fmt.Errorf("there is no organization %q", name)
	}
	return path, err
}
