package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"domicile/cmd/domicile/dev"
)

func newDevCommand() *cobra.Command {
	var o dev.Options
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run two regions of three nodes, a demo identity provider, a mail sink and a DNS on this machine",
		Long: "Runs region us (three nodes) and region eu (three nodes), each node a process of its own with its own data\n" +
			"directory, a balancer before each region, a demo OpenID provider, a mail sink and a DNS server, all on loopback.\n" +
			"Prints how to reach them, writes the same to DIR/dev.json, and stays until Ctrl-C. A node that dies stays dead until\n" +
			"`domicile dev restart NODE`.",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return usageError{err}
			}
			executable, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this binary: %w", err)
			}
			o.Executable, o.Out = executable, cmd.OutOrStdout()
			o.Logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			return dev.Run(cmd.Context(), o)
		},
	}
	cmd.PersistentFlags().StringVar(&o.Dir, "data", ".dev", "directory of the installation")
	cmd.Flags().BoolVar(&o.Fresh, "fresh", false, "wipe the directory first")
	cmd.Flags().IntVar(&o.BasePort, "base-port", 7100, "first of the 300 ports used")
	for _, action := range []struct{ name, short string }{
		{"restart", "Start a dead node, or stop and start a running one"},
		{"stop", "Stop a node in order"},
		{"kill", "Kill a node at once (SIGKILL)"},
		{"pause", "Freeze a node (SIGSTOP)"},
		{"resume", "Go on with a frozen node (SIGCONT)"},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: action.name + " NODE", Short: action.short, Args: arguments(cobra.ExactArgs(1)),
			RunE: func(cmd *cobra.Command, args []string) error {
				return dev.Control(cmd.Context(), o.Dir, action.name, args[0])
			},
		})
	}
	cmd.AddCommand(&cobra.Command{
		Use: "dns NAME TEXT", Short: "Give a name one TXT record in the demo's DNS; an empty text takes it away", Args: arguments(cobra.ExactArgs(2)),
		Example: "domicile dev dns _domicile-challenge.hopper.example domicile-verification=…",
		RunE: func(cmd *cobra.Command, args []string) error {
			return dev.Publish(cmd.Context(), o.Dir, args[0], args[1])
		},
	})
	return cmd
}
