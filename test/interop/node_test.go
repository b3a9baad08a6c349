package interop

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// program is a Node.js program of this suite that runs.
type program struct {
	in    io.WriteCloser
	lines *bufio.Scanner
	end   func()
}

// start runs a program with one JSON argument.
func start(t *testing.T, file string, argument any) *program {
	t.Helper()
	raw, err := json.Marshal(argument)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", file, string(raw))
	command.Dir, command.Stderr = "node", os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("start %s (make interop installs what it needs): %v", file, err)
	}
	p := &program{in: in, lines: bufio.NewScanner(out), end: func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}}
	p.lines.Buffer(nil, 1<<20)
	t.Cleanup(p.end)
	return p
}

// line reads the next line that the program prints.
func (p *program) line(t *testing.T) string {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatalf("the program ended: %v", p.lines.Err())
	}
	return strings.TrimSpace(p.lines.Text())
}
