package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// connectionRequest is a request for a connection as the API shows it.
type connectionRequest struct {
	ID           string `json:"id"`
	Organization struct {
		ID   string `json:"id"`
		Slug string `json:"slug"`
		Name string `json:"name"`
	} `json:"organization"`
	Connection string `json:"connection"`
	State      string `json:"state"`
	connectionChoices
	connectionSetup
	ClientSecret string `json:"client_secret_state"`
	Domains      []struct {
		Name    string `json:"name"`
		State   string `json:"state"`
		Belongs bool   `json:"belongs"`
	} `json:"domains"`
	BreakGlass []string    `json:"break_glass"`
	Phone      phonePolicy `json:"phone"`
	Changes    []struct {
		Field string `json:"field"`
		From  any    `json:"from"`
		To    any    `json:"to"`
	} `json:"changes"`
	Note      string    `json:"note"`
	Author    string    `json:"author"`
	Reviewer  string    `json:"reviewer"`
	Created   time.Time `json:"created_at"`
	Modified  time.Time `json:"updated_at"`
	Version   uint64    `json:"version"`
	Discovery discovery `json:"discovery,omitempty"`
}

// phonePolicy says what provisioned people may do with their telephone number.
type phonePolicy struct {
	MayChange   bool `json:"may_change"`
	MustConfirm bool `json:"must_confirm"`
}

func (p phonePolicy) String() string {
	switch {
	case p.MayChange && p.MustConfirm:
		return "may be changed, and is confirmed then"
	case p.MayChange:
		return "may be changed"
	default:
		return "stays as provisioned"
	}
}

func (r *connectionRequest) sheet() sheet {
	s := sheet{rows: [][]string{
		{"id", r.ID}, {"organization", r.Organization.Slug}, {"connection", r.Connection}, {"state", r.State},
		{"version", fmt.Sprint(r.Version)}, {"note", orDash(r.Note)}, {"author", r.Author}, {"reviewer", orDash(r.Reviewer)},
	}}
	s.rows = append(s.rows, r.connectionChoices.rows()...)
	s.rows = append(s.rows, []string{"client secret", strings.ReplaceAll(r.ClientSecret, "_", " ")})
	for _, domain := range r.Domains {
		s.rows = append(s.rows, []string{"domain", domain.Name + ", " + domain.State})
	}
	s.rows = append(s.rows, []string{"break-glass", orDash(strings.Join(r.BreakGlass, ", "))}, []string{"phone", r.Phone.String()})
	s.rows = append(s.rows, r.connectionSetup.rows()...)
	for _, change := range r.Changes {
		s.rows = append(s.rows, []string{"change of " + change.Field, cell(change.From) + " -> " + cell(change.To)})
	}
	s.rows = append(s.rows, r.Discovery.rows()...)
	return s
}

// cell shows any value of a change.
func cell(value any) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprint(value)
}

func newRequestCommand() *cobra.Command {
	t := new(target)
	return group("request", "Requests to connect an identity provider, and their review", t,
		newRequestCreateCommand(t), newRequestEditCommand(t), newRequestListCommand(t), newRequestGetCommand(t), newRequestCheckCommand(t),
		newRequestStepCommand(t, "submit", "Submit a request for review"),
		newRequestStepCommand(t, "withdraw", "Make a request a draft again"),
		newRequestReviewCommand(t, "return", "Request changes (operator)"),
		newRequestReviewCommand(t, "approve", "Approve a request (operator)"),
		newRequestStepCommand(t, "activate", "Put an approved request in force"),
		newRequestStepCommand(t, "disable", "Turn the request's connection off (operator)"),
		newRequestStepCommand(t, "enable", "Turn the request's connection on again (operator)"),
		newRequestDeleteCommand(t))
}

// requestFlags are what can be chosen in a request.
type requestFlags struct {
	choiceFlags
	breakGlass []string
	phone      phonePolicy
}

