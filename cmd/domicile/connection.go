package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"domicile/seal"
)

// connectionChoices is what can be chosen about a connection, as the API shows it.
type connectionChoices struct {
	Issuer         string     `json:"issuer"`
	ClientID       string     `json:"client_id"`
	SecretExpires  *time.Time `json:"client_secret_expires_at"`
	AuthMethod     string     `json:"auth_method"`
	Scopes         []string   `json:"scopes"`
	ResponseMode   string     `json:"response_mode"`
	Prompt         string     `json:"prompt"`
	MaxAge         int64      `json:"max_age"`
	ACRValues      []string   `json:"acr_values"`
	SharedRedirect bool       `json:"shared_redirect"`
	JustInTime     bool       `json:"just_in_time"`
}

// connectionSetup is what an administrator registers at the provider.
type connectionSetup struct {
	RedirectURI     string `json:"redirect_uri"`
	PostLogoutURI   string `json:"post_logout_redirect_uri"`
	InitiateURI     string `json:"initiate_login_uri"`
	BackChannelURI  string `json:"backchannel_logout_uri"`
	FrontChannelURI string `json:"frontchannel_logout_uri"`
	RevocationURI   string `json:"revocation_uri"`
	KeysURI         string `json:"jwks_uri,omitempty"`
	CertificateURI  string `json:"certificate_uri,omitempty"`
}

// discovery is what a provider says of itself.
type discovery map[string]any

// connection is an OpenID Connect connection as the API shows it.
type connection struct {
	ID       string   `json:"id"`
	Enabled  bool     `json:"enabled"`
	Rotating bool     `json:"rotating"`
	Domains  []string `json:"domains"`
	connectionChoices
	connectionSetup
	Algorithm        string    `json:"algorithm"`
	AlgorithmOffered string    `json:"algorithm_offered"`
	Created          time.Time `json:"created_at"`
	Modified         time.Time `json:"updated_at"`
	Discovery        discovery `json:"discovery,omitempty"`
}

func (c *connection) state() string {
	if c.Enabled {
		return "enabled"
	}
	return "disabled"
}

func (c *connectionChoices) rows() [][]string {
	maxAge := "-"
	if c.MaxAge > 0 {
		maxAge = (time.Duration(c.MaxAge) * time.Second).String()
	}
	ends := "not known"
	if c.SecretExpires != nil {
		ends = day(*c.SecretExpires)
	}
	return [][]string{
		{"issuer", c.Issuer}, {"client id", c.ClientID}, {"auth method", c.AuthMethod}, {"secret expires", ends},
		{"scopes", strings.Join(append([]string{"openid profile email"}, c.Scopes...), " ")},
		{"response mode", c.ResponseMode}, {"prompt", orDash(c.Prompt)}, {"max age", maxAge}, {"acr values", orDash(strings.Join(c.ACRValues, " "))},
		{"shared redirect", yesOrNo(c.SharedRedirect)}, {"just in time", yesOrNo(c.JustInTime)},
	}
}

// choices gives what was chosen as it is put; a client secret stays where it is.
func (c *connectionChoices) choices() map[string]any {
	return map[string]any{
		"issuer": c.Issuer, "client_id": c.ClientID, "auth_method": c.AuthMethod, "scopes": c.Scopes, "response_mode": c.ResponseMode,
		"prompt": c.Prompt, "max_age": c.MaxAge, "acr_values": c.ACRValues, "shared_redirect": c.SharedRedirect, "just_in_time": c.JustInTime,
	}
}

func (c *connectionSetup) rows() [][]string {
	rows := [][]string{
		{"redirect uri", c.RedirectURI}, {"post-logout redirect uri", c.PostLogoutURI}, {"initiate login uri", c.InitiateURI},
		{"back-channel logout uri", c.BackChannelURI}, {"front-channel logout uri", c.FrontChannelURI},
		{"revocation uri", c.RevocationURI},
	}
	if c.KeysURI != "" {
		rows = append(rows, []string{"jwks uri", c.KeysURI})
	}
	if c.CertificateURI != "" {
		rows = append(rows, []string{"certificate to upload", c.CertificateURI})
	}
	return rows
}

func (d discovery) rows() [][]string {
	var rows [][]string
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"} {
		if endpoint, ok := d[name].(string); ok {
			rows = append(rows, []string{"found " + strings.ReplaceAll(name, "_", " "), endpoint})
		}
	}
	warnings, _ := d["warnings"].([]any)
	for _, warning := range warnings {
		if warning, ok := warning.(map[string]any); ok {
			rows = append(rows, []string{"warning", fmt.Sprint(warning["detail"])})
		}
	}
	return rows
}

