package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// Names of cells that the floors speak of.
const (
	loneCreate = "create, alone at the leader"
	bareGin    = "bare gin GET 1 KB"
	bareRaft   = "bare raft apply 1 KB"
	etcdPut    = "etcd put 1 KB"
)

// floor is a promise as the median over rounds of a ratio of two cells.
type floor struct {
	a, b    string
	clients int
	figure  func(sample) float64
	least   float64 // 0: there is a most instead
	most    float64
	goal    string
}

func rate(s sample) float64 { return s.rate }
func p50(s sample) float64  { return float64(s.p50) }
func p99(s sample) float64  { return float64(s.p99) }
func cpu(s sample) float64  { return float64(s.cpu) }

var floors = []floor{
	{"create", etcdPut, 64, rate, 0.8, 0, "1.0"},
	{"create", etcdPut, 256, rate, 0, 0, "1.5"},
	{loneCreate, bareRaft, 1, p50, 0, 1.3, ""},
	{"get by id", bareGin, 64, rate, 0.6, 0, "0.7"},
	{"userName eq", bareGin, 64, rate, 0.55, 0, ""},
	{"page of 100", bareGin, 64, rate, 0.1, 0, ""},
	{"PATCH active", "create", 64, rate, 0.9, 0, ""},
	{"member of 10,000", "member of 10", 64, cpu, 0, 1.15, ""},
	{"neighbour get, limits", "neighbour get, no limits", noisyClients, p99, 0, 0, ""},
	{"neighbour create, limits", "neighbour create, no limits", noisyClients, p99, 0, 0, ""},
}

func describeMachine(w io.Writer) {
	model := "unknown processor"
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(raw), "\n") {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	fmt.Fprintf(w, "machine: %d × %s, %s; load generator, three nodes and yardsticks share it\n\n",
		runtime.NumCPU(), model, runtime.Version())
}

func report(w io.Writer, s settings, all results) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "operation\tclients\trequests/s\tp50 ms\tp99 ms\tCPU µs/op, all nodes\trounds\t\n")
	names := make([]string, 0, len(all))
	for _, work := range workloads {
		names = append(names, work.name)
	}
	names = append(names, loneCreate)
	for _, n := range neighbourCells {
		names = append(names, n.name)
	}
	names = append(names, bareGin, bareRaft, etcdPut)
	var faults []string
	for _, name := range names {
		for _, n := range s.clients {
			samples := all[name][n]
			if len(samples) == 0 {
				continue
			}
			for _, sample := range samples {
				if sample.err != nil {
					faults = append(faults, fmt.Sprintf("%s at %d clients: %v", name, n, sample.err))
				}
			}
			cost := "–"
			if c := median(samples, func(s sample) time.Duration { return s.cpu }); c > 0 {
				cost = fmt.Sprintf("%.1f", float64(c)/1e3)
			}
			fmt.Fprintf(t, "%s\t%d\t%.0f\t%.2f\t%.2f\t%s\t%d\t\n", name, n, median(samples, rate),
				median(samples, p50)/1e6, median(samples, func(s sample) float64 { return float64(s.p99) })/1e6, cost, len(samples))
		}
	}
	_ = t.Flush()
	for _, fault := range faults {
		fmt.Fprintln(w, "FAULT", fault)
	}
	if !s.onlyOurs {
		reportFloors(w, all)
	}
}

func reportFloors(w io.Writer, all results) {
	fmt.Fprintln(w, "\nratios, medians over the rounds of this run")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range floors {
		value := ratio(all[f.a][f.clients], all[f.b][f.clients], f.figure)
		verdict := "no floor"
		switch {
		case value == 0:
			verdict = "not measured"
		case f.least > 0 && value >= f.least:
			verdict = fmt.Sprintf("floor ≥ %.2f met", f.least)
		case f.least > 0:
			verdict = fmt.Sprintf("floor ≥ %.2f MISSED", f.least)
		case f.most > 0 && value <= f.most:
			verdict = fmt.Sprintf("bound ≤ %.2f met", f.most)
		case f.most > 0:
			verdict = fmt.Sprintf("bound ≤ %.2f MISSED", f.most)
		}
		if f.goal != "" {
			verdict += ", goal " + f.goal
		}
		fmt.Fprintf(t, "  %s / %s, %d clients\t%.2f\t%s\n", f.a, f.b, f.clients, value, verdict)
	}
	_ = t.Flush()
	fmt.Fprintln(w)
}

func (s scale) print(w io.Writer) {
	fmt.Fprintf(w, "\n%d users of 1 KB: %.0f B live heap a user (bound 1,600), %d MiB resident at most, filled at %.0f/s\n",
		s.people, s.heapPerUser, s.resident>>20, s.fill)
	printLarge(w, s.people, s.rows)
	fmt.Fprintf(w, "all nodes killed and restarted: first acknowledged write after %.2f s (bound 2 s)\n", s.restart.Seconds())
}
