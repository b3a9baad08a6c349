package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"

	"domicile/cmd/domicile/config"
)

const nodesPerRegion = 3

// place is where everything of one region lives.
type place struct {
	id, name string
	base     int // first port of the region's hundred
	dir      string
}

// ports: base+0 the balancer, +1… the nodes, +11… their operations listeners, +21… their peer links.
func (p place) balancer() string    { return loopback(p.base) }
func (p place) public(n int) string { return loopback(p.base + n) }
func (p place) ops(n int) string    { return loopback(p.base + 10 + n) }
func (p place) peer(n int) string   { return loopback(p.base + 20 + n) }
func (p place) node(n int) string   { return fmt.Sprintf("%s-%d", p.id, n) }
func (p place) url() string         { return "http://" + p.balancer() }
func (p place) loginURL() string {
	return fmt.Sprintf("http://%s.localhost:%d/login", p.id, p.base)
}
func (p place) nodeDir(n int) string      { return filepath.Join(p.dir, p.node(n)) }
func (p place) configFile(n int) string   { return filepath.Join(p.nodeDir(n), "domicile.yaml") }
func (p place) operatorTokenFile() string { return filepath.Join(p.dir, "operator-token") }
func (p place) pki(file string) string    { return filepath.Join(p.dir, "pki", file) }

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// places gives the two regions of a dev directory whose first port is base.
func places(dir string, base int) []place {
	return []place{
		{id: "us", name: "United States", base: base, dir: filepath.Join(dir, "us")},
		{id: "eu", name: "European Union", base: base + 100, dir: filepath.Join(dir, "eu")},
	}
}

// prepare makes what a region lacks: its CA, keyring, node certificates and operator token, by the same commands that a
// person would run, and writes its nodes' configuration files anew.
func (o *Options) prepare(ctx context.Context, p place, all []place) error {
	if _, err := os.Stat(p.pki("ca.pem")); errors.Is(err, os.ErrNotExist) {
		if err := o.domicile(ctx, "pki", "init", "--region", p.id, "--dir", p.pki("")); err != nil {
			return err
		}
	}
	for n := 1; n <= nodesPerRegion; n++ {
		if err := os.MkdirAll(p.nodeDir(n), 0o700); err != nil {
			return fmt.Errorf("make the node's directory: %w", err)
		}
		if _, err := os.Stat(p.pki(p.node(n) + ".pem")); errors.Is(err, os.ErrNotExist) {
			if err := o.domicile(ctx, "pki", "node", "--dir", p.pki(""), "--node", p.node(n), "--host", "127.0.0.1"); err != nil {
				return err
			}
		}
		raw, err := yaml.Marshal(o.nodeConfig(p, n, all))
		if err != nil {
			return fmt.Errorf("write the configuration of %s: %w", p.node(n), err)
		}
		if err := os.WriteFile(p.configFile(n), raw, 0o600); err != nil {
			return fmt.Errorf("write the configuration of %s: %w", p.node(n), err)
		}
	}
	return nil
}

// domicile runs this same binary with other arguments.
func (o *Options) domicile(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, o.Executable, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("domicile %s: %w: %s", args[0], err, out)
	}
	return nil
}

func (o *Options) nodeConfig(p place, n int, all []place) config.Config {
	c := config.Config{
		Region:            p.id,
		DataDir:           filepath.Join(p.nodeDir(n), "data"),
		Listen:            p.public(n),
		OpsListen:         p.ops(n),
		KeyringFile:       p.pki("keyring.json"),
		OperatorTokenFile: p.operatorTokenFile(),
		Peer: config.Peer{
			Listen: p.peer(n), Advertise: p.peer(n), BootstrapExpect: nodesPerRegion,
			CertificateFile: p.pki(p.node(n) + ".pem"), KeyFile: p.pki(p.node(n) + ".key"), CAFile: p.pki("ca.pem"),
		},
		Mail:       o.mail(p),
		DNS:        config.DNS{Servers: []string{o.nameServer()}},
		Log:        config.Log{Level: "info", Format: "json"},
		Traces:     config.Traces{File: filepath.Join(p.nodeDir(n), "traces.jsonl")},
		DrainDelay: 300 * time.Millisecond,
		Dev:        true,
	}
	for i := 1; i <= nodesPerRegion; i++ {
		c.Peer.Seeds = append(c.Peer.Seeds, p.peer(i))
	}
	for _, region := range all {
		c.Regions = append(c.Regions, config.Region{ID: region.id, Name: region.name, URL: region.url(), LoginURL: region.loginURL()})
	}
	return c
}
