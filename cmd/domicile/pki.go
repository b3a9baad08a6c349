package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"domicile/seal"
)

// nodeValidity is how long a node certificate lives; telemetry warns well before its end.
const nodeValidity = 2 * 365 * 24 * time.Hour

func newPKICommand() *cobra.Command {
	return parent("pki", "Make a region's CA, node certificates and keyring",
		newPKIInitCommand(), newPKINodeCommand(), newPKIKeyringCommand())
}

func newPKIInitCommand() *cobra.Command {
	var dir, region string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Found a region: its CA (ca.pem, ca.key) and its keyring (keyring.json)",
		Long: "Founds a region. The CA carries the region and a new cluster id, which every certificate, log entry,\n" +
			"snapshot and backup of the region repeats. Keep ca.key off the nodes; every node needs ca.pem and keyring.json.",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := initRegion(dir, region); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "region %s: wrote ca.pem, ca.key and keyring.json to %s\n", region, dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "directory to write to")
	cmd.Flags().StringVar(&region, "region", "", "region id, for example us")
	must(cmd.MarkFlagRequired("region"))
	return cmd
}

func newPKINodeCommand() *cobra.Command {
	var dir, node string
	var hosts []string
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Make a node's certificate (NODE.pem, NODE.key), signed by the CA in --dir",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := issueNode(dir, dir, node, hosts); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "node %s: wrote %s.pem and %s.key to %s\n", node, node, node, dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "directory with ca.pem and ca.key, and to write to")
	cmd.Flags().StringVar(&node, "node", "", "node name, unique in the region, for example us-1")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "host name or IP address that the other nodes dial (repeatable)")
	must(cmd.MarkFlagRequired("node"))
	must(cmd.MarkFlagRequired("host"))
	return cmd
}

func newPKIKeyringCommand() *cobra.Command {
	var file, activate string
	cmd := &cobra.Command{
		Use:   "rotate-keyring",
		Short: "Add a key to a keyring file, or make one of its keys the active one",
		Long: "Rotates the keys of a region in two steps, so that no node meets a key that it lacks. First run it without\n" +
			"--activate: the new key is added and the old one stays active; give the file to every node and restart them one\n" +
			"by one. Then run it with --activate KEY and distribute the file again.",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return rotateKeyring(cmd.OutOrStdout(), file, activate)
		},
	}
	cmd.Flags().StringVar(&file, "file", "keyring.json", "keyring file")
	cmd.Flags().StringVar(&activate, "activate", "", "id of the key to seal with from now on")
	return cmd
}

// rotateKeyring adds a key that is not yet active, or activates one.
func rotateKeyring(out io.Writer, file, activate string) error {
	keyring, err := seal.LoadKeyring(file)
	if err != nil {
		return err
	}
	if activate == "" {
		old := keyring.ActiveID()
		keyring = keyring.Rotate()
		fmt.Fprintf(out, "added key %s; %s stays active\n", keyring.ActiveID(), old)
		activate = old
	}
	if keyring, err = keyring.Activate(activate); err != nil {
		return err
	}
	return replaceFile(file, keyring.Encode())
}

// initRegion writes ca.pem, ca.key and keyring.json for a new region into dir; it overwrites nothing.
func initRegion(dir, region string) error {
	cert, key, err := seal.NewAuthority(region, time.Now())
	if err != nil {
		return fmt.Errorf("make the CA of region %s: %w", region, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{{"ca.pem", cert}, {"ca.key", []byte(key.Reveal())}, {"keyring.json", seal.GenerateKeyring().Encode()}} {
		if err := writeNewFile(filepath.Join(dir, file.name), file.content); err != nil {
			return err
		}
	}
	return nil
}

// issueNode writes NODE.pem and NODE.key into dir, signed by the CA in caDir; it overwrites nothing.
func issueNode(caDir, dir, node string, hosts []string) error {
	caCert, err := os.ReadFile(filepath.Join(caDir, "ca.pem"))
	if err != nil {
		return fmt.Errorf("read the CA: %w", err)
	}
	caKey, err := seal.ReadSecretFile(filepath.Join(caDir, "ca.key"))
	if err != nil {
		return fmt.Errorf("read the CA's key: %w", err)
	}
	cert, key, err := seal.IssueNode(caCert, caKey, node, hosts, time.Now(), nodeValidity)
	if err != nil {
		return fmt.Errorf("issue a certificate for %s: %w", node, err)
	}
	if err := writeNewFile(filepath.Join(dir, node+".pem"), cert); err != nil {
		return err
	}
	return writeNewFile(filepath.Join(dir, node+".key"), []byte(key.Reveal()))
}

// writeNewFile makes a file that only its owner can read and refuses to overwrite.
func writeNewFile(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if _, err := f.Write(content); err != nil {
		_ = f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

// replaceFile writes beside path and renames, so that a crash leaves the old file or the new one.
func replaceFile(path string, content []byte) error {
	next := path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", next, err)
	}
	return os.Rename(next, path)
}

// must stops on a mistake of ours in wiring the command line.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
