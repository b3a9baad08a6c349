package region

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Node is one node process.
type Node struct {
	Name string
	URL  string // public listener
	Ops  string // operations listener
	Peer string // peer link, host:port, as others know it

	PeerListen string // where the peer link listens; differs from Peer behind a relay

	command []string // runs the binary
	dir     string
	client  *http.Client

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
	exit error
}

// Status is what a node says about itself at /status.
type Status struct {
	Node   string `json:"node"`
	Role   string `json:"role"` // leader, follower, candidate
	Leader string `json:"leader"`
	Term   uint64 `json:"term"`
	Seq    uint64 `json:"seq"`
	Level  uint64 `json:"level"`
}

// Use makes the node run another binary from its next start on.
func (n *Node) Use(binary string) { n.command[len(n.command)-1] = binary }

// Data is the node's data directory.
func (n *Node) Data() string { return filepath.Join(n.dir, "data") }

// Dir holds the node's configuration, log, traces and data.
func (n *Node) Dir() string { return n.dir }

// Log is the node's log file.
func (n *Node) Log() string { return filepath.Join(n.dir, "log") }

func (n *Node) configFile() string { return filepath.Join(n.dir, "domicile.yaml") }

// Start starts the process.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		return fmt.Errorf("node %s runs already", n.Name)
	}
	log, err := os.OpenFile(n.Log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := slices.Concat(n.command[1:], []string{"serve", "--config", n.configFile(), "--with-parent"})
	cmd := exec.Command(n.command[0], args...)
	cmd.Stdout, cmd.Stderr = log, log
	if _, err := cmd.StdinPipe(); err != nil { // held open for as long as this process lives
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.Name, err)
	}
	n.cmd, n.done = cmd, make(chan struct{})
	go n.wait(cmd, n.done)
	return nil
}

func (n *Node) wait(cmd *exec.Cmd, done chan struct{}) {
	err := cmd.Wait()
	n.mu.Lock()
	n.cmd, n.exit = nil, err
	n.mu.Unlock()
	close(done)
}

// PID gives the process id, 0 when the node does not run.
func (n *Node) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Signal sends a signal to the process.
func (n *Node) Signal(s syscall.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return fmt.Errorf("node %s does not run", n.Name)
	}
	return n.cmd.Process.Signal(s)
}

// Kill ends the process at once and waits for its end.
func (n *Node) Kill() error {
	if err := n.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	_, err := n.Wait(10 * time.Second)
	return err
}

// Stop ends the process in order (SIGTERM) and waits for its end.
func (n *Node) Stop() error {
	if err := n.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	exit, err := n.Wait(40 * time.Second)
	return errors.Join(err, exit)
}

// Wait waits for the process to end and gives how it ended.
func (n *Node) Wait(limit time.Duration) (exit, err error) {
	n.mu.Lock()
	done := n.done
	n.mu.Unlock()
	select {
	case <-done:
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.exit, nil
	case <-time.After(limit):
		return nil, fmt.Errorf("node %s still runs after %s", n.Name, limit)
	}
}

// Ready tells whether the node says that it is ready.
func (n *Node) Ready(ctx context.Context) bool {
	status, _, err := n.get(ctx, n.Ops+"/readyz")
	return err == nil && status == http.StatusOK
}

// AwaitReady waits until the node says that it is ready.
func (n *Node) AwaitReady(ctx context.Context) error {
	for !n.Ready(ctx) {
		if n.PID() == 0 {
			return fmt.Errorf("node %s ended (%v); log:\n%s", n.Name, n.exit, n.logTail())
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			return fmt.Errorf("node %s is not ready; log:\n%s", n.Name, n.logTail())
		}
	}
	return nil
}

func (n *Node) logTail() string {
	raw, err := os.ReadFile(n.Log())
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-4000):])
}

// Status asks the node about itself.
func (n *Node) Status(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var s Status
	status, body, err := n.get(ctx, n.Ops+"/status")
	if err != nil {
		return s, err
	}
	if status != http.StatusOK {
		return s, fmt.Errorf("status of %s: %d", n.Name, status)
	}
	return s, json.Unmarshal(body, &s)
}

// Digest asks the node for the digest of its state.
func (n *Node) Digest(ctx context.Context) (seq uint64, digest string, err error) {
	status, body, err := n.get(ctx, n.Ops+"/digest")
	if err != nil {
		return 0, "", err
	}
	if status != http.StatusOK {
		return 0, "", fmt.Errorf("digest of %s: %d", n.Name, status)
	}
	var answer struct {
		Seq    uint64 `json:"seq"`
		Digest string `json:"digest"`
	}
	err = json.Unmarshal(body, &answer)
	return answer.Seq, answer.Digest, err
}

func (n *Node) get(ctx context.Context, url string) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := cmp.Or(n.client, http.DefaultClient).Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}
