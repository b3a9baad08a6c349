package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const organizationsPath = "/api/v1/organizations"

// organization is an organization as the API shows it.
type organization struct {
	ID      string    `json:"id"`
	Slug    string    `json:"slug"`
	Name    string    `json:"name"`
	Domains []string  `json:"domains"`
	Root    *rootUser `json:"root,omitempty"`
	Profile string    `json:"scim_profile"`

	SCIM         string `json:"scim"`
	SCIMPaused   bool   `json:"scim_paused"`
	SCIMBase     string `json:"scim_base,omitempty"` // while SCIM is active
	Principal    string `json:"scim_principal"`
	TokenMode    string `json:"scim_token_mode"`
	DeletePolicy string `json:"delete_policy"`
	Plan         string `json:"plan"`

	SignIn struct {
		SessionLifetime int64 `json:"session_lifetime"` // seconds
		SessionIdle     int64 `json:"session_idle"`     // seconds
		RequireSSO      bool  `json:"require_sso"`
	} `json:"sign_in"`
	BreakGlass []string    `json:"break_glass"`
	Phone      phonePolicy `json:"phone"`

	LoginURL string    `json:"login_url"`
	Created  time.Time `json:"created_at"`
	Modified time.Time `json:"updated_at"`
}

type rootUser struct {
	Email string `json:"email"`
}

func (o *organization) sheet() sheet {
	root := ""
	if o.Root != nil {
		root = o.Root.Email
	}
	return sheet{rows: [][]string{
		{"id", o.ID}, {"slug", o.Slug}, {"name", o.Name}, {"domains", orDash(strings.Join(o.Domains, ", "))},
		{"root", orDash(root)}, {"plan", orDash(o.Plan)}, {"login", o.LoginURL},
		{"scim", o.scimState()}, {"scim base", orDash(o.SCIMBase)}, {"scim profile", o.Profile},
		{"principal", o.Principal}, {"token mode", o.TokenMode}, {"delete policy", o.DeletePolicy},
		{"sessions", o.sessions()}, {"sso required", yesOrNo(o.SignIn.RequireSSO)},
		{"break-glass", orDash(strings.Join(o.BreakGlass, ", "))}, {"phone", o.Phone.String()},
		{"created", day(o.Created)}, {"updated", day(o.Modified)},
	}}
}

func (o *organization) scimState() string {
	if o.SCIMPaused {
		return o.SCIM + ", paused"
	}
	return o.SCIM
}

func (o *organization) sessions() string {
	text := "at most " + (time.Duration(o.SignIn.SessionLifetime) * time.Second).String()
	if o.SignIn.SessionIdle > 0 {
		text += ", unused " + (time.Duration(o.SignIn.SessionIdle) * time.Second).String()
	}
	return text
}

// organizationFlags are what can be chosen about an organization. Only what is given is sent.
type organizationFlags struct {
	name, root     string
	domains        []string
	paused         bool
	breakGlass     []string
	lifetime, idle time.Duration
	requireSSO     bool
	phone          phonePolicy
	words          map[string]*string // by flag
}

// organizationWords are the flags that are sent as they are, each with its member of the request.
var organizationWords = []struct{ flag, member, usage string }{
	{"scim-profile", "scim_profile", "interop, strict or entra"},
	{"scim", "scim", "off, requested, approved or active"},
	{"scim-principal", "scim_principal", "what lists and logs call the IdP's connection"},
	{"scim-token-mode", "scim_token_mode", "many, or single: a new token voids the old one at once"},
	{"delete-policy", "delete_policy", "what a SCIM DELETE means: delete or deactivate"},
	{"plan", "plan", "one of the region's plans"},
}

func (f *organizationFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "name", "", "name for people")
	cmd.Flags().StringSliceVar(&f.domains, "domain", nil, "e-mail domain; may be repeated")
	cmd.Flags().StringVar(&f.root, "root-email", "", "address of the root user")
	cmd.Flags().BoolVar(&f.paused, "scim-paused", false, "ask the IdP to come back later; --scim-paused=false resumes")
	cmd.Flags().StringSliceVar(&f.breakGlass, "break-glass", nil, "address for when the identity provider fails; may be repeated")
	cmd.Flags().DurationVar(&f.lifetime, "session-lifetime", 0, "when a session ends at the latest; 0: the default, 12h")
	cmd.Flags().DurationVar(&f.idle, "session-idle", 0, "when an unused session ends; 0: never for that")
	cmd.Flags().BoolVar(&f.requireSSO, "require-sso", false, "invited people in the domains sign in through the identity provider only")
	cmd.Flags().BoolVar(&f.phone.MayChange, "phone-may-change", false, "provisioned people may change their telephone number")
	cmd.Flags().BoolVar(&f.phone.MustConfirm, "phone-must-confirm", false, "a changed telephone number must be confirmed")
	f.words = make(map[string]*string)
	for _, word := range organizationWords {
		f.words[word.flag] = cmd.Flags().String(word.flag, "", word.usage)
	}
}

