package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"domicile/cluster"
	"domicile/cmd/domicile/config"
)

func newRestoreCommand() *cobra.Command {
	t := new(target)
	var file, backup string
	cmd := &cobra.Command{
		Use: "restore", Short: "Turn a backup into the data directory of one node, to found a lost region again",
		Args: arguments(cobra.NoArgs),
		Long: "Makes the data directory of one node out of a backup, after all nodes of a region were lost. Stop every node and\n" +
			"empty every data directory first. The restored node starts as the only voter; the others then join it with empty\n" +
			"directories. Refused: a data directory that is not empty, a backup of another region or cluster, a key that the key\n" +
			"ring lacks, a node that is not among its seeds, and a region of which a seed still holds data.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" || backup == "" {
				return usagef("say for which node and from what: --config FILE --backup FILE")
			}
			cfg, err := config.Load(file)
			if err != nil {
				return err
			}
			report, err := restore(cmd.Context(), cfg, backup, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			s := report.sheet()
			s.rows = append(s.rows, []string{"data directory", cfg.DataDir}, []string{"next", "start this node, then the others with empty data directories"})
			return t.print(cmd.OutOrStdout(), report, s)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file of the node")
	cmd.Flags().StringVar(&backup, "backup", "", "backup file")
	cmd.Flags().StringVarP(&t.format, "output", "o", "table", "table or json")
	return cmd
}

func restore(ctx context.Context, cfg config.Config, backup string, log io.Writer) (backupReport, error) {
	k, err := loadKeys(cfg)
	if err != nil {
		return backupReport{}, err
	}
	f, err := os.Open(backup)
	if err != nil {
		return backupReport{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return backupReport{}, err
	}
	place := clusterConfig(cfg, k)
	place.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	summary, err := cluster.Restore(ctx, place, f)
	if err != nil {
		return backupReport{}, fmt.Errorf("%s: %w", backup, err)
	}
	return newBackupReport(backup, info.Size(), summary), nil
}
