package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"domicile/cmd/domicile/dev"
	"domicile/test/region"
)

// laptop is one running `domicile dev`, shared by the tests of this package.
var laptop *installation

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "domicile-dev-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary, err := region.Build(context.Background(), dir)
	if err == nil {
		laptop = &installation{binary: binary, dir: filepath.Join(dir, "data")}
		err = laptop.start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := laptop.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// installation is a `domicile dev` process and its directory.
type installation struct {
	binary, dir string
	base        int
	cmd         *exec.Cmd
	out         *lockedBuffer
	dev.Manifest
}

// start runs the command and waits for its table.
func (i *installation) start(args ...string) error {
	if i.base == 0 {
		var err error
		if i.base, err = freeBase(); err != nil {
			return err
		}
	}
	args = append([]string{"dev", "--data", i.dir, "--base-port", strconv.Itoa(i.base)}, args...)
	i.out = new(lockedBuffer)
	i.cmd = exec.Command(i.binary, args...)
	i.cmd.Stdout, i.cmd.Stderr = i.out, i.out
	if err := i.cmd.Start(); err != nil {
		return err
	}
	deadline := time.Now().Add(90 * time.Second)
	for !strings.Contains(i.out.String(), "Ctrl-C") {
		if time.Now().After(deadline) || i.cmd.ProcessState != nil || syscall.Kill(i.cmd.Process.Pid, 0) != nil {
			_ = i.cmd.Process.Kill()
			return fmt.Errorf("domicile dev printed no table: %s", i.out.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	return i.reload()
}

// reload reads dev.json.
func (i *installation) reload() (err error) {
	i.Manifest, err = dev.ReadManifest(i.dir)
	return err
}

// stop is Ctrl-C.
func (i *installation) stop() error {
	if err := i.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	if err := i.cmd.Wait(); err != nil {
		return fmt.Errorf("domicile dev ended with %w: %s", err, i.out.String())
	}
	return nil
}

func (i *installation) control(action, node string) error {
	return region.Run(context.Background(), i.binary, "dev", action, node, "--data", i.dir)
}

// freeBase finds 300 ports of which the ones that dev uses first are free.
func freeBase() (int, error) {
	for base := 20_000; base < 32_000; base += 300 {
		free := true
		for _, offset := range []int{0, 1, 2, 3, 11, 12, 13, 21, 22, 23, 100, 101, 102, 103, 111, 112, 113, 121, 122, 123, 200, 225, 226, 230} {
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+offset))
			if err != nil {
				free = false
				break
			}
			_ = listener.Close()
		}
		if free {
			return base, nil
		}
	}
	return 0, errors.New("no 300 free ports")
}

// client speaks for an API client; names below localhost go to loopback, as browsers have it.
var client = region.NewClient()

// create provisions a user through a URL below an organization's SCIM base.
func create(t *testing.T, base, token, userName string) (int, string) {
	t.Helper()
	body := map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": userName}
	status, raw, err := region.Call(t.Context(), client, http.MethodPost, base+"/Users", token, "application/scim+json", body)
	if err != nil {
		t.Fatal(err)
	}
	return status, string(raw)
}

// lockedBuffer is a buffer that a process writes while a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
