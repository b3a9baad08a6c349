package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// The etcd yardstick is Debian's etcd-server: three processes with their defaults, put of 1 KB through its Go client.
type etcd struct {
	commands []*exec.Cmd
	clients  []*clientv3.Client
	next     atomic.Uint64
}

func startEtcd(ctx context.Context, dir string, ports []string) (*etcd, error) {
	binary, err := exec.LookPath("etcd")
	if err != nil {
		return nil, fmt.Errorf("the etcd yardstick needs Debian's etcd-server (make etcd): %w", err)
	}
	var cluster []string
	for i := range 3 {
		cluster = append(cluster, fmt.Sprintf("n%d=http://%s", i, ports[2*i+1]))
	}
	e := new(etcd)
	for i := range 3 {
		cmd := exec.CommandContext(ctx, binary,
			"--name", fmt.Sprintf("n%d", i), "--data-dir", filepath.Join(dir, fmt.Sprintf("etcd-%d", i)),
			"--listen-client-urls", "http://"+ports[2*i], "--advertise-client-urls", "http://"+ports[2*i],
			"--listen-peer-urls", "http://"+ports[2*i+1], "--initial-advertise-peer-urls", "http://"+ports[2*i+1],
			"--initial-cluster", strings.Join(cluster, ","), "--log-level", "error")
		if err := cmd.Start(); err != nil {
			return nil, fmt.Errorf("start etcd: %w", err)
		}
		e.commands = append(e.commands, cmd)
	}
	var endpoints []string
	for i := range 3 {
		if err := awaitListener(ctx, ports[2*i]); err != nil {
			return nil, err
		}
		endpoints = append(endpoints, "http://"+ports[2*i])
	}
	return e, e.connect(ctx, endpoints)
}

// connect opens one client per node; callers are spread over them, like the product's.
func (e *etcd) connect(ctx context.Context, endpoints []string) error {
	for _, endpoint := range endpoints {
		c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second, Logger: zap.NewNop()})
		if err != nil {
			return fmt.Errorf("connect to etcd: %w", err)
		}
		e.clients = append(e.clients, c)
		wait, cancel := context.WithTimeout(ctx, 30*time.Second)
		_, err = c.Put(wait, "ready", "1")
		cancel()
		if err != nil {
			return fmt.Errorf("first put: %w", err)
		}
	}
	return nil
}

func (e *etcd) pids() []int {
	var pids []int
	for _, cmd := range e.commands {
		pids = append(pids, cmd.Process.Pid)
	}
	return pids
}

func (e *etcd) puts(ctx context.Context, count int) []client {
	value := string(bytes.Repeat([]byte("x"), 1036))
	clients := make([]client, count)
	for i := range clients {
		c := e.clients[i%len(e.clients)]
		clients[i] = func() error {
			_, err := c.Put(ctx, fmt.Sprintf("user/%d", e.next.Add(1)), value)
			return err
		}
	}
	return clients
}

func (e *etcd) stop() {
	for _, c := range e.clients {
		_ = c.Close()
	}
	for _, cmd := range e.commands {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}
