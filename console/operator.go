package console

import (
	"context"
	"io"
	"time"

	"domicile/directory"
	"domicile/fsm/state"
)

// Operator is what the operator's commands and screens ask of the cluster. cluster.Node satisfies it; cmd hands it over.
// Errors are *directory.Error where the caller can do something about them.
type Operator interface {
	// Survey lists the nodes of the region as the node that is asked knows them, each with its state.
	Survey(ctx context.Context) []directory.Member
	// HandOver makes another voter the leader, whichever node leads.
	HandOver(ctx context.Context) error
	// Remove takes a member, by id or by node name, out of the region.
	Remove(ctx context.Context, id string) error
	// Backup writes an encrypted copy of the ledger, as the view shows it.
	Backup(w io.Writer, view *state.View) error
}

// Members lists the nodes of the region as this node knows them and finds them, also while there is no leader.
func (s *Service) Members(ctx context.Context) []directory.Member { return s.deps.Operator.Survey(ctx) }

// RemoveMember takes a node out of the region for good; id is its id or its node name. The error is KindNotFound, or
// KindConflict where those that remain could not go on.
func (s *Service) RemoveMember(ctx context.Context, id string) error {
	return s.deps.Operator.Remove(ctx, id)
}

// HandOver makes another node the leader.
func (s *Service) HandOver(ctx context.Context) error { return s.deps.Operator.HandOver(ctx) }

// BackupPoint is the moment that a backup shows.
type BackupPoint struct {
	Region string
	Seq    uint64    // of the last change in it
	Time   time.Time // of that change; 1970 in an empty ledger
}

// Backup copies the ledger, encrypted, with every write that was acknowledged before the call. It tells begin the moment
// first, and writes to what begin gives. A node makes one backup at a time (KindUnavailable). After an error what was
// written is useless.
func (s *Service) Backup(ctx context.Context, begin func(BackupPoint) io.Writer) error {
	if !s.backup.TryLock() {
		return directory.Unavailable(10*time.Second, nil, "this node is making another backup")
	}
	defer s.backup.Unlock()
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return err
	}
	point := BackupPoint{Region: s.deps.Region.ID, Seq: view.Seq(), Time: time.UnixMicro(int64(view.At())).UTC()}
	return s.deps.Operator.Backup(begin(point), view)
}
