package main

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// scimToken is a SCIM token as the API shows it. Token, SCIMBase and Voided are in the answer that makes it only.
type scimToken struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Name     string     `json:"name"`
	Hint     string     `json:"hint"`
	Created  time.Time  `json:"created_at"`
	Expires  *time.Time `json:"expires_at"`
	LastUsed *time.Time `json:"last_used_at"`
	LastIP   string     `json:"last_ip,omitempty"`
	Token    string     `json:"token,omitempty"`
	SCIMBase string     `json:"scim_base,omitempty"`
	Voided   []string   `json:"voided,omitempty"`
}

func newTokenCommand() *cobra.Command {
	t := new(target)
	return group("token", "SCIM bearer tokens of an organization", t,
		newTokenCreateCommand(t), newTokenListCommand(t), newTokenRevokeCommand(t))
}

func newTokenCreateCommand(t *target) *cobra.Command {
	var name string
	var life time.Duration
	cmd := &cobra.Command{
		Use: "create ORGANIZATION", Short: "Make a token and show it, this once", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"name": name}
			if life <= 0 && cmd.Flags().Changed("expires-in") {
				return usagef("--expires-in must be a positive time, such as 8760h")
			}
			if life > 0 {
				body["expires_at"] = time.Now().Add(life).UTC().Truncate(time.Second)
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var made scimToken
			if err := c.call(cmd.Context(), http.MethodPost, path+"/scim-tokens", body, &made); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), made, sheet{rows: [][]string{
				{"token", made.Token}, {"scim base", cmp.Or(made.SCIMBase, "none before SCIM is active")}, {"id", made.ID},
				{"name", made.Name}, {"expires", dayOrNever(made.Expires)}, {"voided", orDash(strings.Join(made.Voided, ", "))},
			}})
		},
	}
	cmd.Flags().StringVar(&name, "name", "SCIM", "what to call the token in lists")
	cmd.Flags().DurationVar(&life, "expires-in", 0, "life of the token, such as 8760h (no end when not given)")
	return cmd
}

func newTokenListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list ORGANIZATION", Short: "List an organization's tokens", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var answer struct {
				Tokens []scimToken `json:"scim_tokens"`
			}
			if err := c.call(cmd.Context(), http.MethodGet, path+"/scim-tokens", nil, &answer); err != nil {
				return err
			}
			s := sheet{heads: []string{"NAME", "ENDS WITH", "CREATED", "EXPIRES", "LAST USED", "FROM", "ID"}, none: "No tokens."}
			for _, token := range answer.Tokens {
				s.rows = append(s.rows, []string{
					token.Name, token.Hint, day(token.Created), dayOrNever(token.Expires), dayOrNever(token.LastUsed),
					orDash(token.LastIP), token.ID,
				})
			}
			return t.print(cmd.OutOrStdout(), answer.Tokens, s)
		},
	}
}

func newTokenRevokeCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ORGANIZATION TOKEN-ID", Short: "Refuse a token from now on", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			path += "/scim-tokens/" + url.PathEscape(args[1])
			if err := c.call(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "Token %s is revoked.", args[1])
		},
	}
}
