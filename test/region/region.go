package region

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"domicile/cmd/domicile/config"
)

// Options say what region to run. Binary and Dir are required.
type Options struct {
	Binary string // the domicile binary
	Dir    string // where keys, configuration, data and logs go
	ID     string // "us" when empty
	Size   int    // number of nodes; 3 when zero

	// Others are further regions for the sign-in page.
	Others []config.Region
	// Configure changes a node's configuration before it is written; n counts from 0. nil: nothing.
	Configure func(n int, c *config.Config)
	// Hosts gives each node an IP address of its own, which turns the loopback-only development mode off. nil: all nodes
	// are on loopback.
	Hosts []string
	// Relays leads the peer link over relays, so that Cut can cut a node off. It needs Linux, and all nodes on this machine.
	Relays bool
	// Launcher is the command line before the binary's own, that runs it where node n shall run. nil: none.
	Launcher func(n int) []string
}

// Region is a region of node processes.
type Region struct {
	Options
	Nodes    []*Node
	Operator string // the operator token
	Client   *http.Client

	relays *relays // nil: nodes talk to each other directly
}

// startTimeout bounds how long a region may take to become ready.
const startTimeout = 60 * time.Second

// Start makes the keys and configuration files, starts every node, waits until all are ready, and settles the region so that
// a fresh organization and a token are all that SCIM needs, at any rate of requests.
func Start(ctx context.Context, o Options) (*Region, error) {
	r, err := Prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, node := range r.Nodes {
		if err := node.Start(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	if err := r.AwaitReady(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	settings := map[string]any{"new_scim": "active", "request_rate": -1}
	if err := r.Admin(ctx, r.Nodes[0], http.MethodPut, "/settings", settings, nil); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Prepare makes the keys and configuration files and starts nothing.
func Prepare(ctx context.Context, o Options) (*Region, error) {
	if o.ID == "" {
		o.ID = "us"
	}
	if o.Size == 0 {
		o.Size = 3
	}
	r := &Region{Options: o, Operator: "operator-" + o.ID, Client: NewClient()}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	addresses, err := o.addresses()
	if err != nil {
		return nil, err
	}
	for n, a := range addresses {
		name := fmt.Sprintf("%s-%d", o.ID, n+1)
		node := &Node{
			Name: name, command: []string{o.Binary}, dir: filepath.Join(o.Dir, name),
			URL: "http://" + a.public, Ops: "http://" + a.ops, Peer: a.peer, PeerListen: a.peer, client: r.Client,
		}
		if o.Launcher != nil {
			node.command = append(o.Launcher(n), o.Binary)
		}
		r.Nodes = append(r.Nodes, node)
	}
	if o.Relays {
		if r.relays, err = openRelays(r.Nodes); err != nil {
			return nil, err
		}
	}
	if err := r.writeFiles(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Region) writeFiles(ctx context.Context) error {
	if err := r.writeKeys(ctx); err != nil {
		return err
	}
	for n := range r.Nodes {
		if err := r.writeConfig(n); err != nil {
			return err
		}
	}
	return nil
}

// PKI gives the path of one of the region's key files.
func (r *Region) PKI(file string) string { return filepath.Join(r.Dir, "pki", file) }

func (r *Region) writeKeys(ctx context.Context) error {
	if err := Run(ctx, r.Binary, "pki", "init", "--region", r.ID, "--dir", r.PKI("")); err != nil {
		return err
	}
	for _, node := range r.Nodes {
		host, _, err := net.SplitHostPort(node.Peer)
		if err != nil {
			return err
		}
		if err := Run(ctx, r.Binary, "pki", "node", "--dir", r.PKI(""), "--node", node.Name, "--host", host); err != nil {
			return err
		}
	}
	return os.WriteFile(r.PKI("operator-token"), []byte(r.Operator), 0o600)
}

func (r *Region) writeConfig(n int) error {
	node := r.Nodes[n]
	own := config.Region{ID: r.ID, Name: strings.ToUpper(r.ID), URL: r.Nodes[0].URL, LoginURL: r.Nodes[0].URL + "/login"}
	sample := 0.01
	c := config.Config{
		Region: r.ID, Regions: append([]config.Region{own}, r.Others...), DataDir: node.Data(),
		Listen: strings.TrimPrefix(node.URL, "http://"), OpsListen: strings.TrimPrefix(node.Ops, "http://"),
		KeyringFile: r.PKI("keyring.json"), OperatorTokenFile: r.PKI("operator-token"),
		Peer: config.Peer{
			Listen: node.PeerListen, Advertise: node.Peer, BootstrapExpect: r.Size,
			CertificateFile: r.PKI(node.Name + ".pem"), KeyFile: r.PKI(node.Name + ".key"), CAFile: r.PKI("ca.pem"),
		},
		Traces:     config.Traces{File: filepath.Join(node.dir, "traces.jsonl"), Sample: &sample},
		DrainDelay: 300 * time.Millisecond,
		Dev:        r.Hosts == nil,
	}
	for _, seed := range r.Nodes {
		c.Peer.Seeds = append(c.Peer.Seeds, seed.Peer)
	}
	if r.Configure != nil {
		r.Configure(n, &c)
	}
	if err := os.MkdirAll(node.dir, 0o700); err != nil {
		return err
	}
	raw, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(node.configFile(), raw, 0o600)
}

// AwaitReady waits until every running node says that it is ready.
func (r *Region) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, node := range r.Nodes {
		if err := node.AwaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

// levelTimeout is how long the leader may take to raise the level once every node supports it.
const levelTimeout = 5 * time.Second

// AwaitLevel waits until the ledger of every node is at a level.
func (r *Region) AwaitLevel(ctx context.Context, want uint64) error {
	until := time.Now().Add(levelTimeout)
	for {
		var wrong error
		for _, node := range r.Nodes {
			s, err := node.Status(ctx)
			if err != nil {
				return err
			}
			if s.Level != want {
				wrong = fmt.Errorf("%s is at level %d, not %d", node.Name, s.Level, want)
			}
		}
		if wrong == nil || time.Now().After(until) {
			return wrong
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Leader gives the node that leads, waiting for one.
func (r *Region) Leader(ctx context.Context) (*Node, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		for _, node := range r.Nodes {
			if status, err := node.Status(ctx); err == nil && status.Role == "leader" {
				return node, nil
			}
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, errors.New("no node leads")
		}
	}
}

// Followers gives the running nodes that do not lead.
func (r *Region) Followers(ctx context.Context) ([]*Node, error) {
	leader, err := r.Leader(ctx)
	if err != nil {
		return nil, err
	}
	var followers []*Node
	for _, node := range r.Nodes {
		if node != leader && node.PID() != 0 {
			followers = append(followers, node)
		}
	}
	return followers, nil
}

// Cut cuts a node off from the others: from now on no byte passes between it and them, and nobody is told. The region was
// started with Relays.
func (r *Region) Cut(node *Node) { r.relays.set(node, true) }

// Mend undoes Cut.
func (r *Region) Mend(node *Node) { r.relays.set(node, false) }

// Close kills what still runs.
func (r *Region) Close() error {
	var err error
	for _, node := range r.Nodes {
		if node.PID() != 0 {
			err = errors.Join(err, node.Kill())
		}
	}
	if r.relays != nil {
		err, r.relays = errors.Join(err, r.relays.close()), nil
	}
	r.Client.CloseIdleConnections()
	return err
}

// Run runs the binary and gives its output as the error's text.
func Run(ctx context.Context, binary string, args ...string) error {
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(binary), strings.Join(args, " "), err, out)
	}
	return nil
}

// Build builds the binary into dir, or takes the one that the environment variable DOMICILE_BINARY names.
func Build(ctx context.Context, dir string) (string, error) {
	if binary := os.Getenv("DOMICILE_BINARY"); binary != "" {
		return filepath.Abs(binary)
	}
	binary := filepath.Join(dir, "domicile")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "domicile/cmd/domicile").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the binary: %w: %s", err, out)
	}
	return binary, nil
}

// address is where the listeners of a node are, host:port.
type address struct{ public, ops, peer string }

// addresses gives every node its place.
func (o *Options) addresses() ([]address, error) {
	if o.Hosts != nil && len(o.Hosts) != o.Size {
		return nil, fmt.Errorf("%d hosts for %d nodes", len(o.Hosts), o.Size)
	}
	var all []address
	for _, host := range o.Hosts {
		all = append(all, address{host + ":8080", host + ":9080", host + ":7946"})
	}
	if all != nil {
		return all, nil
	}
	ports, err := freePorts(3 * o.Size)
	if err != nil {
		return nil, err
	}
	for p := range slices.Chunk(ports, 3) {
		all = append(all, address{p[0], p[1], p[2]})
	}
	return all, nil
}

// freePorts gives loopback addresses that were free a moment ago.
func freePorts(count int) ([]string, error) {
	addresses := make([]string, count)
	for i := range addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // all are held until all are known, so that none is given out twice
		addresses[i] = listener.Addr().String()
	}
	return addresses, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
