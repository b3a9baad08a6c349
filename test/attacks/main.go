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
	b := newBook()
	err = errors.Join(b.read(out), command.Wait())
	return errors.Join(report(os.Stdout, b), err)
}

// report shows the tables, what is missing of them and what failed, and is an error unless all is well.
func report(out io.Writer, b *book) error {
	var missing []string
	certified, modules := 0, 0
	sheet := func(title string, rows []row) int {
		good := 0
		fmt.Fprintf(out, "%s\n", title)
		for _, r := range rows {
			v := b.judge(r)
			if v.ok() {
				good++
			}
			missing = append(missing, v.missing...)
			fmt.Fprintf(out, "%2s  %-72s %s\n", r.name, r.title, v)
		}
		fmt.Fprintln(out)
		return good
	}
	attacks := sheet("Attacks", attackRows())
	for _, p := range plans {
		certified += sheet("OpenID Foundation, "+p.name, p.rows())
		modules += len(p.modules)
	}
	for _, text := range missing {
		fmt.Fprintln(out, "missing:", text)
	}
	strays := b.strays()
	for _, name := range strays {
		fmt.Fprintln(out, "in no line:", name)
	}
	for _, name := range b.failed {
		if text, ok := b.output[name]; ok {
			fmt.Fprintf(out, "\n%s\n%s", name, text)
		}
	}
	fmt.Fprintf(out, "\nattacks %d/%d   modules of the OpenID Foundation %d/%d\n", attacks, len(cases)-1, certified, modules)
	if attacks < len(cases)-1 || certified < modules || len(strays)+len(b.failed) > 0 {
		return errors.New("not every test that a line needs has passed")
	}
	return nil
}

// event is a line of go test -json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// book holds what became of the tests. Their names are the room and the name, as in "oidc TestX/case".
type book struct {
	passed map[string]bool             // false: failed or was skipped
	above  map[string]bool             // has tests below it
	output map[string]*strings.Builder // of those that have not passed
	failed []string
}

func newBook() *book {
	return &book{passed: map[string]bool{}, above: map[string]bool{}, output: map[string]*strings.Builder{}}
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
	name := strings.TrimPrefix(e.Package, "domicile/") + " " + e.Test
	switch e.Action {
	case "output":
		if b.output[name] == nil {
			b.output[name] = new(strings.Builder)
		}
		b.output[name].WriteString(e.Output)
		return
	case "fail":
		b.failed = append(b.failed, name)
	case "pass":
		delete(b.output, name)
	case "skip":
	default:
		return
	}
	if e.Test == "" {
		return // a whole package
	}
	b.passed[name] = e.Action == "pass"
	for i, c := range name {
		if c == '/' && strings.Contains(name[:i], " ") { // not of the room
			b.above[name[:i]] = true
		}
	}
}