func (f *requestFlags) add(cmd *cobra.Command) {
	f.choiceFlags.add(cmd)
	cmd.Flags().StringSliceVar(&f.breakGlass, "break-glass", nil, "address for when the provider fails, in one of the domains; may be repeated")
	cmd.Flags().BoolVar(&f.phone.MayChange, "phone-may-change", false, "provisioned people may change their telephone number")
	cmd.Flags().BoolVar(&f.phone.MustConfirm, "phone-must-confirm", false, "a changed telephone number must be confirmed")
}

// put writes what the flags say into a body: all of it, or only what was given.
func (f *requestFlags) put(cmd *cobra.Command, body map[string]any, all bool) error {
	if all || cmd.Flags().Changed("break-glass") {
		body["break_glass"] = notEmpty(f.breakGlass)
	}
	phone, _ := body["phone"].(phonePolicy)
	if all || cmd.Flags().Changed("phone-may-change") {
		phone.MayChange = f.phone.MayChange
	}
	if all || cmd.Flags().Changed("phone-must-confirm") {
		phone.MustConfirm = f.phone.MustConfirm
	}
	body["phone"] = phone
	return f.choiceFlags.put(cmd, body, all)
}

// notEmpty leaves out empty words, so that --flag= takes all away.
func notEmpty(words []string) []string {
	left := []string{}
	for _, word := range words {
		if word != "" {
			left = append(left, word)
		}
	}
	return left
}

func newRequestCreateCommand(t *target) *cobra.Command {
	var f requestFlags
	var connection string
	cmd := &cobra.Command{
		Use: "create ORGANIZATION", Short: "Make a draft; the provider is asked at once what it says of itself", Args: arguments(cobra.ExactArgs(1)),
		Example: "domicile request create acme --issuer https://login.acme.example --client-id domicile --client-secret-file secret \\\n" +
			"  --domain acme.example --break-glass it@acme.example\n" +
			"domicile request create acme --connection CONNECTION-ID --just-in-time",
		RunE: func(cmd *cobra.Command, args []string) error {
			if connection == "" && (f.issuer == "" || f.clientID == "") {
				return usagef("--issuer and --client-id are required, or --connection")
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			body := make(map[string]any)
			if connection != "" {
				if body, err = c.present(cmd.Context(), path, connection); err != nil {
					return err
				}
			}
			if err := f.put(cmd, body, connection == ""); err != nil {
				return err
			}
			var answer connectionRequest
			if err := c.call(cmd.Context(), http.MethodPost, path+"/connection-requests", body, &answer); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), answer, answer.sheet())
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&connection, "connection", "", "which connection it changes: what no flag names stays as it is in force; without it a new one is asked for")
	return cmd
}

// present gives a request that would leave a connection, and what goes with it at its organization, as they are.
func (c *client) present(ctx context.Context, path, id string) (map[string]any, error) {
	var k connection
	if err := c.call(ctx, http.MethodGet, path+"/connections/"+url.PathEscape(id), nil, &k); err != nil {
		return nil, err
	}
	var org organization
	if err := c.call(ctx, http.MethodGet, path, nil, &org); err != nil {
		return nil, err
	}
	body := k.choices()
	body["connection"], body["domains"], body["break_glass"], body["phone"] = k.ID, notEmpty(k.Domains), notEmpty(org.BreakGlass), org.Phone
	return body, nil
}

func newRequestEditCommand(t *target) *cobra.Command {
	var f requestFlags
	cmd := &cobra.Command{
		Use: "edit ORGANIZATION REQUEST-ID", Short: "Change what the flags name; the request is a draft again", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			path += "/connection-requests/" + url.PathEscape(args[1])
			var old connectionRequest
			if err := c.call(cmd.Context(), http.MethodGet, path, nil, &old); err != nil {
				return err
			}
			body := old.body()
			if err := f.put(cmd, body, false); err != nil {
				return err
			}
			var answer connectionRequest
			if err := c.call(cmd.Context(), http.MethodPut, path, body, &answer); err != nil {
				if refused, ok := errors.AsType[*apiError](err); ok && refused.Field == "client_secret" {
					err = fmt.Errorf("%w (--client-secret-file, or --auth-method private_key_jwt)", err)
				}
				return err
			}
			return t.print(cmd.OutOrStdout(), answer, answer.sheet())
		},
	}
	f.add(cmd)
	return cmd
}

