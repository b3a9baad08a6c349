package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// diskDir is the part of a node's directory that becomes a disk of its own.
const diskDir = "disk"

// spareRoom is how much larger than its content a small disk is made.
const spareRoom = 512 << 20

func diskOf(p *place) string { return filepath.Join(p.node.Dir(), diskDir) }

// rehouse moves the data of every node onto a small memory disk of its own, one node after the other.
func rehouse(ctx context.Context, a *arena) error {
	for _, p := range a.struck.places {
		housed, err := isMemory(diskOf(p))
		if err != nil {
			return err
		}
		if housed {
			continue
		}
		t := &trial{side: a.struck}
		if err := errors.Join(t.stop(p), moveToMemory(diskOf(p)), t.restart(p)); err != nil {
			return err
		}
		if err := a.struck.settle(ctx); err != nil {
			return err
		}
		p.pardon()
	}
	return nil
}

func isMemory(dir string) (bool, error) {
	const tmpfsMagic = 0x01021994
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return false, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return int64(stat.Type) == tmpfsMagic, nil
}

// moveToMemory mounts a memory disk where the directory was, with its content.
func moveToMemory(dir string) error {
	size, err := bytesIn(dir)
	if err != nil {
		return err
	}
	old := dir + ".old"
	if err := os.Rename(dir, old); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", size+spareRoom)); err != nil {
		return fmt.Errorf("mount a small disk: %w", err)
	}
	if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// unmount takes the memory disks away, so that the run's directory can be removed.
func unmount(places []*place) error {
	for _, p := range places {
		housed, err := isMemory(diskOf(p))
		if err == nil && housed {
			err = syscall.Unmount(diskOf(p), 0)
		}
		if err != nil {
			return fmt.Errorf("unmount %s: %w", diskOf(p), err)
		}
	}
	return nil
}

func bytesIn(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// fillDisk fills the leader's disk up to a percentage with a ballast file for a while. The node may refuse, hand over or end;
// the region goes on.
func fillDisk(percent int64) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		leader, err := t.side.leader(ctx)
		if err != nil {
			return err
		}
		ballast := filepath.Join(diskOf(leader), "ballast")
		t.strike(leader, vanishes)
		if err := fill(ballast, percent); err != nil {
			return err
		}
		err = errors.Join(rest(ctx, partition), os.Remove(ballast))
		if err != nil || leader.node.PID() == 0 {
			return err
		}
		return t.recover(ctx, leader)
	}
}

// recover ends a node that does not become whole by itself, to be started again.
func (t *trial) recover(ctx context.Context, p *place) error {
	soon, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if t.side.settle(soon) == nil || p.node.PID() == 0 {
		return nil
	}
	return p.node.Kill()
}

// fill writes a file until that much of its disk is used.
func fill(path string, percent int64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	block := make([]byte, 64<<10)
	for {
		var stat syscall.Statfs_t
		if err := syscall.Statfs(path, &stat); err != nil {
			return fmt.Errorf("statfs %s: %w", path, err)
		}
		if percent < 100 && int64(stat.Blocks-stat.Bavail)*100 >= int64(stat.Blocks)*percent {
			return nil
		}
		if _, err := file.Write(block); errors.Is(err, syscall.ENOSPC) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
