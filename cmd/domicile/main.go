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
	root := parent("domicile", "Directory sync (SCIM 2.0) and enterprise sign-in (OpenID Connect) in regions that never share data",
		newServeCommand(),
		newDevCommand(),
		newPKICommand(),
		newOrgCommand(),
		newSettingsCommand(),
		newTokenCommand(),
		newScimClientCommand(),
		newSchemaCommand(),
		newUserCommand(),
		newSyncLogCommand(),
		newRequestCommand(),
		newConnectionCommand(),
		newDomainCommand(),
		newProviderCommand(),
		newSessionCommand(),
		newLinkCommand(),
		newCredentialsCommand(),
		newAuditCommand(),
		newSignInCommand(),
		newAppCommand(),
		newMemberCommand(),
		newBackupCommand(),
		newRestoreCommand(),
		newSimulateCommand(),
	)
	root.Long = root.Short + ".\n\n" +
		"Exit status: 0 when it is done; 2 for a command line that cannot be meant, such as one with an unknown flag, without\n" +
		"a required one, or with too many arguments: nothing was tried; 1 when it failed for another reason. A node that\n" +
		"must not go on exits with 75 (its disk hangs) or 78 (its log holds what this release must not apply)."
	root.SilenceUsage, root.SilenceErrors, root.Version = true, true, version()
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
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
