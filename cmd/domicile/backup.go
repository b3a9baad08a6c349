package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"domicile/cluster/storage"
	"domicile/seal"
)

func newBackupCommand() *cobra.Command {
	t := new(target)
	return group("backup", "Encrypted backups of a region", t, newBackupCreateCommand(t), newBackupVerifyCommand(t))
}

func newBackupCreateCommand(t *target) *cobra.Command {
	var file, keyring string
	cmd := &cobra.Command{
		Use: "create", Short: "Write an encrypted backup of a running region to a file", Args: arguments(cobra.NoArgs),
		Long: "Writes an encrypted backup with every change that was acknowledged before. The file appears under its name once it\n" +
			"is complete and on disk, and replaces an older one. With --keyring it is verified first. Keep it apart from the\n" +
			"key ring, and keep the key ring: without it nobody opens the backup.",
		Example: "domicile backup create --out us.backup --keyring keyring.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("say where to: --out FILE")
			}
			var ring *seal.Keyring
			if keyring != "" {
				var err error
				if ring, err = seal.LoadKeyring(keyring); err != nil {
					return err
				}
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			size, summary, err := createBackup(cmd.Context(), c, file, ring)
			if err != nil {
				return err
			}
			if summary != nil {
				report := newBackupReport(file, size, *summary)
				return t.print(cmd.OutOrStdout(), report, report.sheet())
			}
			return t.print(cmd.OutOrStdout(), map[string]any{"file": file, "size": size, "verified": false}, sheet{rows: [][]string{
				{"file", file}, {"size", bytesOf(size)}, {"verified", "no: give --keyring, or run domicile backup verify"},
			}})
		},
	}
	cmd.Flags().StringVar(&file, "out", "", "file to write (mode 0600)")
	cmd.Flags().StringVar(&keyring, "keyring", "", "the region's key ring file, to verify what was written")
	return cmd
}

// createBackup downloads beside the file, verifies if there is a key ring, and renames: under its name there is only ever
// a whole backup.
func createBackup(ctx context.Context, c *client, file string, ring *seal.Keyring) (int64, *storage.BackupSummary, error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.partial") // mode 0600
	if err != nil {
		return 0, nil, err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name()) // nothing is there once it has its own name
	}()
	size, err := c.download(ctx, "/api/v1/backup", f)
	if err != nil {
		return 0, nil, err
	}
	var summary *storage.BackupSummary
	if ring != nil {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return 0, nil, err
		}
		found, err := storage.VerifyBackup(bufio.NewReader(f), ring)
		if err != nil {
			return 0, nil, err
		}
		summary = &found
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return 0, nil, fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return 0, nil, err
	}
	return size, summary, syncDirectory(filepath.Dir(file))
}

// syncDirectory makes a new name survive a power loss.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// download writes an answer of any size to w. It waits for the answer's beginning as long as for other answers, and then
// for as long as it takes.
func (c *client) download(ctx context.Context, path string, w io.Writer) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return 0, fmt.Errorf("write the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = clientTimeout
	defer transport.CloseIdleConnections()
	patient := *c.http
	patient.Timeout, patient.Transport = 0, transport
	resp, err := patient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return 0, fmt.Errorf("read the answer: %w", err)
		}
		return 0, refusalOf(resp, answer)
	}
	size, err := io.Copy(w, resp.Body)
	if err != nil {
		return 0, fmt.Errorf("the backup was cut off after %d bytes: %w", size, err)
	}
	return size, nil
}

func newBackupVerifyCommand(t *target) *cobra.Command {
	var keyring string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Prove that a backup restores, and say what is in it", Args: arguments(cobra.ExactArgs(1)),
		Long: "Reads a backup to its end and restores it into memory, without a running region. It takes the memory that a node\n" +
			"of the region takes.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if keyring == "" {
				return usagef("say which key ring: --keyring FILE")
			}
			ring, err := seal.LoadKeyring(keyring)
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			summary, err := storage.VerifyBackup(bufio.NewReader(f), ring)
			if err != nil {
				return err
			}
			info, err := f.Stat()
			if err != nil {
				return err
			}
			report := newBackupReport(args[0], info.Size(), summary)
			return t.print(cmd.OutOrStdout(), report, report.sheet())
		},
	}
	cmd.Flags().StringVar(&keyring, "keyring", "", "the region's key ring file")
	return cmd
}

// backupReport is what is in a backup, for people and as JSON.
type backupReport struct {
	File          string    `json:"file"`
	Size          int64     `json:"size"` // bytes of the file
	Verified      bool      `json:"verified"`
	Region        string    `json:"region"`
	Cluster       string    `json:"cluster"`
	Seq           uint64    `json:"seq"`
	Time          time.Time `json:"time"` // of the last change
	Key           string    `json:"key"`
	Digest        string    `json:"digest"`
	Organizations int       `json:"organizations"`
	Users         int       `json:"users"`
	Groups        int       `json:"groups"`
	Tokens        int       `json:"scim_tokens"`
	Connections   int       `json:"connections"`
	Sessions      int       `json:"sessions"`
}

func newBackupReport(file string, size int64, s storage.BackupSummary) backupReport {
	return backupReport{
		File: file, Size: size, Verified: true, Region: s.Region, Cluster: s.Cluster, Seq: s.Seq, Time: s.Time, Key: s.Key,
		Digest: hex.EncodeToString(s.Digest[:]), Organizations: s.Organizations, Users: s.Users, Groups: s.Groups,
		Tokens: s.Tokens, Connections: s.Connections, Sessions: s.Sessions,
	}
}

func (r backupReport) sheet() sheet {
	return sheet{rows: [][]string{
		{"file", r.File}, {"size", bytesOf(r.Size)}, {"verified", "yes"}, {"region", r.Region}, {"cluster", r.Cluster},
		{"seq", strconv.FormatUint(r.Seq, 10)}, {"last change", r.Time.Format(time.RFC3339)}, {"key", r.Key}, {"digest", r.Digest},
		{"organizations", strconv.Itoa(r.Organizations)}, {"users", strconv.Itoa(r.Users)}, {"groups", strconv.Itoa(r.Groups)},
		{"scim tokens", strconv.Itoa(r.Tokens)}, {"connections", strconv.Itoa(r.Connections)}, {"sessions", strconv.Itoa(r.Sessions)},
	}}
}

func bytesOf(n int64) string { return strconv.FormatInt(n, 10) + " bytes" }
