package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// credentials are what an address signs in with here, as the API shows them.
type credentials struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	Standing string `json:"standing"`
	Passkeys []struct {
		Name     string     `json:"name"`
		Created  time.Time  `json:"created_at"`
		LastUsed *time.Time `json:"last_used_at"`
	} `json:"passkeys"`
	Recovery int        `json:"recovery_codes_left"`
	Link     *time.Time `json:"setup_link_expires_at"`
	Created  time.Time  `json:"created_at"`
	Modified time.Time  `json:"updated_at"`
}

// lastUsed gives when one of the passkeys was last used; nil: never.
func (c *credentials) lastUsed() *time.Time {
	var last *time.Time
	for _, p := range c.Passkeys {
		if p.LastUsed != nil && (last == nil || p.LastUsed.After(*last)) {
			last = p.LastUsed
		}
	}
	return last
}

func newCredentialsCommand() *cobra.Command {
	t := new(target)
	return group("credentials", "What root users, break-glass addresses and invited people sign in with", t,
		newCredentialsListCommand(t), newCredentialsDeleteCommand(t), newCredentialsMailCommand(t))
}

func newCredentialsListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list ORGANIZATION", Short: "List addresses with passkeys, recovery codes or a link to set them up", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			all, err := every[credentials](cmd.Context(), c, path+"/credentials", "credentials", nil, 0)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"EMAIL", "IS", "PASSKEYS", "LAST USED", "CODES LEFT", "CHANGED", "ID"}, none: "No credentials."}
			for _, held := range all {
				s.rows = append(s.rows, []string{
					held.Email, held.Standing, strconv.Itoa(len(held.Passkeys)), dayOrNever(held.lastUsed()), strconv.Itoa(held.Recovery),
					day(held.Modified), held.ID,
				})
			}
			return t.print(cmd.OutOrStdout(), all, s)
		},
	}
}

func newCredentialsDeleteCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "delete ORGANIZATION CREDENTIALS-ID", Short: "Delete an address's passkeys and recovery codes, and end its sessions",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.remove(cmd, args[0], "/credentials/"+url.PathEscape(args[1]), "Passkeys and recovery codes are gone.")
		},
	}
}

func newCredentialsMailCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "mail ORGANIZATION EMAIL", Short: "Mail an address the link to set up passkeys and recovery codes",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			if err := c.call(cmd.Context(), http.MethodPost, path+"/setup-mails", map[string]string{"email": args[1]}, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "A link is on its way to %s; it works for 24 hours, and once.\n", args[1])
			return nil
		},
	}
}
