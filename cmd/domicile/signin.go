package main

import (
	"cmp"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// personSession is somebody's signed-in browser as the API shows it.
type personSession struct {
	ID         string     `json:"id"`
	User       string     `json:"user"`
	UserName   string     `json:"user_name"`
	Kind       string     `json:"kind"`
	Connection string     `json:"connection,omitempty"`
	Email      string     `json:"email,omitempty"`
	Methods    []string   `json:"methods"`
	Agent      string     `json:"agent"`
	Address    string     `json:"address"`
	Created    time.Time  `json:"created_at"`
	Seen       *time.Time `json:"last_seen_at"`
	Expires    time.Time  `json:"expires_at"`
}

func newSessionCommand() *cobra.Command {
	t := new(target)
	return group("session", "Who of an organization is signed in", t, newSessionListCommand(t), newSessionEndCommand(t))
}

func newSessionListCommand(t *target) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "list ORGANIZATION", Short: "List sessions", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			query := make(url.Values)
			if user != "" {
				query.Set("user", user)
			}
			all, err := every[personSession](cmd.Context(), c, path+"/sessions", "sessions", query, 0)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"USER", "KIND", "BROWSER", "FROM", "SINCE", "LAST SEEN", "ENDS", "ID"}, none: "Nobody is signed in."}
			for _, p := range all {
				s.rows = append(s.rows, []string{
					cmp.Or(p.Email, p.UserName), p.Kind, orDash(p.Agent), orDash(p.Address), day(p.Created), dayOrNever(p.Seen), day(p.Expires), p.ID,
				})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "only this user's, by id")
	return cmd
}

func newSessionEndCommand(t *target) *cobra.Command {
	var user string
	var all bool
	cmd := &cobra.Command{
		Use: "end ORGANIZATION [SESSION-ID]", Short: "End a session, all of a user, or everybody's", Args: arguments(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch one := len(args) == 2; {
			case one && user == "" && !all:
				return t.remove(cmd, args[0], "/sessions/"+url.PathEscape(args[1]), "Session "+args[1]+" has ended.")
			case user != "" && !one && !all:
				return t.remove(cmd, args[0], "/users/"+url.PathEscape(user)+"/sessions", "All sessions of user "+user+" have ended.")
			case all && !one && user == "":
				return t.remove(cmd, args[0], "/sessions", "Everybody of "+args[0]+" is signed out.")
			default:
				return usagef("name a session, or say --user ID or --all")
			}
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "end all sessions of this user, by id")
	cmd.Flags().BoolVar(&all, "all", false, "sign everybody of the organization out")
	return cmd
}

// signInLink is an identity at a provider that is tied to a user.
type signInLink struct {
	ID         string    `json:"id"`
	User       string    `json:"user"`
	UserName   string    `json:"user_name"`
	Connection string    `json:"connection"`
	Issuer     string    `json:"issuer"`
	Subject    string    `json:"subject"`
	Created    time.Time `json:"created_at"`
}

func newLinkCommand() *cobra.Command {
	t := new(target)
	return group("link", "Which identity at the provider is which user", t, newLinkListCommand(t), newLinkDeleteCommand(t))
}

func newLinkListCommand(t *target) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "list ORGANIZATION", Short: "List links", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			if user != "" {
				path += "/users/" + url.PathEscape(user)
			}
			all, err := every[signInLink](cmd.Context(), c, path+"/links", "links", nil, 0)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"USER", "SUBJECT", "ISSUER", "SINCE", "USER ID", "ID"}, none: "No links."}
			for _, l := range all {
				s.rows = append(s.rows, []string{l.UserName, l.Subject, l.Issuer, day(l.Created), l.User, l.ID})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "only this user's, by id")
	return cmd
}

func newLinkDeleteCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "delete ORGANIZATION USER-ID LINK-ID", Short: "Untie an identity from a user", Args: arguments(cobra.ExactArgs(3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			below := "/users/" + url.PathEscape(args[1]) + "/links/" + url.PathEscape(args[2])
			return t.remove(cmd, args[0], below, "Link "+args[2]+" is gone.")
		},
	}
}

// auditRow is one line of an organization's audit log.
type auditRow struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Event   string    `json:"event"`
	Subject string    `json:"subject"`
	Detail  string    `json:"detail"`
}

func newAuditCommand() *cobra.Command {
	t := new(target)
	return group("audit", "What people did to an organization", t, newAuditListCommand(t))
}

func newAuditListCommand(t *target) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "list ORGANIZATION", Short: "List the audit log, newest first", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usagef("--limit must be a positive number, or 0 for all")
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			rows, err := every[auditRow](cmd.Context(), c, path+"/audit", "audit", nil, limit)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"AT", "ACTOR", "EVENT", "SUBJECT", "DETAIL"}, none: "Nothing."}
			for _, r := range rows {
				s.rows = append(s.rows, []string{r.At.UTC().Format(time.RFC3339), r.Actor, r.Event, orDash(r.Subject), orDash(r.Detail)})
			}
			return t.print(cmd.OutOrStdout(), rows, s)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many rows; 0: all")
	return cmd
}
