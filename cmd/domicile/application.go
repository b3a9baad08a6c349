package main

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const applicationsPath = "/api/v1/applications"

// application is one of the operator's own applications as the API shows it. Secret is in the answers that make it only.
type application struct {
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	RedirectURIs   []string  `json:"redirect_uris"`
	LogoutURIs     []string  `json:"post_logout_redirect_uris"`
	BackChannelURI string    `json:"backchannel_logout_uri"`
	Public         bool      `json:"public"`
	Rotating       bool      `json:"rotating"`
	Issuer         string    `json:"issuer"`
	Created        time.Time `json:"created_at"`
	Modified       time.Time `json:"updated_at"`
	Secret         string    `json:"client_secret,omitempty"`
}

func (a *application) sheet() sheet {
	s := sheet{rows: [][]string{{"client id", a.ID}}}
	if a.Secret != "" {
		s.rows = append(s.rows, []string{"client secret", a.Secret})
	}
	s.rows = append(s.rows, [][]string{
		{"issuer", a.Issuer}, {"name", a.Name}, {"redirect uris", strings.Join(a.RedirectURIs, ", ")},
		{"post-logout uris", orDash(strings.Join(a.LogoutURIs, ", "))}, {"back-channel uri", orDash(a.BackChannelURI)},
		{"public", yesOrNo(a.Public)}, {"rotating", yesOrNo(a.Rotating)},
	}...)
	return s
}

func newAppCommand() *cobra.Command {
	t := new(target)
	return group("app", "Your own applications, which ask who is signed in", t,
		newAppCreateCommand(t), newAppListCommand(t), newAppGetCommand(t), newAppUpdateCommand(t), newAppDeleteCommand(t),
		newAppRotateCommand(t))
}

// appFlags are what can be chosen about an application.
type appFlags struct {
	name, backChannel  string
	redirects, logouts []string
}

func (f *appFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "name", "", "what to call it")
	cmd.Flags().StringArrayVar(&f.redirects, "redirect-uri", nil, "where people come back to with a code, exactly; may be repeated")
	cmd.Flags().StringArrayVar(&f.logouts, "post-logout-uri", nil, "where people may go after they signed out, exactly; may be repeated")
	cmd.Flags().StringVar(&f.backChannel, "backchannel-logout-uri", "", "where it is told that a session ended")
}

// body writes the flags that were given over an application.
func (f *appFlags) body(cmd *cobra.Command, over application) map[string]any {
	body := map[string]any{
		"name": over.Name, "redirect_uris": append([]string{}, over.RedirectURIs...),
		"post_logout_redirect_uris": append([]string{}, over.LogoutURIs...), "backchannel_logout_uri": over.BackChannelURI,
	}
	for flag, member := range map[string]struct {
		name  string
		value any
	}{
		"name": {"name", f.name}, "redirect-uri": {"redirect_uris", f.redirects},
		"post-logout-uri": {"post_logout_redirect_uris", f.logouts}, "backchannel-logout-uri": {"backchannel_logout_uri", f.backChannel},
	} {
		if cmd.Flags().Changed(flag) {
			body[member.name] = member.value
		}
	}
	return body
}

func newAppCreateCommand(t *target) *cobra.Command {
	var f appFlags
	var public bool
	cmd := &cobra.Command{
		Use: "create", Short: "Register an application and show its secret, this once", Args: arguments(cobra.NoArgs),
		Example: "domicile app create --name Billing --redirect-uri https://billing.example.com/callback",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.name == "" || len(f.redirects) == 0 {
				return usagef("--name and --redirect-uri are required")
			}
			body := f.body(cmd, application{})
			body["public"] = public
			return t.application(cmd, http.MethodPost, "", body)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&public, "public", false, "it cannot keep a secret: a script in a browser, a program on people's machines")
	return cmd
}

// application asks for something about one application and prints what it is then.
func (t *target) application(cmd *cobra.Command, method, path string, body any) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	var answer application
	if err := c.call(cmd.Context(), method, applicationsPath+path, body, &answer); err != nil {
		return err
	}
	return t.print(cmd.OutOrStdout(), answer, answer.sheet())
}

func newAppListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the region's applications", Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			var answer struct {
				Applications []application `json:"applications"`
			}
			if err := c.call(cmd.Context(), http.MethodGet, applicationsPath, nil, &answer); err != nil {
				return err
			}
			s := sheet{heads: []string{"NAME", "REDIRECT URIS", "PUBLIC", "ROTATING", "CREATED", "CLIENT ID"}, none: "No applications."}
			for _, a := range answer.Applications {
				s.rows = append(s.rows, []string{
					a.Name, strings.Join(a.RedirectURIs, ","), yesOrNo(a.Public), yesOrNo(a.Rotating), day(a.Created), a.ID,
				})
			}
			return t.print(cmd.OutOrStdout(), answer.Applications, s)
		},
	}
}

func newAppGetCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "get CLIENT-ID", Short: "Show an application", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.application(cmd, http.MethodGet, "/"+url.PathEscape(args[0]), nil)
		},
	}
}

func newAppUpdateCommand(t *target) *cobra.Command {
	var f appFlags
	cmd := &cobra.Command{
		Use: "update CLIENT-ID", Short: "Change an application; what no flag names stays", Args: arguments(cobra.ExactArgs(1)),
		Example: "domicile app update CLIENT-ID --backchannel-logout-uri https://billing.example.com/logout",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			path := "/" + url.PathEscape(args[0])
			var present application
			if err := c.call(cmd.Context(), http.MethodGet, applicationsPath+path, nil, &present); err != nil {
				return err
			}
			return t.application(cmd, http.MethodPut, path, f.body(cmd, present))
		},
	}
	f.add(cmd)
	return cmd
}

func newAppDeleteCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "delete CLIENT-ID", Short: "Delete an application and refuse its tokens at once", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.call(cmd.Context(), http.MethodDelete, applicationsPath+"/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "Application %s is deleted.", args[0])
		},
	}
}

func newAppRotateCommand(t *target) *cobra.Command {
	var finish bool
	cmd := &cobra.Command{
		Use: "rotate-secret CLIENT-ID", Short: "Give an application a new secret, this once", Args: arguments(cobra.ExactArgs(1)),
		Long: "Gives an application a new secret. The secret before stays good, so that the application can be given the new one\n" +
			"without a pause; rotate-secret --finish then refuses it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			step := "/rotate-secret"
			if finish {
				step = "/finish-rotation"
			}
			return t.application(cmd, http.MethodPost, "/"+url.PathEscape(args[0])+step, nil)
		},
	}
	cmd.Flags().BoolVar(&finish, "finish", false, "refuse the secret before")
	return cmd
}