func (c *connection) sheet() sheet {
	s := sheet{rows: [][]string{
		{"id", c.ID}, {"state", c.state()}, {"rotating", yesOrNo(c.Rotating)}, {"domains", orDash(strings.Join(c.Domains, ", "))},
		{"algorithm", orDash(c.Algorithm)}, {"algorithm offered", orDash(c.AlgorithmOffered)},
	}}
	s.rows = append(s.rows, c.connectionChoices.rows()...)
	s.rows = append(s.rows, c.connectionSetup.rows()...)
	s.rows = append(s.rows, c.Discovery.rows()...)
	return s
}

func newConnectionCommand() *cobra.Command {
	t := new(target)
	return group("connection", "OpenID Connect connections of an organization", t,
		newConnectionSetCommand(t), newConnectionListCommand(t), newConnectionGetCommand(t), newConnectionRotateCommand(t),
		newConnectionDropCommand(t), newConnectionAlgorithmCommand(t), newConnectionDeleteCommand(t))
}

// choiceFlags are what can be chosen about a connection, or in a request for one.
type choiceFlags struct {
	issuer, clientID, secretFile, authMethod, responseMode, prompt string
	secretLife, maxAge                                             time.Duration
	scopes, acrValues, domains                                     []string
	sharedRedirect, justInTime                                     bool
}

func (f *choiceFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.issuer, "issuer", "", "the provider's authority, issuer, or the address of its discovery document")
	cmd.Flags().StringVar(&f.clientID, "client-id", "", "our client id there")
	cmd.Flags().StringVar(&f.secretFile, "client-secret-file", "",
		"file with our client secret there, - for standard input; without it the one that is there is kept")
	cmd.Flags().DurationVar(&f.secretLife, "secret-expires-in", 0, "how long the provider takes the client secret, or our certificate, such as 8760h")
	cmd.Flags().StringVar(&f.authMethod, "auth-method", "client_secret_basic",
		"client_secret_basic, client_secret_post or private_key_jwt, which needs no secret: the provider gets our keys or certificate")
	cmd.Flags().StringSliceVar(&f.scopes, "scope", nil, "scope besides openid, profile and email; may be repeated")
	cmd.Flags().StringVar(&f.responseMode, "response-mode", "query", "query or form_post")
	cmd.Flags().StringVar(&f.prompt, "prompt", "", "login, consent or select_account")
	cmd.Flags().DurationVar(&f.maxAge, "max-age", 0, "how long ago people may have authenticated at the provider")
	cmd.Flags().StringSliceVar(&f.acrValues, "acr", nil, "authentication context class, one of which must come back; may be repeated")
	cmd.Flags().StringSliceVar(&f.domains, "domain", nil, "domain whose people come through it; may be repeated")
	cmd.Flags().BoolVar(&f.sharedRedirect, "shared-redirect", false, "the provider calls back at the address that all connections share")
	cmd.Flags().BoolVar(&f.justInTime, "just-in-time", false, "unknown people with an address in its domains become users")
}

// put writes what the flags say into the body of a request: all of it, or only what was given.
func (f *choiceFlags) put(cmd *cobra.Command, body map[string]any, all bool) error {
	for flag, field := range map[string]struct {
		member string
		value  any
	}{
		"issuer": {"issuer", f.issuer}, "client-id": {"client_id", f.clientID}, "auth-method": {"auth_method", f.authMethod},
		"scope": {"scopes", append([]string{}, f.scopes...)}, "response-mode": {"response_mode", f.responseMode}, "prompt": {"prompt", f.prompt},
		"max-age": {"max_age", int64(f.maxAge / time.Second)}, "acr": {"acr_values", append([]string{}, f.acrValues...)},
		"domain":          {"domains", notEmpty(f.domains)},
		"shared-redirect": {"shared_redirect", f.sharedRedirect}, "just-in-time": {"just_in_time", f.justInTime},
	} {
		if all || cmd.Flags().Changed(flag) {
			body[field.member] = field.value
		}
	}
	return putSecret(cmd, body, f.secretFile, "secret-expires-in", f.secretLife, "client_secret_expires_at")
}

