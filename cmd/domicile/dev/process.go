package dev

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a node may take to stop in order before it is killed.
const stopGrace = 20 * time.Second

// process is one node of a region as an operating-system process. It stays dead once it is dead, until start is called.
type process struct {
	node, executable, config, dir string
	exited                        func(node string, err error) // called when it ends without having been told to

	mu       sync.Mutex
	cmd      *exec.Cmd
	lifeline io.Closer // closing it tells the node that dev is gone
	done     chan struct{}
	stopping bool
}

// start runs the node; it is an error when it runs already.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return fmt.Errorf("node %s is running (process %d)", p.node, p.cmd.Process.Pid)
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.node, err)
	}
	defer log.Close()
	cmd := exec.Command(p.executable, "serve", "--config", p.config, "--with-parent")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for dev, which stops the nodes in order
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.node, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.node, err)
	}
	p.cmd, p.lifeline, p.done, p.stopping = cmd, lifeline, make(chan struct{}), false
	go p.wait(cmd, p.done)
	return nil
}

func (p *process) wait(cmd *exec.Cmd, done chan struct{}) {
	err := cmd.Wait()
	p.mu.Lock()
	expected := p.stopping
	p.cmd = nil
	p.mu.Unlock()
	close(done)
	if !expected {
		p.exited(p.node, err)
	}
}

// pid gives the process id, 0 while the node is dead.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// signal sends a signal to a running node.
func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return fmt.Errorf("node %s is not running", p.node)
	}
	if s == syscall.SIGTERM || s == syscall.SIGKILL {
		p.stopping = true
	}
	return p.cmd.Process.Signal(s)
}

// stop ends the node in order, or by force when it takes longer than stopGrace.
func (p *process) stop() error {
	if p.end(syscall.SIGTERM, stopGrace) {
		return nil
	}
	return errors.Join(fmt.Errorf("node %s did not stop in %s; killed", p.node, stopGrace), p.kill())
}

// kill ends the node at once.
func (p *process) kill() error {
	if p.end(syscall.SIGKILL, stopGrace) {
		return nil
	}
	return fmt.Errorf("node %s does not die", p.node)
}

// end signals the node and tells whether it ended within the limit; a node that does not run has ended.
func (p *process) end(s syscall.Signal, limit time.Duration) bool {
	p.mu.Lock()
	done := p.done
	p.mu.Unlock()
	if p.signal(s) != nil {
		return true
	}
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}
