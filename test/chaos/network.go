package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// insideVariable tells a process that it is the one inside the namespaces.
const insideVariable = "DOMICILE_CHAOS_INSIDE"

// runInside runs this program again in namespaces of its own, and gives its exit code. Processes, links and mounts that it
// makes there end with it, however it ends.
func runInside() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:    syscall.SIGKILL,
		Cloneflags:   syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS,
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	err = cmd.Run() // an interrupt reaches the inner process by itself
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(1, exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos: no namespaces for partitions here (they need root, or user namespaces):", err)
		return 1
	}
	return 0
}

// network is the links between the run and its nodes. The run's own namespace is the router.
type network struct{ links int }

// openNetwork makes the fresh namespaces usable.
func openNetwork() (*network, error) {
	for _, tool := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("partitions need %s (iproute2, util-linux): %w", tool, err)
		}
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return nil, fmt.Errorf("mount /proc in the namespace: %w", err)
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return nil, fmt.Errorf("mount /run in the namespace: %w", err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return nil, fmt.Errorf("route in the namespace: %w", err)
	}
	return &network{}, ip("link set lo up")
}

// addHost makes a namespace for a node and a link to it, and gives the node's address.
func (n *network) addHost(name string) (string, error) {
	n.links++
	router, host := fmt.Sprintf("198.18.%d.1", n.links), fmt.Sprintf("198.18.%d.2", n.links)
	outer := fmt.Sprintf("link%d", n.links)
	if err := ip("netns add " + name); err != nil {
		return "", err
	}
	err := ip(
		fmt.Sprintf("link add %s type veth peer name eth0 netns %s", outer, name),
		fmt.Sprintf("addr add %s/30 dev %s", router, outer),
		fmt.Sprintf("link set %s up", outer),
	)
	if err != nil {
		return "", err
	}
	return host, ipIn(name,
		"link set lo up",
		fmt.Sprintf("addr add %s/30 dev eth0", host),
		"link set eth0 up",
		"route add default via "+router,
	)
}

// launcher is the command line that runs a process in a node's namespace, under the process id of the launcher.
func launcher(name string) []string {
	return []string{"nsenter", "--net=" + filepath.Join("/run/netns", name)}
}

// direction is one way between two nodes, by address.
type direction struct{ from, to string }

// bothWays are all directions between one node and others.
func bothWays(one string, others []string) []direction {
	return append(outOf(one, others), into(one, others)...)
}

func outOf(one string, others []string) []direction {
	var all []direction
	for _, other := range others {
		all = append(all, direction{one, other})
	}
	return all
}

func into(one string, others []string) []direction {
	var all []direction
	for _, other := range others {
		all = append(all, direction{other, one})
	}
	return all
}

// cut drops, without a word, whatever is sent in these directions.
func cut(directions []direction) error { return rules("add", directions) }

// heal undoes cut.
func heal(directions []direction) error { return rules("del", directions) }

func rules(verb string, directions []direction) error {
	var lines []string
	for _, d := range directions {
		lines = append(lines, fmt.Sprintf("rule %s from %s to %s blackhole", verb, d.from, d.to))
	}
	return ip(lines...)
}

// ip runs lines of the ip command in the run's own namespace.
func ip(lines ...string) error { return batch(lines) }

// ipIn runs them in a node's namespace.
func ipIn(name string, lines ...string) error { return batch(lines, "-n", name) }

func batch(lines []string, args ...string) error {
	cmd := exec.Command("ip", append(args, "-batch", "-")...)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(lines, "; "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