// putSecret writes a client secret and its end into a body, where they were given.
func putSecret(cmd *cobra.Command, body map[string]any, file, flag string, life time.Duration, member string) error {
	secret, err := readSecret(file, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if !secret.IsZero() {
		body["client_secret"] = secret.Reveal()
	}
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	if life <= 0 {
		return usagef("--%s must be a positive time, such as 8760h", flag)
	}
	body[member] = time.Now().Add(life).UTC().Truncate(time.Second)
	return nil
}

// connectionFlags are what can be said when a connection is put.
type connectionFlags struct {
	choiceFlags
	id              string
	disabled, trust bool
}

// trustFlag takes the operator's word for a provider.
const (
	trustFlag  = "trust-shared-callback"
	trustUsage = "trust a provider that uses the shared redirect address and does not say who it is in its answers (RFC 9207)"
)

func (f *connectionFlags) add(cmd *cobra.Command) {
	f.choiceFlags.add(cmd)
	cmd.Flags().StringVar(&f.id, "id", "", "which connection to replace; without it the one with this issuer and client id, or a new one")
	cmd.Flags().BoolVar(&f.disabled, "disabled", false, "keep it, but let nobody sign in through it")
	cmd.Flags().BoolVar(&f.trust, trustFlag, false, trustUsage)
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
			body := map[string]any{"enabled": !f.disabled}
			if f.trust {
				body["trust_shared_callback"] = true
			}
			if err := f.put(cmd, body, true); err != nil {
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

func newConnectionGetCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "get ORGANIZATION CONNECTION-ID", Short: "Show a connection and the addresses to register at the provider",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.showConnection(cmd, args, http.MethodGet, "", nil)
		},
	}
}

// showConnection sends a request about the connection that the arguments name, and prints the connection.
func (t *target) showConnection(cmd *cobra.Command, args []string, method, below string, body any) error {
	c, path, err := t.organization(cmd, args[0])
	if err != nil {
		return err
	}
	var answer connection
	if err := c.call(cmd.Context(), method, path+"/connections/"+url.PathEscape(args[1])+below, body, &answer); err != nil {
		return err
	}
	return t.print(cmd.OutOrStdout(), answer, answer.sheet())
}

func newConnectionRotateCommand(t *target) *cobra.Command {
	var file string
	var life time.Duration
	var newest bool
	cmd := &cobra.Command{
		Use: "rotate-secret ORGANIZATION CONNECTION-ID --client-secret-file FILE", Short: "Give a connection a new client secret beside the old one",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := make(map[string]any)
			if err := putSecret(cmd, body, file, "expires-in", life, "expires_at"); err != nil {
				return err
			}
			if body["client_secret"] == nil {
				return usagef("--client-secret-file is required")
			}
			if newest {
				body["replace_newest"] = true
			}
			return t.showConnection(cmd, args, http.MethodPost, "/secret", body)
		},
	}
	cmd.Flags().StringVar(&file, "client-secret-file", "", "file with the new client secret, - for standard input (required)")
	cmd.Flags().DurationVar(&life, "expires-in", 0, "how long the provider takes it, such as 8760h")
	cmd.Flags().BoolVar(&newest, "replace-newest", false, "while a rotation is under way: the newest secret was wrong; keep the one before")
	return cmd
}

func newConnectionDropCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "drop-previous-secret ORGANIZATION CONNECTION-ID", Short: "End the rotation of a connection's client secret",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.remove(cmd, args[0], "/connections/"+url.PathEscape(args[1])+"/previous-secret", "The previous client secret is gone.")
		},
	}
}

func newConnectionAlgorithmCommand(t *target) *cobra.Command {
	var accept string
	var whichever bool
	cmd := &cobra.Command{
		Use:   "algorithm ORGANIZATION CONNECTION-ID (--accept ALGORITHM | --any)",
		Short: "Accept the signing algorithm that the provider offers, or decline it by accepting the present one",
		Args:  arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if whichever == (accept != "") {
				return usagef("either --accept or --any is required")
			}
			return t.showConnection(cmd, args, http.MethodPost, "/algorithm", map[string]string{"algorithm": accept})
		},
	}
	cmd.Flags().StringVar(&accept, "accept", "", "the algorithm that was offered, such as ES256, or the present one")
	cmd.Flags().BoolVar(&whichever, "any", false, "keep to none: the next sign-in decides")
	return cmd
}

// remove deletes something of an organization and says so.
func (t *target) remove(cmd *cobra.Command, organization, below, said string) error {
	c, path, err := t.organization(cmd, organization)
	if err != nil {
		return err
	}
	if err := c.call(cmd.Context(), http.MethodDelete, path+below, nil, nil); err != nil {
		return err
	}
	return t.done(cmd.OutOrStdout(), "%s", said)
}

func newConnectionDeleteCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "delete ORGANIZATION CONNECTION-ID", Short: "Delete a connection and end the sessions that came through it",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.remove(cmd, args[0], "/connections/"+url.PathEscape(args[1]), "Connection "+args[1]+" is deleted.")
		},
	}
}
