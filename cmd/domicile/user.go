package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// user is a user as the API shows it.
type user struct {
	ID          string    `json:"id"`
	UserName    string    `json:"user_name"`
	DisplayName string    `json:"display_name"`
	Emails      []string  `json:"emails"`
	ExternalID  string    `json:"external_id,omitempty"`
	Active      bool      `json:"active"`
	Source      string    `json:"source"`
	Created     time.Time `json:"created_at"`
	Modified    time.Time `json:"updated_at"`
	Groups      []struct {
		ID          string `json:"id"`
		DisplayName string `json:"display_name"`
	} `json:"groups,omitempty"`
	Deleted *struct {
		At      time.Time  `json:"at"`
		Expires *time.Time `json:"expires_at"`
		Actor   string     `json:"actor"`
	} `json:"deleted,omitempty"`
}

func (u *user) sheet() sheet {
	var groups []string
	for _, g := range u.Groups {
		groups = append(groups, g.DisplayName)
	}
	s := sheet{rows: [][]string{
		{"id", u.ID}, {"user name", u.UserName}, {"display name", u.DisplayName},
		{"emails", orDash(strings.Join(u.Emails, ", "))}, {"external id", orDash(u.ExternalID)}, {"active", yesOrNo(u.Active)},
		{"source", u.Source}, {"groups", orDash(strings.Join(groups, ", "))}, {"created", day(u.Created)}, {"updated", day(u.Modified)},
	}}
	if u.Deleted != nil {
		s.rows = append(s.rows,
			[]string{"deleted", day(u.Deleted.At) + " by " + u.Deleted.Actor}, []string{"erased", dayOrNever(u.Deleted.Expires)})
	}
	return s
}

func newUserCommand() *cobra.Command {
	t := new(target)
	return group("user", "Users of an organization", t,
		newUserListCommand(t), newUserGetCommand(t), newUserInviteCommand(t), newUserDeleteCommand(t),
		newUserConvertCommand(t), newUserRenameCommand(t),
		newUserDeletedCommand(t), newUserRestoreCommand(t), newUserEraseCommand(t))
}

func newUserListCommand(t *target) *cobra.Command {
	var source, active, prefix string
	cmd := &cobra.Command{
		Use: "list ORGANIZATION", Short: "List an organization's users", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			query := make(url.Values)
			for name, value := range map[string]string{"source": source, "active": active, "prefix": prefix} {
				if value != "" {
					query.Set(name, value)
				}
			}
			all, err := every[user](cmd.Context(), c, path+"/users", "users", query, 0)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"USER NAME", "DISPLAY NAME", "SOURCE", "ACTIVE", "CREATED", "ID"}, none: "No users."}
			for _, u := range all {
				s.rows = append(s.rows, []string{u.UserName, u.DisplayName, u.Source, yesOrNo(u.Active), day(u.Created), u.ID})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
	cmd.Flags().StringVar(&source, "source", "", "scim, invited or root")
	cmd.Flags().StringVar(&active, "active", "", "true or false")
	cmd.Flags().StringVar(&prefix, "prefix", "", "how the user name begins")
	return cmd
}

// showUser asks for one user and prints it.
func (t *target) showUser(cmd *cobra.Command, organization, method, below string, body any) error {
	c, path, err := t.organization(cmd, organization)
	if err != nil {
		return err
	}
	var answer user
	if err := c.call(cmd.Context(), method, path+below, body, &answer); err != nil {
		return err
	}
	return t.print(cmd.OutOrStdout(), answer, answer.sheet())
}

func newUserGetCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "get ORGANIZATION USER-ID", Short: "Show a user, also a deleted one", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.showUser(cmd, args[0], http.MethodGet, "/users/"+url.PathEscape(args[1]), nil)
		},
	}
}

func newUserInviteCommand(t *target) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "invite ORGANIZATION EMAIL", Short: "Make a user by hand, whom the IdP does not see", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.showUser(cmd, args[0], http.MethodPost, "/users", map[string]any{"email": args[1], "display_name": name})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what to call the person")
	return cmd
}

