package dev

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOptions_validate(t *testing.T) {
	for name, test := range map[string]struct {
		dir  string
		base int
		want string // part of the error; "" for none
	}{
		"usual":     {".dev", 7100, ""},
		"last port": {".dev", 65236, ""},
		"beyond":    {".dev", 65237, "must be 1 to 65236, not 65237"},
		"far":       {".dev", 70000, "must be 1 to 65236"},
		"none":      {".dev", 0, "must be 1 to"},
		"negative":  {".dev", -7100, "must be 1 to"},
		"long path": {"/" + strings.Repeat("x", maxSocketPath), 7100, "choose a shorter directory"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Dir: test.dir, BasePort: test.base}
			err := o.Validate()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestMaxSocketPath: the bound is the kernel's, not a byte less.
func TestMaxSocketPath(t *testing.T) {
	dir := t.TempDir()
	for length, fits := range map[int]bool{maxSocketPath: true, maxSocketPath + 1: false} {
		listener, err := net.Listen("unix", filepath.Join(dir, strings.Repeat("s", length-len(dir)-1)))
		if (err == nil) != fits {
			t.Errorf("a path of %d bytes: %v", length, err)
		}
		if err == nil {
			_ = listener.Close()
		}
	}
}

// TestRun_refusesBeforeItDoesAnything: nothing is wiped, made or started.
func TestRun_refusesBeforeItDoesAnything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "installation")
	if err := Run(t.Context(), Options{Dir: dir, BasePort: 70000, Fresh: true}); err == nil {
		t.Fatal("a port that there is not was taken")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory was made: %v", err)
	}
}
