package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The running dev command listens on a socket in its directory, so that another terminal can tell it what to do.
func controlSocket(dir string) string { return filepath.Join(dir, "control.sock") }

// maxSocketPath is what the kernel takes for the path of a socket, less the zero byte at its end.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// actions are what `domicile dev ACTION NODE` may ask for.
var actions = map[string]func(*process) error{
	"restart": restart,
	"stop":    (*process).stop,
	"kill":    (*process).kill,
	"pause":   func(p *process) error { return p.signal(syscall.SIGSTOP) },
	"resume":  func(p *process) error { return p.signal(syscall.SIGCONT) },
}

// restart stops a running node in order, and starts it.
func restart(p *process) error {
	return errors.Join(p.stop(), p.start())
}

// Control asks the dev command that runs on dir to restart, stop, kill, pause or resume a node.
func Control(ctx context.Context, dir, action, node string) error {
	return tell(ctx, dir, http.MethodPost, action, node, "")
}

// tell sends a request to the dev command that runs on dir.
func tell(ctx context.Context, dir, method, what, name, text string) error {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", controlSocket(dir))
		},
	}}
	request, err := http.NewRequestWithContext(ctx, method, "http://dev/"+what+"/"+url.PathEscape(name), strings.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no dev command runs on %s; name its directory with --data (%w)", dir, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s %s: %s", what, name, strings.TrimSpace(string(answer)))
	}
	return nil
}

// listenControl opens the socket; a socket that another running dev command holds is an error.
func listenControl(dir string) (net.Listener, error) {
	path := controlSocket(dir)
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("another dev command runs on %s", dir)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the old control socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	return listener, os.Chmod(path, 0o600)
}

// controlHandler runs actions, and brings dev.json up to date after each.
func (in *installation) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /dns/{name}", in.publish)
	mux.HandleFunc("POST /{action}/{node}", func(w http.ResponseWriter, r *http.Request) {
		action, known := actions[r.PathValue("action")]
		p, here := in.processes[r.PathValue("node")]
		if !known || !here {
			http.Error(w, "there is no such action or node", http.StatusNotFound)
			return
		}
		if err := errors.Join(action(p), in.refresh()); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}
