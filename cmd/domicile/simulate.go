package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"domicile/scim/simulate"
	"domicile/seal"
)

// shownDifferences is how many a table lists; JSON has all.
const shownDifferences = 20

// simulateFlags are the flags of the command.
type simulateFlags struct {
	base, token, tokenFile string
	users, groups, cycles  int
	seed                   uint64
	concurrency            int
	rate                   float64
	keep, cleanUp          bool
	list, verbose          bool
	format                 string
}

func newSimulateCommand() *cobra.Command {
	var f simulateFlags
	var names []string
	for _, d := range simulate.Dialects() {
		names = append(names, d.Name)
	}
	cmd := &cobra.Command{
		Use:   "simulate DIALECT --base URL --token-file FILE",
		Short: "Provision a made-up directory as a chosen identity provider would, and verify what came of it",
		Long: `Simulate is a SCIM client that speaks as the chosen identity provider does: it tests the connection, provisions a
made-up directory, changes it cycle by cycle (new people, new names, suspensions, deletions, teams that come, go and change),
tries again as that provider does, then reads everything back and compares. It touches only what it made itself.

Dialects: ` + strings.Join(names, ", ") + `. With --list it tells what each is known for.

The exit status is 0 when the server's directory equals the made-up one, 1 when it does not, 2 for a wrong command line.`,
		Example: `  domicile simulate okta --base https://us.example.com/scim/v2/ORG --token-file token
  domicile simulate entra --base https://us.example.com/scim/v2/ORG --token-file token --users 10000 --groups 500 --clean-up`,
		Args:              arguments(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.add(cmd)
	return cmd
}

func (f *simulateFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.base, "base", "", "SCIM base `URL`, as one pastes it into the identity provider")
	flags.StringVar(&f.token, "token", "", "bearer token; other users of this machine can see it, so better use --token-file")
	flags.StringVar(&f.tokenFile, "token-file", "", "`file` with the bearer token, - for standard input")
	flags.IntVar(&f.users, "users", 100, "people in the initial cycle")
	flags.IntVar(&f.groups, "groups", 10, "groups in the initial cycle")
	flags.IntVar(&f.cycles, "cycles", 2, "incremental cycles after it")
	flags.Uint64Var(&f.seed, "seed", 1, "the same seed makes the same directory and the same changes")
	flags.IntVar(&f.concurrency, "concurrency", 0, "requests under way (what suits the provider when not given)")
	flags.Float64Var(&f.rate, "rate", 0, "requests a second at most (as fast as the concurrency allows when not given)")
	flags.BoolVar(&f.keep, "keep", false, "leave the made-up directory there (this is what happens without --clean-up, too)")
	flags.BoolVar(&f.cleanUp, "clean-up", false, "delete the made-up directory at the end")
	flags.BoolVar(&f.list, "list", false, "tell what dialects there are and what each is known for")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "tell of each phase, even when not on a terminal")
	flags.StringVarP(&f.format, "output", "o", "table", "table or json")
}

func (f *simulateFlags) run(cmd *cobra.Command, args []string) error {
	out := &target{format: f.format}
	if f.format != "table" && f.format != "json" {
		return usagef("--output must be table or json")
	}
	if f.list {
		return listDialects(cmd.OutOrStdout(), out)
	}
	config, err := f.config(cmd.InOrStdin(), args)
	if err != nil {
		return err
	}
	if f.verbose || isTerminal(cmd.ErrOrStderr()) {
		p := &progress{out: cmd.ErrOrStderr(), rewrite: isTerminal(cmd.ErrOrStderr())}
		config.Progress = p.tell
	}
	report, err := simulate.Run(cmd.Context(), config)
	if err != nil {
		return err
	}
	if err := out.print(cmd.OutOrStdout(), report, reportSheet(report)); err != nil {
		return err
	}
	if err := f.verdict(cmd.OutOrStdout(), out, report); err != nil {
		return err
	}
	if !report.Equal {
		return errors.New("the directory is not what " + config.Dialect.Title + " believes it to be")
	}
	return nil
}

