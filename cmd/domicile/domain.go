package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// domain is a domain or a claim to one as the API shows it.
type domain struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Belongs bool   `json:"belongs"`
	Record  *struct {
		Type  string `json:"type"`
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"record,omitempty"`
	Claimed  *time.Time `json:"claimed_at"`
	Verified *time.Time `json:"verified_at"`
	Checked  *time.Time `json:"checked_at"`
	Missing  *time.Time `json:"missing_since"`
	Look     *struct {
		Outcome   string `json:"outcome"`
		Resolvers []struct {
			Records []string `json:"records"`
			Problem string   `json:"problem,omitempty"`
		} `json:"resolvers"`
	} `json:"look,omitempty"`
}

func (d *domain) sheet() sheet {
	s := sheet{rows: [][]string{
		{"name", d.Name}, {"state", d.State}, {"leads people here", yesOrNo(d.Belongs)}, {"verified", dayOrNever(d.Verified)},
		{"checked", dayOrNever(d.Checked)},
	}}
	if d.Missing != nil {
		s.rows = append(s.rows, []string{"missing since", day(*d.Missing)})
	}
	if d.Record != nil {
		s.rows = append(s.rows, []string{"record type", d.Record.Type}, []string{"record name", d.Record.Name}, []string{"record value", d.Record.Value})
	}
	if d.Look == nil {
		return s
	}
	s.rows = append(s.rows, []string{"outcome", d.Look.Outcome})
	for i, said := range d.sightings() {
		s.rows = append(s.rows, []string{"resolver " + strconv.Itoa(i+1), said})
	}
	return s
}

func newDomainCommand() *cobra.Command {
	t := new(target)
	return group("domain", "E-mail domains of an organization, and the proof of them", t,
		newDomainListCommand(t), newDomainClaimCommand(t),
		newDomainGetCommand(t), newDomainVerifyCommand(t), newDomainDeleteCommand(t))
}

func newDomainListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list ORGANIZATION", Short: "List domains and claims", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			all, err := every[domain](cmd.Context(), c, path+"/domains", "domains", nil, 0)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"NAME", "STATE", "LEADS HERE", "VERIFIED", "CHECKED"}, none: "No domains."}
			for _, d := range all {
				s.rows = append(s.rows, []string{d.Name, d.State, yesOrNo(d.Belongs), dayOrNever(d.Verified), dayOrNever(d.Checked)})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
}

func newDomainClaimCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "claim ORGANIZATION DOMAIN", Short: "Claim a domain; says which record proves it", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := t.showDomain(cmd, http.MethodPost, args[0], "", map[string]string{"name": args[1]})
			return err
		},
	}
}

func newDomainGetCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "get ORGANIZATION DOMAIN", Short: "Show a domain and the record that proves it", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := t.showDomain(cmd, http.MethodGet, args[0], "/"+url.PathEscape(args[1]), nil)
			return err
		},
	}
}

func newDomainVerifyCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "verify ORGANIZATION DOMAIN", Short: "Look for the record now", Args: arguments(cobra.ExactArgs(2)),
		Long: "Looks for the record now. The exit status is 0 where it was found, and 1 where it was not.",
		RunE: func(cmd *cobra.Command, args []string) error {
			looked, err := t.showDomain(cmd, http.MethodPost, args[0], "/"+url.PathEscape(args[1])+"/verify", nil)
			if err != nil {
				return err
			}
			return looked.unproved()
		},
	}
}

// unproved says what was looked for and what was found; nil where that proves the domain.
func (d *domain) unproved() error {
	if d.Look == nil || d.Record == nil || d.Look.Outcome == "found" {
		return nil
	}
	var found []string
	for _, said := range d.sightings() {
		if !slices.Contains(found, said) {
			found = append(found, said)
		}
	}
	return fmt.Errorf("%s is not proved (%s): wanted is the %s record %s with the value %s, and found was: %s",
		d.Name, d.Look.Outcome, d.Record.Type, d.Record.Name, d.Record.Value, strings.Join(found, "; "))
}

// sightings tell what each resolver said.
func (d *domain) sightings() []string {
	var all []string
	for _, resolver := range d.Look.Resolvers {
		switch {
		case resolver.Problem != "":
			all = append(all, resolver.Problem)
		case len(resolver.Records) == 0:
			all = append(all, "no record")
		default:
			all = append(all, strings.Join(resolver.Records, " | "))
		}
	}
	return all
}

// showDomain sends a request about an organization's domains and prints the one that comes back.
func (t *target) showDomain(cmd *cobra.Command, method, organization, below string, body any) (*domain, error) {
	c, path, err := t.organization(cmd, organization)
	if err != nil {
		return nil, err
	}
	answer := new(domain)
	if err := c.call(cmd.Context(), method, path+"/domains"+below, body, answer); err != nil {
		return nil, err
	}
	return answer, t.print(cmd.OutOrStdout(), *answer, answer.sheet())
}

func newDomainDeleteCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "delete ORGANIZATION DOMAIN", Short: "Give a domain up", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.remove(cmd, args[0], "/domains/"+url.PathEscape(args[1]), "Domain "+args[1]+" is given up.")
		},
	}
}
