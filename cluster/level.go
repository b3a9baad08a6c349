package cluster

import (
	"context"
	"fmt"
	"time"

	"domicile/fsm/command"
)

// levelPause is between two looks at the ledger's level.
const levelPause = 100 * time.Millisecond

// keepLevel raises the ledger's level, while this node leads, as far as every member supports it. A member that does not
// answer counts as one that supports nothing new: it may come back as it was.
func (n *Node) keepLevel(ctx context.Context) {
	ticker := time.NewTicker(levelPause)
	defer ticker.Stop()
	blocked := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		present := n.fsm.View().Level()
		if term, _ := n.leadership.term(); term == 0 || present >= command.MaxLevel {
			continue
		}
		level, laggard := n.supported(ctx)
		if level <= present {
			if laggard != blocked {
				n.logger.Info("newer behaviour waits until every member supports it", "level", command.MaxLevel, "waiting_for", laggard)
			}
			blocked = laggard
			continue
		}
		_, err := n.Propose(ctx, command.Command{Payload: &command.RaiseLevel{Level: level}})
		n.logger.Info("raised the region's level", "level", level, "error", err)
	}
}

// supported gives the highest level that every member can apply, and the name of a member that keeps it from being this
// binary's.
func (n *Node) supported(ctx context.Context) (level uint64, laggard string) {
	level = command.MaxLevel
	for _, server := range n.members.servers() {
		if server.ID == n.self.id {
			continue
		}
		answer, err := n.members.ask(ctx, parseAddress(server.Address), callProgress)
		if err != nil {
			return 0, nodeName(server.ID)
		}
		_, _ = answer.Uint(), answer.Uint()
		if theirs := max(answer.Uint(), 1); theirs < level { // the first release did not say
			level, laggard = theirs, nodeName(server.ID)
		}
	}
	return level, laggard
}

// awaitLevel waits until the ledger has the level that a command needs: a moment after a region was founded, or until the
// last member of an upgrade runs the new release.
func (n *Node) awaitLevel(ctx context.Context, level uint64) error {
	for n.fsm.View().Level() < level {
		select {
		case <-ctx.Done():
			return unavailable(fmt.Errorf("level %d is not in force", level),
				"this region is being upgraded: what the request needs comes once every node runs the new release")
		case <-n.stopped:
			return unavailable(errDraining, "this node is shutting down")
		case <-time.After(levelPause / 4):
		}
	}
	return nil
}