func newUserDeleteCommand(t *target) *cobra.Command {
	var erase bool
	cmd := &cobra.Command{
		Use: "delete ORGANIZATION USER-ID", Short: "Delete a user that was made by hand", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			path += "/users/" + url.PathEscape(args[1])
			if erase {
				path += "?erase=true"
			}
			if err := c.call(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "User %s is deleted.", args[1])
		},
	}
	cmd.Flags().BoolVar(&erase, "erase", false, "for good, so that it cannot be restored")
	return cmd
}

func newUserConvertCommand(t *target) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "convert ORGANIZATION USER-ID… --to scim|invited", Short: "Hand users over to the IdP, or take them from it",
		Args: arguments(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to != "scim" && to != "invited" {
				return usagef("--to must be scim or invited")
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var answer struct {
				Converted int `json:"converted"`
			}
			body := map[string]any{"ids": args[1:], "to": to}
			if err := c.call(cmd.Context(), http.MethodPost, path+"/users/convert", body, &answer); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), answer, sheet{rows: [][]string{{"converted", strconv.Itoa(answer.Converted)}}})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "scim or invited (required)")
	return cmd
}

func newUserRenameCommand(t *target) *cobra.Command {
	var dryRun, yes bool
	cmd := &cobra.Command{
		Use: "rename ORGANIZATION --dry-run|--yes", Short: "Call every user by the primary e-mail address, all or none",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dryRun == yes {
				return usagef("this changes the user names of %s: look with --dry-run, then say --yes", args[0])
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var answer renaming
			if err := c.call(cmd.Context(), http.MethodPost, path+"/users/rename", map[string]any{"dry_run": dryRun}, &answer); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), answer, answer.sheet())
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "tell what it would do, and what collides")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

// renaming is a plan of new user names, or what was done.
type renaming struct {
	DryRun  bool `json:"dry_run"`
	Count   int  `json:"count"`
	Renames []struct {
		ID   string `json:"id"`
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"renames"`
	CollisionCount int `json:"collision_count"`
	Collisions     []struct {
		ID      string `json:"id"`
		Address string `json:"address"`
		With    string `json:"with"`
	} `json:"collisions"`
}

func (r *renaming) sheet() sheet {
	s := sheet{heads: []string{"USER", "FROM", "TO", "COLLIDES WITH"}, none: "Every user has the address as name already."}
	for _, step := range r.Renames {
		s.rows = append(s.rows, []string{step.ID, step.From, step.To, "-"})
	}
	for _, c := range r.Collisions {
		s.rows = append(s.rows, []string{c.ID, "-", c.Address, c.With})
	}
	if more := r.Count - len(r.Renames) + r.CollisionCount - len(r.Collisions); more > 0 {
		s.rows = append(s.rows, []string{fmt.Sprintf("and %d more", more), "", "", ""})
	}
	return s
}

func newUserDeletedCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "deleted ORGANIZATION", Short: "List the deleted users that may be restored", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			all, err := every[user](cmd.Context(), c, path+"/deleted-users", "deleted_users", nil, 0)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"USER NAME", "SOURCE", "DELETED", "BY", "ERASED", "ID"}, none: "No deleted users."}
			for _, u := range all {
				s.rows = append(s.rows, []string{
					u.UserName, u.Source, day(u.Deleted.At), u.Deleted.Actor, dayOrNever(u.Deleted.Expires), u.ID,
				})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
}

func newUserRestoreCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "restore ORGANIZATION USER-ID", Short: "Bring a deleted user back as it was", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.showUser(cmd, args[0], http.MethodPost, "/deleted-users/"+url.PathEscape(args[1])+"/restore", nil)
		},
	}
}

func newUserEraseCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "erase ORGANIZATION USER-ID", Short: "Erase a deleted user for good", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			if err := c.call(cmd.Context(), http.MethodDelete, path+"/deleted-users/"+url.PathEscape(args[1]), nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "User %s is erased.", args[1])
		},
	}
}
