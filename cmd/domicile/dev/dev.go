package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"domicile/egress/dnstest"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

// Options say what to run.
type Options struct {
	Dir        string    // where everything is kept
	Fresh      bool      // wipe Dir first
	BasePort   int       // the us region takes BasePort…+99, eu +100…+199, provider, mail and DNS +200…
	Executable string    // this binary
	Out        io.Writer // for the table
	Logger     *slog.Logger
}

// ports is how many an installation takes from BasePort on, gaps included.
const ports = 300

// Validate refuses what could only fail half-way: ports that there are not, and a directory whose path is too long for a
// socket in it.
func (o *Options) Validate() error {
	if o.BasePort < 1 || o.BasePort > 1<<16-ports {
		return fmt.Errorf("the first of %d ports must be 1 to %d, not %d", ports, 1<<16-ports, o.BasePort)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	if socket := controlSocket(dir); len(socket) > maxSocketPath {
		return fmt.Errorf("the path of the control socket, %s, has %d bytes, and a socket's may have %d: choose a shorter directory",
			socket, len(socket), maxSocketPath)
	}
	return nil
}

// startTimeout bounds how long the regions may take to become ready.
const startTimeout = 60 * time.Second

// installation is a running dev command.
type installation struct {
	Options
	places    []place
	processes map[string]*process
	balancers []*balancer
	servers   []func() // stop functions, in the order to stop
	failed    chan error
	names     *dnstest.Server

	mu       sync.Mutex
	manifest Manifest
}

// Run starts everything, prints the table and stays until ctx ends; then it stops everything in order.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	if o.Fresh {
		if err := wipe(o.Dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", o.Dir, err)
	}
	in := &installation{Options: o, places: places(o.Dir, o.BasePort), processes: map[string]*process{}, failed: make(chan error, 1)}
	defer func() { err = errors.Join(err, in.stop()) }()
	control, err := listenControl(o.Dir)
	if err != nil {
		return err
	}
	in.servers = append(in.servers, func() { _ = control.Close() })
	if err := in.start(ctx); err != nil {
		return err
	}
	in.serve(control, in.controlHandler())
	in.manifest.print(o.Out, o.Dir)
	select {
	case <-ctx.Done():
		fmt.Fprintln(o.Out, "\nstopping…")
		return nil
	case err := <-in.failed:
		return err
	}
}

// wipe removes an earlier dev installation; a directory that is none is left alone.
func wipe(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into %s: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "us", "pki")); err != nil {
		return fmt.Errorf("%s does not look like a dev installation; remove it by hand", dir)
	}
	if conn, err := net.Dial("unix", controlSocket(dir)); err == nil {
		_ = conn.Close()
		return fmt.Errorf("another dev command runs on %s", dir)
	}
	return os.RemoveAll(dir)
}

func (in *installation) start(ctx context.Context) error {
	old, err := oldManifest(in.Dir)
	if err != nil {
		return err
	}
	secret, err := fileSecret(in.secretFile())
	if err != nil {
		return err
	}
	provider, err := in.startProvider(secret)
	if err != nil {
		return err
	}
	if err := errors.Join(in.startMail(), in.startNames()); err != nil {
		return err
	}
	for _, p := range in.places {
		if err := in.startRegion(ctx, p); err != nil {
			return err
		}
	}
	if err := in.awaitReady(ctx); err != nil {
		return err
	}
	for i, p := range in.places {
		token, err := seal.ReadSecretFile(p.operatorTokenFile())
		if err != nil {
			return err
		}
		org, err := seed(ctx, p, token.Reveal(), provider.Issuer(), secret.Reveal(), old)
		if err != nil {
			return fmt.Errorf("seed region %s: %w", p.id, err)
		}
		in.manifest.Regions[i].OperatorToken = token.Reveal()
		in.manifest.Regions[i].Organizations = []OrganizationManifest{org}
	}
	return in.refresh()
}

// secretFile has the secret of all clients at the demo provider.
func (in *installation) secretFile() string { return filepath.Join(in.Dir, "idp-client-secret") }

