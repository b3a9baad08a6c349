package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"domicile/scim/simulate"
	"domicile/seal"
	"domicile/test/region"
)

// settings of one run.
type settings struct {
	binary      string
	dialects    string
	users       int
	groups      int
	cycles      int
	kills       int
	seed        uint64
	concurrency int
	rate        float64
	dir         string
}

func main() {
	var s settings
	flag.StringVar(&s.binary, "binary", "bin/domicile", "the domicile binary")
	flag.StringVar(&s.dialects, "dialects", "", "only these dialects, with commas; empty: all")
	flag.IntVar(&s.users, "users", 10_000, "users in the initial cycle")
	flag.IntVar(&s.groups, "groups", 500, "groups in the initial cycle")
	flag.IntVar(&s.cycles, "cycles", 2, "incremental cycles after it")
	flag.IntVar(&s.kills, "kills", 2, "how often the leader is killed in each run")
	flag.Uint64Var(&s.seed, "seed", 1, "seed of the made-up directories")
	flag.IntVar(&s.concurrency, "concurrency", 16, "requests under way; 0: what suits the dialect")
	flag.Float64Var(&s.rate, "rate", 0, "requests a second at most; 0: no limit")
	flag.StringVar(&s.dir, "dir", "", "where the nodes' files go, kept afterwards; empty: a temporary directory")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

// run does all dialects, one after the other, each in an organization of its own.
func run(ctx context.Context, s settings) (err error) {
	dialects, err := s.chosen()
	if err != nil {
		return err
	}
	if s.binary, err = filepath.Abs(s.binary); err != nil {
		return err
	}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "domicile-simulate-"); err != nil {
			return err
		}
		defer os.RemoveAll(s.dir)
	}
	r, err := region.Start(ctx, region.Options{Binary: s.binary, Dir: s.dir})
	if err != nil {
		return err
	}
	defer r.Close()
	fmt.Printf("%d users, %d groups, %d incremental cycles, seed %d, %d requests under way, the leader is killed %d times\n",
		s.users, s.groups, s.cycles, s.seed, s.concurrency, s.kills)
	var rows []row
	failed := 0
	for _, d := range dialects {
		one, err := s.one(ctx, r, d)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
		rows = append(rows, one)
		if !one.good(s.kills) {
			failed++
		}
		for i, difference := range one.report.Differences {
			if i == 20 {
				fmt.Printf("  … and %d more\n", len(one.report.Differences)-i)
				break
			}
			fmt.Printf("  %s %s: %s %s\n", d.Name, difference.Kind, difference.Object, difference.Detail)
		}
		fmt.Printf("%-16s %s\n", d.Name, one.verdict(s.kills))
	}
	print(rows, s.kills)
	if failed > 0 {
		return fmt.Errorf("%d of %d dialects did not end with the directory that they wrote", failed, len(rows))
	}
	return nil
}

func (s *settings) chosen() ([]simulate.Dialect, error) {
	if s.dialects == "" {
		return simulate.Dialects(), nil
	}
	var chosen []simulate.Dialect
	for name := range strings.SplitSeq(s.dialects, ",") {
		d, ok := simulate.Find(name)
		if !ok {
			return nil, fmt.Errorf("there is no dialect %q", name)
		}
		chosen = append(chosen, d)
	}
	return chosen, nil
}

// row is one line of the table.
type row struct {
	report *simulate.Report
	kills  []kill
}

func (o *row) good(kills int) bool { return o.report.Equal && len(o.kills) == kills }

func (o *row) verdict(kills int) string {
	switch {
	case !o.report.Equal:
		return fmt.Sprintf("NOT EQUAL: %d differences", len(o.report.Differences))
	case len(o.kills) != kills:
		return fmt.Sprintf("only %d kills: the run was too short", len(o.kills))
	}
	return "equal"
}

// one runs one dialect against a node that does not lead at the start.
func (s *settings) one(ctx context.Context, r *region.Region, d simulate.Dialect) (row, error) {
	followers, err := r.Followers(ctx)
	if err != nil {
		return row{}, err
	}
	o, err := r.NewOrganization(ctx, followers[0], d.Name, "interop")
	if err != nil {
		return row{}, err
	}
	killer := newKiller(r, s.kills)
	report, err := simulate.Run(ctx, simulate.Config{
		Dialect: d, Base: o.SCIM(followers[0]), Token: seal.NewSecret(o.Token), Users: s.users, Groups: s.groups, Cycles: s.cycles,
		Seed: s.seed, Concurrency: s.concurrency, Rate: s.rate, Progress: killer.watch(ctx),
	})
	if err != nil {
		return row{}, err
	}
	kills, err := killer.wait()
	return row{report, kills}, err
}

// print prints the table that the documentation shows.
func print(rows []row, kills int) {
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "dialect\tusers\tgroups\tmemberships\trequests\tduration\treq/s\tp50\tp99\tmax\tretries\tkills\tlost\tdoubled\tother\tverdict\t")
	for _, o := range rows {
		r := o.report
		other := len(r.Differences) - r.Tell(simulate.Lost, simulate.Doubled)
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%.0f\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t\n",
			r.Dialect, r.Users, r.Groups, r.Memberships, r.Requests, r.Duration.Round(100*time.Millisecond), r.RequestsPerSecond,
			r.Latency.P50.Round(10*time.Microsecond), r.Latency.P99.Round(100*time.Microsecond),
			r.Latency.Max.Round(time.Millisecond), r.Retries, len(o.kills), r.Tell(simulate.Lost), r.Tell(simulate.Doubled), other,
			o.verdict(kills))
	}
	_ = w.Flush()
	names := slices.Collect(func(yield func(string) bool) {
		for _, o := range rows {
			for _, k := range o.kills {
				if !yield(fmt.Sprintf("%s: %s killed during %s, another node led after %s", o.report.Dialect, k.node, k.phase, k.gap.Round(time.Millisecond))) {
					return
				}
			}
		}
	})
	fmt.Println("\n" + strings.Join(names, "\n"))
}
