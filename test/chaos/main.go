package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// settings of one run.
type settings struct {
	binary  string
	seed    uint64
	kills   int
	short   bool
	only    *regexp.Regexp
	writers int
	readers int
	think   time.Duration
	dir     string
}

func main() {
	s, err := parse()
	if err == nil {
		if os.Getenv(insideVariable) == "" {
			os.Exit(runInside())
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = chaos(ctx, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func parse() (settings, error) {
	var s settings
	var only string
	flag.StringVar(&s.binary, "binary", "bin/domicile", "the domicile binary")
	flag.Uint64Var(&s.seed, "seed", 0, "seed of everything random; 0 takes a new one, which is printed")
	flag.IntVar(&s.kills, "kills", 30, "how often the leader is killed")
	flag.BoolVar(&s.short, "short", false, "few trials: about 3 minutes")
	flag.StringVar(&only, "run", "", "run only the strikes whose names match this regular expression")
	flag.IntVar(&s.writers, "writers", 16, "writers in the region that is struck")
	flag.IntVar(&s.readers, "readers", 12, "readers in the region that is struck")
	flag.DurationVar(&s.think, "think", 2*time.Millisecond, "how long a writer rests after each write; readers rest five times as long")
	flag.StringVar(&s.dir, "dir", "", "where the nodes' files go, kept afterwards; empty: a temporary directory, kept after a failure")
	flag.Parse()
	var err error
	if s.only, err = regexp.Compile(only); err != nil {
		return s, fmt.Errorf("-run: %w", err)
	}
	if s.writers < 1 || s.readers < 2 || s.kills < 1 {
		return s, errors.New("-writers and -kills are at least 1, -readers at least 2")
	}
	if s.binary, err = filepath.Abs(s.binary); err != nil {
		return s, err
	}
	if s.seed == 0 {
		s.seed = rand.Uint64N(1 << 32)
	}
	return s, nil
}

// chaos is the whole run inside its namespaces. Any broken promise is an error.
func chaos(ctx context.Context, s settings) (err error) {
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "domicile-chaos-"); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				_ = os.RemoveAll(s.dir)
			}
		}()
	}
	began := time.Now()
	fmt.Printf("seed %d, files in %s, %d processors, load %s\n", s.seed, s.dir, runtime.NumCPU(), loadAverage())
	a, err := openArena(ctx, s)
	if err != nil {
		return err
	}
	rows := a.strikeAll(ctx)
	rows = append(rows, a.bystander(ctx))
	if err := a.close(); err != nil {
		return err
	}
	failed := printReport(os.Stdout, rows, time.Since(began))
	fmt.Printf("load %s at the end; judge times beside the calm row\n", loadAverage())
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if failed > 0 {
		return fmt.Errorf("%d rows failed; seed %d; histories and logs are in %s", failed, s.seed, s.dir)
	}
	return nil
}

// loadAverage is what the machine is busy with, others included.
func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(string(raw))[:3], " ")
}