// body gives the request as it is put; its client secret stays where it is.
func (r *connectionRequest) body() map[string]any {
	domains := []string{}
	for _, domain := range r.Domains {
		domains = append(domains, domain.Name)
	}
	body := r.choices()
	body["version"], body["domains"], body["break_glass"], body["phone"] = r.Version, domains, r.BreakGlass, r.Phone
	return body
}

// showRequest sends a request about an organization's connection requests and prints the one that comes back.
func (t *target) showRequest(cmd *cobra.Command, method, organization, below string, body any) error {
	c, path, err := t.organization(cmd, organization)
	if err != nil {
		return err
	}
	var answer connectionRequest
	if err := c.call(cmd.Context(), method, path+"/connection-requests"+below, body, &answer); err != nil {
		return err
	}
	return t.print(cmd.OutOrStdout(), answer, answer.sheet())
}

func newRequestListCommand(t *target) *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use: "list [ORGANIZATION]", Short: "List an organization's requests, or those of all (operator)", Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			path, query := "/api/v1", make(url.Values)
			if len(args) == 1 {
				if path, err = c.organization(cmd.Context(), args[0]); err != nil {
					return err
				}
			}
			if state != "" {
				query.Set("state", state)
			}
			all, err := every[connectionRequest](cmd.Context(), c, path+"/connection-requests", "connection_requests", query, 0)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"ORGANIZATION", "STATE", "ISSUER", "CLIENT ID", "UPDATED", "ID"}, none: "No requests."}
			for _, r := range all {
				s.rows = append(s.rows, []string{r.Organization.Slug, r.State, r.Issuer, r.ClientID, day(r.Modified), r.ID})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "of all organizations': draft, submitted, changes_requested, approved, active or disabled")
	return cmd
}

func newRequestGetCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "get ORGANIZATION REQUEST-ID", Short: "Show a request and what it would change", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.showRequest(cmd, http.MethodGet, args[0], "/"+url.PathEscape(args[1]), nil)
		},
	}
}

func newRequestCheckCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "check ORGANIZATION REQUEST-ID", Short: "Ask the provider again what it says of itself", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var found discovery
			path += "/connection-requests/" + url.PathEscape(args[1]) + "/discovery"
			if err := c.call(cmd.Context(), http.MethodGet, path, nil, &found); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), found, sheet{rows: found.rows()})
		},
	}
}

func newRequestStepCommand(t *target, step, short string) *cobra.Command {
	return &cobra.Command{
		Use: step + " ORGANIZATION REQUEST-ID", Short: short, Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.showRequest(cmd, http.MethodPost, args[0], "/"+url.PathEscape(args[1])+"/"+step, map[string]any{})
		},
	}
}

func newRequestReviewCommand(t *target, step, short string) *cobra.Command {
	var note string
	var version uint64
	var trust bool
	cmd := &cobra.Command{
		Use: step + " ORGANIZATION REQUEST-ID --version N", Short: short, Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if version == 0 {
				return usagef("--version is required: the version that was reviewed, from domicile request get")
			}
			body := map[string]any{"version": version, "note": note}
			if trust {
				body["trust_shared_callback"] = true
			}
			return t.showRequest(cmd, http.MethodPost, args[0], "/"+url.PathEscape(args[1])+"/"+step, body)
		},
	}
	cmd.Flags().Uint64Var(&version, "version", 0, "the version that was reviewed (required)")
	cmd.Flags().StringVar(&note, "note", "", "words to the owner; required to return a request")
	if step == "approve" {
		cmd.Flags().BoolVar(&trust, trustFlag, false, trustUsage)
	}
	return cmd
}

func newRequestDeleteCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "delete ORGANIZATION REQUEST-ID", Short: "Delete a request that is not in force", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.remove(cmd, args[0], "/connection-requests/"+url.PathEscape(args[1]), "Request "+args[1]+" is deleted.")
		},
	}
}
