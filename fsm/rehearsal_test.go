package fsm

import (
	"sync"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// A rehearsal answers what the command will answer, gives the view that it will make, and changes nothing.
func TestRehearse(t *testing.T) {
	l := newLedger(t).acme(3)
	l.do("acme", l.signIn(0, 0))
	l.do("acme", &command.StageMembers{Change: change(1), Add: userIDs(0, 2)})
	for _, p := range []command.Payload{
		createUserCommand(5), createUserCommand(0), &command.DeleteUser{ID: userID(0)}, &command.DeleteOrganization{},
		&command.CreateGroup{ID: "group", Source: directory.SourceSCIM, Staged: change(1)},
		&command.AppendSyncLog{Rows: []directory.SyncRow{{Status: 400}}},
		&command.CreateOrganization{},
	} {
		t.Run(p.Kind().String(), func(t *testing.T) {
			l := &ledger{TB: t, fsm: reborn(t, l.fsm), now: l.now, index: l.index}
			before, digest := l.fsm.View(), l.fsm.View().Digest()
			c := l.command("acme", p)
			c.Note = &directory.SyncNote{Method: directory.SyncPost}
			rehearsed, after := Rehearse(before, c)
			if again, _ := Rehearse(before, c); !sameResults([]command.Result{again}, []command.Result{rehearsed}) {
				t.Errorf("rehearsed again: %+v, first %+v", again, rehearsed)
			}
			if before.Digest() != digest || after == before {
				t.Error("the rehearsal changed the view")
			}
			if err := after.Check(); err != nil {
				t.Error(err)
			}
			real := l.send(c)
			if !sameResults(real, []command.Result{rehearsed}) {
				t.Errorf("rehearsed %+v, then %+v", rehearsed, real[0])
			}
			fork, _ := Rehearse(l.fsm.View(), l.command("", &command.RaiseLevel{}))
			if fork.Seq != real[0].Seq+1 {
				t.Errorf("seq %d follows %d", fork.Seq, real[0].Seq)
			}
			if _, fromReal := Rehearse(l.fsm.View(), l.command("", &command.RaiseLevel{})); after.Organizations() != fromReal.Organizations() || after.Sessions() != fromReal.Sessions() {
				t.Error("the rehearsed view is not the one that came")
			}
		})
	}
}

// Rehearsals over one view, readers of it and the writer do not disturb each other: run with -race.
func TestRehearse_concurrently(t *testing.T) {
	f, w := newFSM(t), newWorld(11)
	for i := range 100 {
		data, _ := w.entry(f.View())
		apply(t, f, uint64(i+1), data)
	}
	view, digest := f.View(), f.View().Digest()
	var all sync.WaitGroup
	for seed := range uint64(3) {
		all.Go(func() {
			w := newWorld(seed)
			w.view = view
			for range 200 {
				if _, after := Rehearse(view, w.command()); after.Check() != nil {
					t.Errorf("after a rehearsal: %v", after.Check())
				}
			}
		})
	}
	all.Go(func() {
		for range 20 {
			walk(view)
			if view.Digest() != digest {
				t.Error("the view changed")
			}
		}
	})
	for i := range 200 {
		data, _ := w.entry(f.View())
		apply(t, f, uint64(101+i), data)
	}
	all.Wait()
	if view.Digest() != digest || view.Check() != nil || f.View().Check() != nil {
		t.Error("the view changed")
	}
}