func (f *organizationFlags) body(cmd *cobra.Command) map[string]any {
	body := make(map[string]any)
	if cmd.Flags().Changed("name") {
		body["name"] = f.name
	}
	if cmd.Flags().Changed("domain") {
		body["domains"] = notEmpty(f.domains) // --domain= takes all away
	}
	if cmd.Flags().Changed("root-email") {
		body["root"] = rootUser{f.root}
	}
	if cmd.Flags().Changed("scim-paused") {
		body["scim_paused"] = f.paused
	}
	for _, word := range organizationWords {
		if cmd.Flags().Changed(word.flag) {
			body[word.member] = *f.words[word.flag]
		}
	}
	f.signIn(cmd, body)
	return body
}

// signIn adds what the flags say about sign-in.
func (f *organizationFlags) signIn(cmd *cobra.Command, body map[string]any) {
	policy := make(map[string]any)
	if cmd.Flags().Changed("session-lifetime") {
		policy["session_lifetime"] = int64(f.lifetime / time.Second)
	}
	if cmd.Flags().Changed("session-idle") {
		policy["session_idle"] = int64(f.idle / time.Second)
	}
	if cmd.Flags().Changed("require-sso") {
		policy["require_sso"] = f.requireSSO
	}
	if len(policy) > 0 {
		body["sign_in"] = policy
	}
	if cmd.Flags().Changed("break-glass") {
		body["break_glass"] = notEmpty(f.breakGlass)
	}
	phone := make(map[string]any)
	if cmd.Flags().Changed("phone-may-change") {
		phone["may_change"] = f.phone.MayChange
	}
	if cmd.Flags().Changed("phone-must-confirm") {
		phone["must_confirm"] = f.phone.MustConfirm
	}
	if len(phone) > 0 {
		body["phone"] = phone
	}
}

func newOrgCommand() *cobra.Command {
	t := new(target)
	return group("org", "Organizations of a region", t,
		newOrgCreateCommand(t), newOrgListCommand(t), newOrgGetCommand(t), newOrgUpdateCommand(t), newOrgDeleteCommand(t))
}

func newOrgCreateCommand(t *target) *cobra.Command {
	var f organizationFlags
	cmd := &cobra.Command{
		Use: "create SLUG", Short: "Make an organization", Args: arguments(cobra.ExactArgs(1)),
		Example: "domicile org create acme --name 'Acme Inc.' --domain acme.example --root-email root@acme.example",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			body := f.body(cmd)
			body["slug"] = args[0]
			if f.name == "" {
				body["name"] = args[0]
			}
			var made organization
			if err := c.call(cmd.Context(), http.MethodPost, organizationsPath, body, &made); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), made, made.sheet())
		},
	}
	f.add(cmd)
	return cmd
}

func newOrgListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all organizations", Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			all, err := every[organization](cmd.Context(), c, organizationsPath, "organizations", nil, 0)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"SLUG", "NAME", "DOMAINS", "SCIM", "SCIM PROFILE", "CREATED", "ID"}, none: "No organizations."}
			for _, o := range all {
				s.rows = append(s.rows, []string{
					o.Slug, o.Name, orDash(strings.Join(o.Domains, ",")), o.scimState(), o.Profile, day(o.Created), o.ID,
				})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
}

func newOrgGetCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "get SLUG|ID", Short: "Show an organization", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.showOrganization(cmd, args[0], http.MethodGet, nil)
		},
	}
}

func newOrgUpdateCommand(t *target) *cobra.Command {
	var f organizationFlags
	cmd := &cobra.Command{
		Use: "update SLUG|ID", Short: "Change what the flags name; the rest stays", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := f.body(cmd)
			if len(body) == 0 {
				return usagef("say what to change: --name, --domain, --scim, …; see domicile org update --help")
			}
			return t.showOrganization(cmd, args[0], http.MethodPatch, body)
		},
	}
	f.add(cmd)
	return cmd
}

// showOrganization gets or patches an organization and prints it. A nil map is no body.
func (t *target) showOrganization(cmd *cobra.Command, name, method string, body map[string]any) error {
	c, path, err := t.organization(cmd, name)
	if err != nil {
		return err
	}
	var in any
	if body != nil {
		in = body
	}
	var answer organization
	if err := c.call(cmd.Context(), method, path, in, &answer); err != nil {
		return err
	}
	return t.print(cmd.OutOrStdout(), answer, answer.sheet())
}

func newOrgDeleteCommand(t *target) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete SLUG|ID --yes", Short: "Delete an organization and everything in it", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return usagef("this deletes all people, groups, tokens and connections of %s for good; add --yes", args[0])
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			if err := c.call(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "Organization %s is deleted.", args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "yes, for good")
	return cmd
}
