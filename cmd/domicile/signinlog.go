package main

import (
	"cmp"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// signInRow is one line of an organization's log of sign-ins.
type signInRow struct {
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	Way        string    `json:"way"`
	Outcome    string    `json:"outcome"`
	Reason     string    `json:"reason,omitempty"`
	Reference  string    `json:"reference,omitempty"`
	More       int       `json:"more,omitempty"`
	Connection string    `json:"connection,omitempty"`
	User       string    `json:"user,omitempty"`
	UserName   string    `json:"user_name,omitempty"`
	Email      string    `json:"email,omitempty"`
	Session    string    `json:"session,omitempty"`
	Linked     bool      `json:"linked"`
	Agent      string    `json:"agent"`
	Address    string    `json:"address"`
}

// what tells in a cell what came of a sign-in.
func (r *signInRow) what() string {
	switch {
	case r.More > 0:
		return fmt.Sprintf("%s, and %d more", r.Reason, r.More)
	case r.Reason != "":
		return r.Reason
	case r.Linked:
		return "signed in, linked"
	default:
		return "signed in"
	}
}

func newSignInCommand() *cobra.Command {
	t := new(target)
	return group("sign-in", "Who of an organization signed in, and who was refused", t, newSignInListCommand(t))
}

func newSignInListCommand(t *target) *cobra.Command {
	var user, reference string
	var refused bool
	var limit int
	cmd := &cobra.Command{
		Use: "list ORGANIZATION", Short: "List sign-ins and refusals, newest first", Args: arguments(cobra.ExactArgs(1)),
		Long: "List sign-ins and refusals, newest first. A refusal is there some seconds after it happened.",
		Example: `domicile sign-in list acme --reference 4F2A9C01
domicile sign-in list acme --refused --limit 0`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usagef("--limit must be a positive number, or 0 for all")
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			query := make(url.Values)
			for name, value := range map[string]string{"user": user, "reference": reference} {
				if value != "" {
					query.Set(name, value)
				}
			}
			if refused {
				query.Set("outcome", "refused")
			}
			rows, err := every[signInRow](cmd.Context(), c, path+"/sign-ins", "sign_ins", query, limit)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"AT", "WAY", "USER", "OUTCOME", "REFERENCE", "BROWSER", "FROM"}, none: "Nothing."}
			for _, r := range rows {
				s.rows = append(s.rows, []string{
					r.At.UTC().Format(time.RFC3339), r.Way, orDash(cmp.Or(r.Email, r.UserName, r.User)), r.what(), orDash(r.Reference),
					orDash(r.Agent), orDash(r.Address),
				})
			}
			return t.print(cmd.OutOrStdout(), rows, s)
		},
	}
	cmd.Flags().BoolVar(&refused, "refused", false, "only refusals")
	cmd.Flags().StringVar(&reference, "reference", "", "only the refusal with this reference, as its page showed it")
	cmd.Flags().StringVar(&user, "user", "", "only about this user: id, user name, or an address of the root user or of break-glass")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many rows; 0: all")
	return cmd
}
