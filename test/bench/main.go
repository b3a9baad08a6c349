package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings of one run.
type settings struct {
	binary   string
	rounds   int
	cell     time.Duration
	clients  []int
	people   int
	large    int
	onlyOurs bool
	only     string
	signIn   bool
}

func main() {
	if err := dispatch(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func dispatch() error {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case ginYardstick:
			return serveGin(os.Args[2])
		case raftYardstick:
			return serveRaft(os.Args[2], os.Args[3], os.Args[4], os.Args[5:])
		}
	}
	var s settings
	var counts string
	flag.StringVar(&s.binary, "binary", "bin/domicile", "the domicile binary")
	flag.IntVar(&s.rounds, "rounds", 5, "interleaved rounds at 64 clients; other client counts take one round less than half")
	flag.DurationVar(&s.cell, "cell", time.Second, "how long each cell runs")
	flag.StringVar(&counts, "clients", "1,16,64,256", "client counts")
	flag.IntVar(&s.people, "people", 20_000, "users in the directory")
	flag.IntVar(&s.large, "large", 100_000, "users of the memory and restart measurement; 0 leaves it out")
	flag.BoolVar(&s.onlyOurs, "only-product", false, "leave the yardsticks out (for profiling; no floors are judged)")
	flag.StringVar(&s.only, "only", "", "measure just the cell of this name, or those whose names begin with this word")
	flag.BoolVar(&s.signIn, "signin", false, "measure sign-ins and deactivation instead")
	flag.Parse()
	for _, text := range strings.Split(counts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-clients %q: whole numbers from 1", counts)
		}
		s.clients = append(s.clients, n)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return bench(ctx, s)
}

// bench starts everything, runs the rounds and prints the report.
func bench(ctx context.Context, s settings) error {
	dir, err := os.MkdirTemp("", "domicile-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	describeMachine(os.Stdout)
	if s.signIn {
		s.people = signInPeople
	}
	p, err := startProduct(ctx, s.binary, dir+"/region", s.people)
	if p != nil {
		defer func() { _ = p.Close() }()
	}
	if err != nil {
		return err
	}
	if s.signIn {
		return measureSignIn(ctx, p)
	}
	cells, stopYardsticks, err := makeCells(ctx, s, p, dir)
	defer stopYardsticks()
	if err != nil {
		return err
	}
	if s.only != "" {
		cells = slices.DeleteFunc(cells, func(c cell) bool { return c.name != s.only && !strings.HasPrefix(c.name, s.only+" ") })
	}
	results := measure(ctx, s, cells)
	report(os.Stdout, s, results)
	for _, node := range p.Nodes {
		fmt.Printf("resident memory of %s after the rounds: %d MiB\n", node.Name, residentOf(node.PID())>>20)
	}
	_ = p.Close()
	if s.large > 0 {
		scale, err := measureScale(ctx, s.binary, dir, s.large)
		if err != nil {
			return err
		}
		scale.print(os.Stdout)
	}
	return nil
}

// cell is one thing that is measured at some number of clients.
type cell struct {
	name    string
	measure func(clients int, d time.Duration) sample
}

// makeCells starts the yardsticks and lists all cells in the order of a round.
func makeCells(ctx context.Context, s settings, p *product, dir string) (cells []cell, stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	stop = cancel
	for _, w := range workloads {
		cells = append(cells, cell{w.name, func(clients int, d time.Duration) sample {
			return run(w.start(p, clients), d, cpuOf(p.pids))
		}})
	}
	cells = append(cells, cell{loneCreate, func(_ int, d time.Duration) sample { return p.lone(ctx, d) }})
	beside, err := p.neighbours(ctx)
	if err != nil {
		return nil, stop, err
	}
	cells = append(cells, beside...)
	if s.onlyOurs {
		return cells, stop, nil
	}
	ports, err := freePorts(13)
	if err != nil {
		return nil, stop, err
	}
	ginProcess, err := startYardstick(ctx, ginYardstick, ports[0])
	if err != nil {
		return nil, stop, err
	}
	raftNodes, err := startRaftNodes(ctx, dir, ports[1:7])
	if err != nil {
		return nil, stop, err
	}
	e, err := startEtcd(ctx, dir, ports[7:])
	if err != nil {
		return nil, stop, err
	}
	stop = func() { e.stop(); cancel() }
	return append(cells,
		cell{bareGin, func(n int, d time.Duration) sample {
			return run(ginClients(ports[0], n), d, cpuOf(func() []int { return []int{ginProcess.Process.Pid} }))
		}},
		cell{bareRaft, func(n int, d time.Duration) sample { return runRaft(raftNodes, n, d) }},
		cell{etcdPut, func(n int, d time.Duration) sample { return run(e.puts(ctx, n), d, cpuOf(e.pids)) }},
	), stop, nil
}

// lone is one client that creates through the leader.
func (p *product) lone(ctx context.Context, d time.Duration) sample {
	leader, err := p.Leader(ctx)
	if err != nil {
		return sample{err: err}
	}
	c := &conn{address: strings.TrimPrefix(leader.URL, "http://")}
	return run([]client{func() error {
		_, err := p.create(c, fmt.Sprintf("n%09d", p.unique.Add(1)))
		return err
	}}, d, noCPU)
}

// countOf gives the one client count of a cell that has one.
func countOf(name string) (count int, fixed bool) {
	if name == loneCreate {
		return 1, true
	}
	for _, n := range neighbourCells {
		if n.name == name {
			return noisyClients, true
		}
	}
	return 0, false
}

// results are the samples by cell and client count, one per round.
type results map[string]map[int][]sample

// measure runs the rounds: in each, every cell at every client count that still takes part.
func measure(ctx context.Context, s settings, cells []cell) results {
	all := results{}
	for _, c := range cells {
		all[c.name] = map[int][]sample{}
	}
	for round := range s.rounds {
		for _, n := range s.clients {
			if n != 64 && round >= max(1, (s.rounds-1)/2) {
				continue
			}
			for _, c := range cells {
				if ctx.Err() != nil {
					return all
				}
				if only, fixed := countOf(c.name); fixed && n != only {
					continue
				}
				all[c.name][n] = append(all[c.name][n], c.measure(n, s.cell))
			}
			fmt.Fprintf(os.Stderr, "round %d of %d, %d clients done\n", round+1, s.rounds, n)
		}
	}
	return all
}

func freePorts(count int) ([]string, error) {
	addresses := make([]string, count)
	for i := range addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addresses[i] = listener.Addr().String()
	}
	return addresses, nil
}
