package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"domicile/seal"
)

// connection is an OpenID Connect connection as the API shows it.
type connection struct {
	ID          string         `json:"id"`
	Issuer      string         `json:"issuer"`
	ClientID    string         `json:"client_id"`
	AuthMethod  string         `json:"auth_method"`
	Scopes      []string       `json:"scopes"`
	Enabled     bool           `json:"enabled"`
	RedirectURI string         `json:"redirect_uri"`
	Created     time.Time      `json:"created_at"`
	Modified    time.Time      `json:"updated_at"`
	Discovery   map[string]any `json:"discovery,omitempty"`
}

func (c *connection) state() string {
	if c.Enabled {
		return "enabled"
	}
	return "disabled"
}

func (c *connection) sheet() sheet {
	s := sheet{rows: [][]string{
		{"id", c.ID}, {"issuer", c.Issuer}, {"client id", c.ClientID}, {"auth method", c.AuthMethod},
		{"scopes", strings.Join(append([]string{"openid profile email"}, c.Scopes...), " ")},
		{"state", c.state()}, {"redirect uri", c.RedirectURI},
	}}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri"} {
		if endpoint, ok := c.Discovery[name].(string); ok {
			s.rows = append(s.rows, []string{strings.ReplaceAll(name, "_", " "), endpoint})
		}
	}
	return s
}

func newConnectionCommand() *cobra.Command {
	t := new(target)
	return group("connection", "OpenID Connect connections of an organization", t,
		newConnectionSetCommand(t), newConnectionListCommand(t), newConnectionDeleteCommand(t))
}

// connectionFlags are what can be chosen about a connection.
type connectionFlags struct {
	id, issuer, clientID, secretFile, authMethod string
	scopes                                       []string
	disabled                                     bool
}

func (f *connectionFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.id, "id", "", "which connection to replace; without it the one with this issuer and client id, or a new one")
	cmd.Flags().StringVar(&f.issuer, "issuer", "", "the provider's issuer (required)")
	cmd.Flags().StringVar(&f.clientID, "client-id", "", "our client id there (required)")
	cmd.Flags().StringVar(&f.secretFile, "client-secret-file", "",
		"file with our client secret there, - for standard input; without it a replaced connection keeps its own")
	cmd.Flags().StringVar(&f.authMethod, "auth-method", "client_secret_basic", "client_secret_basic or client_secret_post")
	cmd.Flags().StringSliceVar(&f.scopes, "scope", nil, "scope besides openid, profile and email; may be repeated")
	cmd.Flags().BoolVar(&f.disabled, "disabled", false, "keep it, but let nobody sign in through it")
}

func (f *connectionFlags) body(stdin io.Reader) (map[string]any, error) {
	body := map[string]any{
		"issuer": f.issuer, "client_id": f.clientID, "auth_method": f.authMethod, "enabled": !f.disabled,
	}
	if len(f.scopes) > 0 {
		body["scopes"] = f.scopes
	}
	secret, err := readSecret(f.secretFile, stdin)
	if err != nil {
		return nil, err
	}
	if !secret.IsZero() {
		body["client_secret"] = secret.Reveal()
	}
	return body, nil
}

// readSecret reads a file, standard input for "-", or nothing for no name.
func readSecret(file string, stdin io.Reader) (seal.Secret, error) {
	switch file {
	case "":
		return seal.Secret{}, nil
	case "-":
		text, err := io.ReadAll(io.LimitReader(stdin, 4<<10))
		return seal.NewSecret(strings.TrimRight(string(text), "\r\n")), err
	default:
		return seal.ReadSecretFile(file)
	}
}

func newConnectionSetCommand(t *target) *cobra.Command {
	var f connectionFlags
	cmd := &cobra.Command{
		Use: "set ORGANIZATION", Short: "Make or replace a connection", Args: arguments(cobra.ExactArgs(1)),
		Example: "domicile connection set acme --issuer https://login.acme.example --client-id domicile --client-secret-file secret",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.issuer == "" || f.clientID == "" {
				return usagef("--issuer and --client-id are required")
			}
			body, err := f.body(cmd.InOrStdin())
			if err != nil {
				return err
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			made, err := c.setConnection(cmd.Context(), path+"/connections", &f, body)
			if err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), made, made.sheet())
		},
	}
	f.add(cmd)
	return cmd
}

// setConnection replaces the connection that the flags mean, or makes one.
func (c *client) setConnection(ctx context.Context, path string, f *connectionFlags, body map[string]any) (*connection, error) {
	id := f.id
	if id == "" {
		known, err := c.connections(ctx, path)
		if err != nil {
			return nil, err
		}
		for _, k := range known {
			if strings.TrimSuffix(k.Issuer, "/") == strings.TrimSuffix(f.issuer, "/") && k.ClientID == f.clientID {
				id = k.ID
			}
		}
	}
	method := http.MethodPost
	if id != "" {
		method, path = http.MethodPut, path+"/"+url.PathEscape(id)
	}
	made := new(connection)
	return made, c.call(ctx, method, path, body, made)
}

func (c *client) connections(ctx context.Context, path string) ([]connection, error) {
	var answer struct {
		Connections []connection `json:"connections"`
	}
	err := c.call(ctx, http.MethodGet, path, nil, &answer)
	return answer.Connections, err
}

func newConnectionListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list ORGANIZATION", Short: "List an organization's connections", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			all, err := c.connections(cmd.Context(), path+"/connections")
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"ISSUER", "CLIENT ID", "STATE", "CREATED", "ID"}, none: "No connections."}
			for _, k := range all {
				s.rows = append(s.rows, []string{k.Issuer, k.ClientID, k.state(), day(k.Created), k.ID})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
}

func newConnectionDeleteCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "delete ORGANIZATION CONNECTION-ID", Short: "Delete a connection and end the sessions that came through it",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			path += "/connections/" + url.PathEscape(args[1])
			if err := c.call(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "Connection %s is deleted.", args[1])
		},
	}
}
