package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "domicile:", err)
		os.Exit(exitCode(err))
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "domicile",
		Short:         "Directory sync (SCIM 2.0) and enterprise sign-in (OpenID Connect) in regions that never share data",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
	}
	root.AddCommand(
		newServeCommand(),
		newDevCommand(),
		newPKICommand(),
		newOrgCommand(),
		newTokenCommand(),
		newConnectionCommand(),
		newMemberCommand(),
		newBackupCommand(),
		newRestoreCommand(),
	)
	return root
}

// version gives the module version, or the commit, that this binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return info.Main.Version
}
