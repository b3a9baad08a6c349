package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"domicile/directory"
)

const membersPath = "/api/v1/members"

func newMemberCommand() *cobra.Command {
	t := new(target)
	return group("member", "The nodes of a region", t,
		newMemberListCommand(t), newMemberRemoveCommand(t), newMemberTransferCommand(t))
}

func newMemberListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the nodes, as the one that answers knows them", Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			var answer struct {
				Members []directory.Member `json:"members"`
			}
			if err := c.call(cmd.Context(), http.MethodGet, membersPath, nil, &answer); err != nil {
				return err
			}
			s := sheet{heads: []string{"NODE", "ROLE", "STATE", "ADDRESS", "ID"}, none: "The node that answered is no member yet."}
			for _, m := range answer.Members {
				s.rows = append(s.rows, []string{m.Node, roleOf(m), m.State, m.Address, m.ID})
			}
			return t.print(cmd.OutOrStdout(), answer.Members, s)
		},
	}
}

// roleOf names what a member does: leader, voter, or learner before it has a vote.
func roleOf(m directory.Member) string {
	switch {
	case m.Leader:
		return "leader"
	case m.Voter:
		return "voter"
	}
	return "learner"
}

func newMemberRemoveCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "remove NODE", Short: "Take a node out of the region for good", Args: arguments(cobra.ExactArgs(1)),
		Long: "Takes a node, by name or id, out of the region for good. It is refused while the voters that would remain could\n" +
			"not go on without it. Stop the node afterwards, and empty its data directory before it may join again.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if args[0] == "" {
				return usagef("the node's name or id is empty")
			}
			if err := c.call(cmd.Context(), http.MethodDelete, membersPath+"/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "Node %s is no member any more.", args[0])
		},
	}
}

func newMemberTransferCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "transfer", Short: "Make another node the leader", Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.call(cmd.Context(), http.MethodPost, "/api/v1/leader/transfer", nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "Another node leads now.")
		},
	}
}
