package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "attacks:", err)
		os.Exit(1)
	}
}

// event is a line of go test -json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// tally counts the tests of one case.
type tally struct{ passed, failed int }

func (t tally) ok() bool { return t.passed > 0 && t.failed == 0 }

func (t tally) String() string {
	switch {
	case t.failed > 0:
		return fmt.Sprintf("FAIL  %d of %d", t.failed, t.passed+t.failed)
	case t.passed == 0:
		return "NONE"
	}
	return fmt.Sprintf("ok    %d", t.passed)
}

// book holds the tallies.
type book struct {
	cases   [len(cases)]tally
	modules map[string]*tally
	output  map[string]*strings.Builder // of tests, for those that fail
	failed  []string
}

func run(ctx context.Context) error {
	command := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-run", "^(TestAttack|TestOIDF)", "./...")
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	b := &book{modules: map[string]*tally{}, output: map[string]*strings.Builder{}}
	for _, name := range modules {
		b.modules[name] = new(tally)
	}
	err = errors.Join(b.read(out), command.Wait())
	return errors.Join(b.print(), err)
}

func (b *book) read(out io.Reader) error {
	lines := json.NewDecoder(out)
	for {
		var e event
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		b.note(e)
	}
}

func (b *book) note(e event) {
	name := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		if b.output[name] == nil {
			b.output[name] = new(strings.Builder)
		}
		b.output[name].WriteString(e.Output)
	case "fail":
		b.failed = append(b.failed, name)
		b.count(e.Test, func(t *tally) { t.failed++ })
	case "pass":
		delete(b.output, name)
		b.count(e.Test, func(t *tally) { t.passed++ })
	}
}

// caseNumber is how a test names the case that it is about, in its own name or at the beginning of a subtest's.
var caseNumber = regexp.MustCompile(`^(?:TestAttack)?(\d\d)_`)

// count notes a test under each case and module that it names. A parent that only gathers names none.
func (b *book) count(test string, note func(*tally)) {
	parts := strings.Split(test, "/")
	for _, part := range parts {
		if found := caseNumber.FindStringSubmatch(part); found != nil {
			if n, err := strconv.Atoi(found[1]); err == nil && n > 0 && n < len(b.cases) {
				note(&b.cases[n])
			}
			break
		}
	}
	if t, ok := b.modules[parts[len(parts)-1]]; ok {
		note(t)
	}
}

// print shows both tables and what failed, and is an error unless all is well.
func (b *book) print() error {
	good := 0
	for n, title := range cases {
		if n == 0 {
			continue
		}
		if b.cases[n].ok() {
			good++
		}
		fmt.Printf("%2d  %-72s %s\n", n, title, b.cases[n])
	}
	fmt.Printf("\n")
	certified := 0
	for _, name := range modules {
		if b.modules[name].ok() {
			certified++
		}
		fmt.Printf("%-76s %s\n", name, b.modules[name])
	}
	for _, name := range b.failed {
		if text, ok := b.output[name]; ok {
			fmt.Printf("\n%s\n%s", name, text)
		}
	}
	fmt.Printf("\nattacks %d/%d   modules of the OpenID Foundation %d/%d\n", good, len(cases)-1, certified, len(modules))
	if good < len(cases)-1 || certified < len(modules) || len(b.failed) > 0 {
		return errors.New("not every case has a test that passes")
	}
	return nil
}
