package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// provider is what the region keeps of an identity provider, as the API shows it.
type provider struct {
	Issuer          string     `json:"issuer"`
	Fetched         *time.Time `json:"fetched_at"`
	KeysFetched     *time.Time `json:"keys_fetched_at"`
	ConnectionCount int        `json:"connection_count"`
	Connections     []struct {
		Organization string `json:"organization"`
		ID           string `json:"id"`
		Enabled      bool   `json:"enabled"`
	} `json:"connections"`
	Moves []move `json:"moves"`
}

// move is an endpoint that went to another host.
type move struct {
	Endpoint string    `json:"endpoint"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	At       time.Time `json:"at"`
}

func (m *move) String() string {
	return fmt.Sprintf("%s  %s: %s to %s", day(m.At), m.Endpoint, orDash(m.From), orDash(m.To))
}

func (p *provider) sheet() sheet {
	s := sheet{rows: [][]string{
		{"issuer", p.Issuer}, {"discovery document", dayOrNever(p.Fetched)}, {"keys", dayOrNever(p.KeysFetched)},
		{"connections", strconv.Itoa(p.ConnectionCount)},
	}}
	for _, c := range p.Connections {
		state := "disabled"
		if c.Enabled {
			state = "enabled"
		}
		s.rows = append(s.rows, []string{"connection", c.ID + " of " + c.Organization + ", " + state})
	}
	for i := range p.Moves {
		s.rows = append(s.rows, []string{"moved", p.Moves[i].String()})
	}
	return s
}

func newProviderCommand() *cobra.Command {
	t := new(target)
	return group("provider", "Identity providers of the region, and where their endpoints moved", t,
		newProviderListCommand(t), newProviderShowCommand(t))
}

func (c *client) providers(ctx context.Context, query url.Values) ([]provider, error) {
	return every[provider](ctx, c, "/api/v1/providers", "providers", query, 0)
}

func newProviderListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List identity providers", Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			all, err := c.providers(cmd.Context(), nil)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"ISSUER", "CONNECTIONS", "DISCOVERY", "KEYS", "LAST MOVE"}, none: "No providers."}
			for _, p := range all {
				last := "-"
				if len(p.Moves) > 0 {
					last = p.Moves[0].String()
				}
				s.rows = append(s.rows, []string{p.Issuer, strconv.Itoa(p.ConnectionCount), dayOrNever(p.Fetched), dayOrNever(p.KeysFetched), last})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
}

func newProviderShowCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "show ISSUER", Short: "Show a provider, its connections and where its endpoints moved", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			found, err := c.providers(cmd.Context(), url.Values{"issuer": {args[0]}})
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return fmt.Errorf("the region keeps nothing of %s; see domicile provider list for the exact issuers", args[0])
			}
			return t.print(cmd.OutOrStdout(), found[0], found[0].sheet())
		},
	}
}
