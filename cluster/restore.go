package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"domicile/cluster/storage"
	"domicile/seal"
)

// The place of a restored ledger in the new log: a snapshot that stands for everything before, in a term that nobody can
// have voted in. The log itself stays empty, so every node that joins is sent the snapshot.
const (
	restoredIndex = 1
	restoredTerm  = 1
)

// raftTermKey is where raft keeps its current term in the stable store.
const raftTermKey = "CurrentTerm"

// Restore turns a backup into the data directory of a node that re-founds its region after all nodes were lost: it starts
// as the only voter, and the others join it with empty directories. Nothing must run on config's peer address meanwhile.
//
// It refuses, before it writes anything: a data directory that is not empty; a backup of another region or cluster, one
// that is damaged, or sealed with a key that the ring lacks; a node that is not among its own seeds, because the others,
// empty, could found a second cluster without asking it; and a region of which a seed still holds data. An interrupted
// restore leaves a directory that no node starts on.
func Restore(ctx context.Context, config Config, backup io.ReadSeeker) (storage.BackupSummary, error) {
	config, err := config.withDefaults()
	if err != nil {
		return storage.BackupSummary{}, fmt.Errorf("restore: %w", err)
	}
	if err := config.checkRestore(ctx); err != nil {
		return storage.BackupSummary{}, fmt.Errorf("restore: %w", err)
	}
	identity := config.Credentials.Identity()
	summary, err := storage.VerifyBackupOf(backup, config.Keyring, identity)
	if err != nil {
		return storage.BackupSummary{}, fmt.Errorf("restore: %w", err)
	}
	if _, err := backup.Seek(0, io.SeekStart); err != nil {
		return storage.BackupSummary{}, fmt.Errorf("restore: %w", err)
	}
	ledger, err := storage.ReadBackup(backup, config.Keyring, identity)
	if err != nil {
		return storage.BackupSummary{}, fmt.Errorf("restore: %w", err)
	}
	if err := config.writeRestored(identity, ledger); err != nil {
		return storage.BackupSummary{}, fmt.Errorf("restore: %w", err)
	}
	return summary, nil
}

// checkRestore refuses to restore where data could be lost, or where two clusters could come of it.
func (c Config) checkRestore(ctx context.Context) error {
	entries, err := os.ReadDir(c.DataDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if entry.Name() != "lost+found" {
			return fmt.Errorf("the data directory %s is not empty (%s): move what is in it aside", c.DataDir, entry.Name())
		}
	}
	if c.Advertise == "" {
		return errors.New("no address to advertise is given")
	}
	if len(c.Seeds) > 0 && !slices.Contains(c.Seeds, c.Advertise) {
		return fmt.Errorf("%s is not among its seeds: the others, empty, could found a cluster without asking it; restore on one of the seeds", c.Advertise)
	}
	return c.checkSeedsLost(ctx)
}

// checkSeedsLost asks the seeds whether any of them still holds the region's data. Those that do not answer are taken for
// lost.
func (c Config) checkSeedsLost(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("take the peer address, which this node must not be using now: %w", err)
	}
	link := &link{
		self:     address{id: newServerID(c.Credentials.Identity().Node, seal.NewID()), host: c.Advertise},
		creds:    c.Credentials,
		dialTCP:  c.Dial,
		listener: listener,
		logger:   c.Logger,
		stopped:  make(chan struct{}),
		conns:    make(map[net.Conn]struct{}),
	}
	m := &membership{config: c, self: link.self, callers: newCallers(link)}
	defer m.callers.wait()
	defer link.Fence()
	for _, seed := range c.Seeds {
		if seed == c.Advertise {
			continue
		}
		if i, err := m.meet(ctx, seed); err == nil && i.members > 0 {
			return fmt.Errorf("%s at %s runs and holds data of this region: let this node join it, or stop it and empty its data directory", nodeName(i.self.id), seed)
		}
	}
	return ctx.Err()
}

// writeRestored makes the data directory. node.json comes last: without it no node starts on what the others left.
func (c Config) writeRestored(identity seal.Identity, ledger io.Reader) error {
	record := storage.NewNodeFile(identity)
	self := address{id: newServerID(identity.Node, record.Incarnation), host: c.Advertise}
	onStall := func(op string, d time.Duration) {
		c.Logger.Error("the disk hangs", "op", op, "running", d)
		c.Exit(ExitStalled)
	}
	disk, err := storage.Open(storage.Config{
		Dir: c.DataDir, Keyring: c.Keyring, Identity: identity, OnStall: onStall, Stall: c.Timing.DiskStall,
		Logger: c.Logger, Settings: storage.DefaultSettings(),
	})
	if err != nil {
		return err
	}
	err = adopt(disk, ledger, raft.Server{Suffrage: raft.Voter, ID: self.id, Address: self.server()})
	if err := errors.Join(err, disk.Close()); err != nil {
		return err
	}
	return record.Write(c.DataDir)
}

// adopt puts a ledger into empty storage, as the snapshot of a cluster with one member.
func adopt(disk *storage.Storage, ledger io.Reader, self raft.Server) error {
	configuration := raft.Configuration{Servers: []raft.Server{self}}
	_, speller := raft.NewInmemTransport(self.Address) // spells addresses in the snapshot's meta.json, no more
	sink, err := disk.Snapshots.Create(raft.SnapshotVersionMax, restoredIndex, restoredTerm, configuration, restoredIndex, speller)
	if err != nil {
		return err
	}
	if _, err := io.Copy(sink, ledger); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	if err := sink.Close(); err != nil {
		return err
	}
	return disk.Stable.SetUint64([]byte(raftTermKey), restoredTerm)
}
