package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"domicile/fsm/command"
	"domicile/test/region"
)

func main() {
	binary := flag.String("binary", "bin/domicile", "the binary to upgrade to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "upgrade:", err)
		os.Exit(1)
	}
}

// release is a line of RELEASES.
type release struct{ version, commit string }

func releases() ([]release, error) {
	text, err := os.ReadFile("RELEASES")
	if err != nil {
		return nil, err
	}
	var list []release
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] != "#" {
			list = append(list, release{fields[0], fields[1]})
		}
	}
	if len(list) == 0 {
		return nil, errors.New("nothing was released yet")
	}
	return list, nil
}

func run(ctx context.Context, binary string) error {
	present, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	list, err := releases()
	if err != nil {
		return err
	}
	for _, from := range list {
		dir, err := os.MkdirTemp("", "domicile-upgrade-")
		if err != nil {
			return err
		}
		err = upgrade(ctx, from, present, dir)
		if err != nil {
			return fmt.Errorf("from %s: %w (files in %s)", from.version, err, dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// build makes the binary of a released commit.
func build(ctx context.Context, from release, dir string) (string, error) {
	source, binary := filepath.Join(dir, "source"), filepath.Join(dir, "domicile-"+from.version)
	if err := os.MkdirAll(source, 0o700); err != nil {
		return "", err
	}
	script := fmt.Sprintf("git archive %s | tar -x -C %s && cd %s && go build -o %s ./cmd/domicile", from.commit, source, source, binary)
	if out, err := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", script).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", from.version, err, out)
	}
	return binary, nil
}

// step is one thing that a run shows, in order.
type step struct {
	name string
	do   func(context.Context) error
	when when
}

// when says of which releases a step is shown.
type when int

const (
	always    when = iota
	ifOlder        // of a lower level than the present one
	ifOfLevel      // of the present level
)

// upgrade takes one region from a release to the present binary.
func upgrade(ctx context.Context, from release, present, dir string) error {
	fmt.Printf("%s → present\n", from.version)
	old, err := build(ctx, from, dir)
	if err != nil {
		return err
	}
	r, err := region.Start(ctx, region.Options{Binary: old, Dir: filepath.Join(dir, "region")})
	if err != nil {
		return err
	}
	defer r.Close()
	organization, err := r.NewOrganization(ctx, r.Nodes[0], "acme", "", "acme.example")
	if err != nil {
		return err
	}
	w := newWriters(r, organization)
	defer w.stop()
	roll := func(n int, binary string) func(context.Context) error {
		return func(ctx context.Context) error { return restart(ctx, r.Nodes[n], binary) }
	}
	before, leads := uint64(0), -1
	steps := []step{
		{"writers run", func(ctx context.Context) error { return w.await(ctx, 200) }, always},
		{"the first follower comes to the new release", func(ctx context.Context) error {
			if leads, err = leader(ctx, r); err != nil {
				return err
			}
			s, err := r.Nodes[leads].Status(ctx)
			before = s.Level
			return errors.Join(err, restart(ctx, r.Nodes[(leads+1)%3], present))
		}, always},
		{"what only the new release can do is refused, for now", func(ctx context.Context) error {
			return application(ctx, r, r.Nodes[(leads+1)%3], http.StatusServiceUnavailable)
		}, ifOlder},
		{"it goes back to the old one, and comes again", func(ctx context.Context) error {
			return errors.Join(roll((leads+1)%3, old)(ctx), roll((leads+1)%3, present)(ctx))
		}, always},
		{"the second follower comes", func(ctx context.Context) error { return roll((leads+2)%3, present)(ctx) }, always},
		{"the region is still of the old level", func(ctx context.Context) error { return r.AwaitLevel(ctx, before) }, ifOlder},
		{"the leader comes", func(ctx context.Context) error { return roll(leads, present)(ctx) }, always},
		{"the region has the present level", func(ctx context.Context) error { return r.AwaitLevel(ctx, command.MaxLevel) }, always},
		{"what its level can do is done", func(ctx context.Context) error {
			return application(ctx, r, r.Nodes[0], http.StatusCreated)
		}, always},
		{"every acknowledged write is on every node, once", w.audit, always},
		{"the nodes agree", func(ctx context.Context) error { return agree(ctx, r) }, always},
		{"a restart of all nodes keeps it so", func(ctx context.Context) error {
			err := errors.Join(r.Nodes[0].Kill(), r.Nodes[1].Kill(), r.Nodes[2].Kill())
			for _, node := range r.Nodes {
				err = errors.Join(err, node.Start())
			}
			return errors.Join(err, r.AwaitReady(ctx), agree(ctx, r), w.audit(ctx))
		}, always},
		{"the old release refuses the new data", func(ctx context.Context) error { return refuses(ctx, r.Nodes[0], old) }, ifOlder},
		{"the old release runs on the new data", func(ctx context.Context) error {
			return errors.Join(roll(0, old)(ctx), agree(ctx, r))
		}, ifOfLevel},
	}
	for _, s := range steps {
		if older := before < command.MaxLevel; s.when == ifOlder && !older || s.when == ifOfLevel && older {
			continue
		}
		began := time.Now()
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Printf("  ok  %-56s %6.1f s\n", s.name, time.Since(began).Seconds())
	}
	return nil
}

// leader gives the place of the node that leads.
func leader(ctx context.Context, r *region.Region) (int, error) {
	node, err := r.Leader(ctx)
	if err != nil {
		return 0, err
	}
	for n := range r.Nodes {
		if r.Nodes[n] == node {
			return n, nil
		}
	}
	return 0, errors.New("a stranger leads")
}

// restart stops a node in order and starts it with a binary.
func restart(ctx context.Context, node *region.Node, binary string) error {
	if err := node.Stop(); err != nil {
		return err
	}
	node.Use(binary)
	if err := node.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return node.AwaitReady(ctx)
}

// application makes an application, which the first release did not know, and wants an answer of this status.
func application(ctx context.Context, r *region.Region, node *region.Node, want int) error {
	body := map[string]any{"name": "upgrade", "redirect_uris": []string{"https://app.example/callback"}}
	status, raw, err := region.Call(ctx, r.Client, http.MethodPost, node.URL+"/api/v1/applications", r.Operator, "application/json", body)
	if err != nil {
		return err
	}
	if status != want {
		return fmt.Errorf("status %d where %d is due: %s", status, want, raw)
	}
	return nil
}

// agree wants equal digests at an equal seq.
func agree(ctx context.Context, r *region.Region) error {
	until := time.Now().Add(15 * time.Second)
	for {
		seqs, digests := map[uint64]bool{}, map[string]bool{}
		for _, node := range r.Nodes {
			seq, digest, err := node.Digest(ctx)
			if err != nil {
				return err
			}
			seqs[seq], digests[digest] = true, true
		}
		switch {
		case len(seqs) == 1 && len(digests) == 1:
			return nil
		case time.Now().After(until):
			return fmt.Errorf("digests differ: %v at %v", digests, seqs)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// refuses wants a binary that will not run on a node's data, and says why.
func refuses(ctx context.Context, node *region.Node, old string) error {
	if err := node.Stop(); err != nil {
		return err
	}
	node.Use(old)
	if err := node.Start(); err != nil {
		return err
	}
	exit, err := node.Wait(20 * time.Second)
	if err != nil || exit == nil {
		return fmt.Errorf("it runs, or ended in order: %v", errors.Join(exit, err))
	}
	log, err := os.ReadFile(node.Log())
	if err != nil {
		return err
	}
	if !strings.Contains(string(log), "run a newer release") && !strings.Contains(string(log), "run the release that wrote it") {
		return errors.New("its log does not say that a newer release is needed")
	}
	return nil
}