// config checks what can be checked before anything is sent.
func (f *simulateFlags) config(stdin io.Reader, args []string) (simulate.Config, error) {
	if len(args) == 0 {
		return simulate.Config{}, usagef("say which identity provider; domicile simulate --list tells which there are")
	}
	dialect, ok := simulate.Find(args[0])
	if !ok {
		return simulate.Config{}, usagef("there is no dialect %q; domicile simulate --list tells which there are", args[0])
	}
	if f.base == "" || f.token == "" && f.tokenFile == "" {
		return simulate.Config{}, usagef("--base and one of --token-file and --token are required")
	}
	if u, err := url.Parse(f.base); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return simulate.Config{}, usagef("--base must look like https://us.example.com/scim/v2/ORG")
	}
	if f.users < 1 || f.groups < 0 || f.cycles < 0 || f.concurrency < 0 || f.rate < 0 {
		return simulate.Config{}, usagef("--users must be at least 1, and no number may be below 0")
	}
	if f.keep && f.cleanUp || f.token != "" && f.tokenFile != "" {
		return simulate.Config{}, usagef("--keep and --clean-up exclude each other, and so do --token and --token-file")
	}
	token := seal.NewSecret(f.token)
	if f.tokenFile != "" {
		var err error
		if token, err = readSecret(f.tokenFile, stdin); err != nil {
			return simulate.Config{}, err
		}
	}
	return simulate.Config{
		Dialect: dialect, Base: f.base, Token: token, Users: f.users, Groups: f.groups, Cycles: f.cycles, Seed: f.seed,
		Concurrency: f.concurrency, Rate: f.rate, CleanUp: f.cleanUp,
	}, nil
}

// dialectEntry is a dialect in lists.
type dialectEntry struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Groups bool   `json:"groups"`
	Known  string `json:"known_for"`
}

func listDialects(w io.Writer, t *target) error {
	entries := []dialectEntry{}
	s := sheet{heads: []string{"DIALECT", "GROUPS", "PROVIDER, AND WHAT IT IS KNOWN FOR"}}
	for _, d := range simulate.Dialects() {
		entries = append(entries, dialectEntry{d.Name, d.Title, d.Groups(), d.Known})
		groups := "yes"
		if !d.Groups() {
			groups = "no"
		}
		s.rows = append(s.rows, []string{d.Name, groups, d.Title})
		for _, line := range wrap(d.Known, 96) {
			s.rows = append(s.rows, []string{"", "", "  " + line})
		}
	}
	return t.print(w, entries, s)
}

// wrap breaks a text at blanks.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

func reportSheet(r *simulate.Report) sheet {
	answers := make(map[string][]string)
	for _, c := range r.Counts {
		status := strconv.Itoa(c.Status)
		if c.Status == 0 {
			status = "no answer"
		}
		answers[c.Method] = append(answers[c.Method], fmt.Sprintf("%d × %s", c.Count, status))
	}
	l := r.Latency
	s := sheet{rows: [][]string{
		{"dialect", r.Dialect},
		{"directory", fmt.Sprintf("%d users, %d groups, %d memberships after %d cycles (seed %d)", r.Users, r.Groups, r.Memberships, r.Cycles, r.Seed)},
		{"requests", fmt.Sprintf("%d in %s, %.0f/s, %d tried again", r.Requests, brief(r.Duration), r.RequestsPerSecond, r.Retries)},
		{"latency", fmt.Sprintf("p50 %s, p99 %s, max %s", brief(l.P50), brief(l.P99), brief(l.Max))},
	}}
	for _, method := range slices.Sorted(maps.Keys(answers)) {
		s.rows = append(s.rows, []string{method, strings.Join(answers[method], ", ")})
	}
	return s
}

// brief rounds a time to three digits or so.
func brief(d time.Duration) string {
	unit := time.Microsecond
	for unit*1000 < d {
		unit *= 10
	}
	return d.Round(unit).String()
}

// verdict ends the table for people; JSON has it as a field.
func (f *simulateFlags) verdict(w io.Writer, t *target, r *simulate.Report) error {
	var lines []string
	for i, d := range r.Differences {
		if i == shownDifferences {
			lines = append(lines, fmt.Sprintf("… and %d more; -o json has them all", len(r.Differences)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%s: %s %s", strings.ToUpper(d.Kind), d.Object, d.Detail))
	}
	if r.Equal {
		lines = append(lines, "EQUAL: every user, group and membership is there once, as it was written.")
	} else {
		lines = append(lines, fmt.Sprintf("NOT EQUAL: %d differences.", len(r.Differences)))
	}
	switch {
	case r.CleanedUp:
		lines = append(lines, "The made-up directory is deleted again.")
	default:
		lines = append(lines, "The made-up directory is still there; the same command with --clean-up deletes it.")
	}
	return t.done(w, "\n%s", strings.Join(lines, "\n"))
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progress tells one line for each phase: on a terminal the line grows with the phase, elsewhere it comes when the phase is
// over.
type progress struct {
	out     io.Writer
	rewrite bool
	last    time.Time
}

func (p *progress) tell(now simulate.Progress) {
	over := now.Done == now.Total
	if !over && (!p.rewrite || time.Since(p.last) < 100*time.Millisecond) {
		return
	}
	p.last = time.Now()
	line := fmt.Sprintf("%-28s %d/%d", now.Phase, now.Done, now.Total)
	if p.rewrite {
		line = "\r\x1b[K" + line
	}
	if over || !p.rewrite {
		line += "\n"
	}
	fmt.Fprint(p.out, line)
}
