package dev

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
)

// Manifest is dev.json: everything that a person or a test needs to use a running dev installation. Fields may be added.
type Manifest struct {
	Regions []RegionManifest `json:"regions"`
	IdP     IdPManifest      `json:"idp"`
	Mail    MailManifest     `json:"mail"`
	DNS     string           `json:"dns"` // host:port of the only server that the nodes ask for proofs of domains
}

// RegionManifest is one region.
type RegionManifest struct {
	ID            string                 `json:"id"`
	Name          string                 `json:"name"`
	URL           string                 `json:"url"`
	LoginURL      string                 `json:"login_url"`
	Nodes         []NodeManifest         `json:"nodes"`
	OperatorToken string                 `json:"operator_token"`
	Organizations []OrganizationManifest `json:"organizations"`
}

// NodeManifest is one node process.
type NodeManifest struct {
	ID   string `json:"id"`
	URL  string `json:"url"`
	Ops  string `json:"ops"`
	PID  int    `json:"pid"`
	Data string `json:"data"`
}

// OrganizationManifest is one demo organization.
type OrganizationManifest struct {
	ID         string             `json:"id"`
	Slug       string             `json:"slug"`
	Name       string             `json:"name"`
	Domains    []string           `json:"domains"`
	SCIM       SCIMManifest       `json:"scim"`
	Connection ConnectionManifest `json:"connection"`
}

// SCIMManifest is where and with what an IdP provisions.
type SCIMManifest struct {
	Base  string `json:"base"`
	Token string `json:"token"`
}

// ConnectionManifest is how the organization's people sign in.
type ConnectionManifest struct {
	ID     string `json:"id"`
	Issuer string `json:"issuer"`
}

// IdPManifest is the demo identity provider.
type IdPManifest struct {
	Issuer string          `json:"issuer"`
	Users  []LoginManifest `json:"users"`
	Spare  SpareManifest   `json:"spare"`
}

// SpareManifest is a client at the demo provider that no organization uses yet, and the domain of people there who nobody knows yet.
type SpareManifest struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	SecretFile   string `json:"client_secret_file"`
	Domain       string `json:"domain"`
}

// LoginManifest is one demo person's login.
type LoginManifest struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// MailManifest is the mail sink.
type MailManifest struct {
	SMTP  string `json:"smtp"`
	Inbox string `json:"inbox"`
}

func manifestFile(dir string) string { return filepath.Join(dir, "dev.json") }

// ReadManifest reads DIR/dev.json.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	raw, err := os.ReadFile(manifestFile(dir))
	if err != nil {
		return m, fmt.Errorf("read the dev installation in %s: %w", dir, err)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("read %s: %w", manifestFile(dir), err)
	}
	return m, nil
}

// oldManifest is ReadManifest where no file yet is no fault.
func oldManifest(dir string) (Manifest, error) {
	m, err := ReadManifest(dir)
	if errors.Is(err, os.ErrNotExist) {
		return Manifest{}, nil
	}
	return m, err
}

// write replaces DIR/dev.json; only its owner can read it.
func (m *Manifest) write(dir string) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write dev.json: %w", err)
	}
	next := manifestFile(dir) + ".next"
	if err := os.WriteFile(next, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("write dev.json: %w", err)
	}
	return os.Rename(next, manifestFile(dir))
}

// organization finds a demo organization of an earlier start.
func (m *Manifest) organization(region, slug string) (OrganizationManifest, bool) {
	for _, r := range m.Regions {
		for _, o := range r.Organizations {
			if r.ID == region && o.Slug == slug {
				return o, true
			}
		}
	}
	return OrganizationManifest{}, false
}

// print shows the installation to a person.
func (m *Manifest) print(w io.Writer, dir string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	for _, r := range m.Regions {
		fmt.Fprintf(t, "  %s\tsign in\t%s\n", r.Name, r.LoginURL)
		fmt.Fprintf(t, "  \tAPI, SCIM\t%s\n", r.URL)
		for _, n := range r.Nodes {
			fmt.Fprintf(t, "  \tnode %s\t%s  ops %s  process %d\n", n.ID, n.URL, n.Ops, n.PID)
		}
		for _, o := range r.Organizations {
			fmt.Fprintf(t, "  \t%s\tSCIM base %s\n", o.Name, o.SCIM.Base)
		}
	}
	fmt.Fprintf(t, "  Demo people\t\t")
	for i, u := range m.IdP.Users {
		if i > 0 {
			fmt.Fprintf(t, "  \t\t")
		}
		fmt.Fprintf(t, "%s  password %s\n", u.Email, u.Password)
	}
	fmt.Fprintf(t, "  Demo provider\t\t%s  spare client %s, secret in %s, people at %s\n",
		m.IdP.Issuer, m.IdP.Spare.ClientID, m.IdP.Spare.SecretFile, m.IdP.Spare.Domain)
	fmt.Fprintf(t, "  Mail\t\t%s\n", m.Mail.Inbox)
	_ = t.Flush()
	if len(m.Regions) == 0 || len(m.Regions[0].Organizations) == 0 {
		return
	}
	o := m.Regions[0].Organizations[0]
	fmt.Fprintf(w, `
  Provision somebody:

    curl -s %s/Users \
      -H 'Authorization: Bearer %s' \
      -H 'Content-Type: application/scim+json' \
      -d '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"rosa@acme.example","displayName":"Rosa"}'

  Try a failure, then mend it (it stays dead until told):

    kill -9 %d
    bin/domicile dev restart %s --data %s

  All of this, with secrets, is in %s. Ctrl-C stops everything and keeps the data.

`, o.SCIM.Base, o.SCIM.Token, m.Regions[0].Nodes[0].PID, m.Regions[0].Nodes[0].ID, dir, manifestFile(dir))
}
