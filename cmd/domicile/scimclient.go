package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// scimClient is an OAuth 2.0 client as the API shows it. Secret is in the answer that makes it only.
type scimClient struct {
	ID           string      `json:"id"`
	Name         string      `json:"name"`
	RedirectURIs []string    `json:"redirect_uris"`
	AuthorizeURL string      `json:"authorize_url"`
	TokenURL     string      `json:"token_url"`
	Created      time.Time   `json:"created_at"`
	Tokens       []scimToken `json:"tokens"`
	Secret       string      `json:"client_secret,omitempty"`
}

func newScimClientCommand() *cobra.Command {
	t := new(target)
	return group("scim-client", "OAuth 2.0 clients of an organization's IdP", t,
		newScimClientCreateCommand(t), newScimClientListCommand(t), newScimClientApproveCommand(t), newScimClientDeleteCommand(t))
}

func newScimClientCreateCommand(t *target) *cobra.Command {
	var name string
	var redirects []string
	cmd := &cobra.Command{
		Use: "create ORGANIZATION", Short: "Make a client and show its secret, this once", Args: arguments(cobra.ExactArgs(1)),
		Long: "Makes an OAuth 2.0 client for an organization's IdP. Without --redirect-uri it uses client credentials; with one it\n" +
			"uses authorization codes, and somebody approves it with the code of domicile scim-client approve.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			body := map[string]any{"name": name, "redirect_uris": append([]string{}, redirects...)}
			var made scimClient
			if err := c.call(cmd.Context(), http.MethodPost, path+"/scim-clients", body, &made); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), made, sheet{rows: [][]string{
				{"client id", made.ID}, {"client secret", made.Secret}, {"token url", made.TokenURL},
				{"authorize url", made.AuthorizeURL}, {"redirect uris", orDash(strings.Join(made.RedirectURIs, ", "))},
				{"name", made.Name},
			}})
		},
	}
	cmd.Flags().StringVar(&name, "name", "SCIM", "what to call the client in lists")
	cmd.Flags().StringArrayVar(&redirects, "redirect-uri", nil, "where the IdP wants people back, exactly; may be repeated")
	return cmd
}

func newScimClientListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list ORGANIZATION", Short: "List an organization's clients", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var answer struct {
				Clients []scimClient `json:"scim_clients"`
			}
			if err := c.call(cmd.Context(), http.MethodGet, path+"/scim-clients", nil, &answer); err != nil {
				return err
			}
			s := sheet{heads: []string{"NAME", "REDIRECT URIS", "TOKENS", "CREATED", "CLIENT ID"}, none: "No clients."}
			for _, k := range answer.Clients {
				s.rows = append(s.rows, []string{
					k.Name, orDash(strings.Join(k.RedirectURIs, ",")), strconv.Itoa(len(k.Tokens)), day(k.Created), k.ID,
				})
			}
			return t.print(cmd.OutOrStdout(), answer.Clients, s)
		},
	}
}

func newScimClientApproveCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "approve ORGANIZATION CLIENT-ID", Short: "Make a code that approves a client on the authorization page, once",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var made struct {
				Code    string    `json:"code"`
				Expires time.Time `json:"expires_at"`
			}
			path += "/scim-clients/" + url.PathEscape(args[1]) + "/approvals"
			if err := c.call(cmd.Context(), http.MethodPost, path, nil, &made); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), made, sheet{rows: [][]string{{"code", made.Code}, {"expires", day(made.Expires)}}})
		},
	}
}

func newScimClientDeleteCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "delete ORGANIZATION CLIENT-ID", Short: "Delete a client and refuse its tokens from now on",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			path += "/scim-clients/" + url.PathEscape(args[1])
			if err := c.call(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "Client %s is deleted.", args[1])
		},
	}
}