// startProvider runs the demo identity provider with a client per region, and with a client and people that no organization has yet.
func (in *installation) startProvider(secret seal.Secret) (*oidctest.Provider, error) {
	cfg := oidctest.Config{Addr: loopback(in.BasePort + 200), Demo: true}
	for _, p := range in.places {
		d := demos[p.id]
		cfg.Clients = append(cfg.Clients, oidctest.Client{ID: d.clientID(p.id), Secret: secret.Reveal()})
		for _, person := range d.people {
			cfg.Users = append(cfg.Users, oidctest.User{
				Subject: p.id + "-" + person.login, Email: d.email(person), EmailVerified: true, Name: person.name, Password: demoPassword,
			})
			in.manifest.IdP.Users = append(in.manifest.IdP.Users, LoginManifest{d.email(person), demoPassword})
		}
	}
	cfg.Clients = append(cfg.Clients, oidctest.Client{ID: spareClient, Secret: secret.Reveal()})
	in.manifest.IdP.Spare = SpareManifest{ClientID: spareClient, ClientSecret: secret.Reveal(), SecretFile: in.secretFile(), Domain: spare.domain}
	for _, person := range spare.people {
		cfg.Users = append(cfg.Users, oidctest.User{
			Subject: spareClient + "-" + person.login, Email: spare.email(person), EmailVerified: true, Name: person.name, Password: demoPassword,
		})
		in.manifest.IdP.Users = append(in.manifest.IdP.Users, LoginManifest{spare.email(person), demoPassword})
	}
	provider, err := oidctest.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("start the demo identity provider: %w", err)
	}
	in.manifest.IdP.Issuer = provider.Issuer()
	in.servers = append(in.servers, provider.Close)
	return provider, nil
}

func (in *installation) startRegion(ctx context.Context, p place) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", p.dir, err)
	}
	if _, err := fileSecret(p.operatorTokenFile()); err != nil {
		return err
	}
	if err := in.prepare(ctx, p, in.places); err != nil {
		return fmt.Errorf("prepare region %s: %w", p.id, err)
	}
	region := RegionManifest{ID: p.id, Name: p.name, URL: p.url(), LoginURL: p.loginURL()}
	for n := 1; n <= nodesPerRegion; n++ {
		node := &process{
			node: p.node(n), executable: in.Executable, config: p.configFile(n), dir: p.nodeDir(n), exited: in.nodeExited,
		}
		if err := node.start(); err != nil {
			return err
		}
		in.processes[p.node(n)] = node
		region.Nodes = append(region.Nodes, NodeManifest{
			ID: p.node(n), URL: "http://" + p.public(n), Ops: "http://" + p.ops(n), Data: filepath.Join(p.nodeDir(n), "data"),
		})
	}
	in.manifest.Regions = append(in.manifest.Regions, region)
	listener, err := net.Listen("tcp", p.balancer())
	if err != nil {
		return fmt.Errorf("start the balancer of %s: %w", p.id, err)
	}
	b := newBalancer(p)
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go b.watch(watching)
	in.servers = append(in.servers, cancel)
	in.balancers = append(in.balancers, b)
	in.serve(listener, b.handler(in.Logger))
	return nil
}

// nodeExited tells the person at the terminal that a node died; it stays dead until it is restarted.
func (in *installation) nodeExited(node string, err error) {
	fmt.Fprintf(in.Out, "node %s ended (%v); bring it back with: domicile dev restart %s --data %s\n", node, err, node, in.Dir)
	in.fail(in.refresh())
}

func (in *installation) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ready := true
		for _, b := range in.balancers {
			ready = ready && b.allReady()
		}
		if ready {
			return nil
		}
		for name, p := range in.processes {
			if p.pid() == 0 {
				return fmt.Errorf("node %s did not start; see %s", name, filepath.Join(p.dir, "log"))
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the regions are not ready after %s; see the log files under %s", startTimeout, in.Dir)
		}
	}
}

// refresh writes dev.json with the process ids of now.
func (in *installation) refresh() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for i := range in.manifest.Regions {
		for j := range in.manifest.Regions[i].Nodes {
			node := &in.manifest.Regions[i].Nodes[j]
			node.PID = in.processes[node.ID].pid()
		}
	}
	return in.manifest.write(in.Dir)
}

// serve answers HTTP on a listener until stop.
func (in *installation) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { in.fail(server.Serve(listener)) }()
	in.servers = append(in.servers, func() { _ = server.Close() })
}

func (in *installation) fail(err error) {
	if err = ignoreClosed(err); err == nil {
		return
	}
	select {
	case in.failed <- err:
	default:
	}
}

// stop ends the balancers, then the nodes, together.
func (in *installation) stop() error {
	for i := len(in.servers) - 1; i >= 0; i-- {
		in.servers[i]()
	}
	var wait sync.WaitGroup
	faults := make(chan error, len(in.processes))
	for _, p := range in.processes {
		wait.Go(func() { faults <- p.stop() })
	}
	wait.Wait()
	close(faults)
	var err error
	for fault := range faults {
		err = errors.Join(err, fault)
	}
	return err
}

// fileSecret reads a secret, or makes it and its file.
func fileSecret(path string) (seal.Secret, error) {
	secret, err := seal.ReadSecretFile(path)
	if !errors.Is(err, os.ErrNotExist) {
		return secret, err
	}
	secret = seal.NewSecret(seal.RandomText(32))
	if err := os.WriteFile(path, []byte(secret.Reveal()+"\n"), 0o600); err != nil {
		return seal.Secret{}, fmt.Errorf("write %s: %w", path, err)
	}
	return secret, nil
}
