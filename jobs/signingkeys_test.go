package jobs

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// newKeys gives the duty with a maker that counts what it made.
func (w *world) newKeys(made *int) signingKeys {
	w.Helper()
	w.address = "127.0.0.1:1"
	deps := w.deps()
	deps.NewKey = func(use directory.KeyUse, expect string) (*command.PutSigningKey, error) {
		*made++
		return &command.PutSigningKey{
			ID: fmt.Sprintf("%s-%d", use, *made), Use: use, Expect: expect, Private: seal.Sealed("sealed"), Public: "{}",
		}, nil
	}
	return signingKeys{deps}
}

func (w *world) keyCount(use directory.KeyUse) int { return len(w.FSM.View().SigningKeys(use)) }

// Each use has a key at once, and another one whenever the newest is old.
func TestSigningKeys(t *testing.T) {
	w := newWorld(t)
	made := 0
	k := w.newKeys(&made)
	for range 61 { // days
		for range 3 {
			if err := k.run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w.Advance(24 * time.Hour)
	}
	for use, want := range map[directory.KeyUse]int{
		directory.KeyIDToken: 3, directory.KeyClientAssertion: 3, directory.KeyCertificate: 1,
	} {
		if n := w.keyCount(use); n != want {
			t.Errorf("%d keys for %s after 61 days, want %d", n, use, want)
		}
	}
	if made != 7 {
		t.Errorf("%d keys made", made)
	}
}

// Where another leader was first its key is the one, and nothing failed.
func TestSigningKeys_lostRace(t *testing.T) {
	w := newWorld(t)
	made := 0
	k := w.newKeys(&made)
	inner, raced := k.NewKey, false
	k.NewKey = func(use directory.KeyUse, expect string) (*command.PutSigningKey, error) {
		if !raced {
			raced = true
			w.Must("", &command.PutSigningKey{ID: "theirs", Use: use, Private: seal.Sealed("sealed"), Public: "{}"})
		}
		return inner(use, expect)
	}
	if err := k.run(t.Context()); err != nil {
		t.Error(err)
	}
	if keys := w.FSM.View().SigningKeys(directory.KeyIDToken); len(keys) != 1 || keys[0].ID != "theirs" {
		t.Errorf("keys are %v", keys)
	}
}

// What fails for one use does not keep the other waiting, and is told.
func TestSigningKeys_failure(t *testing.T) {
	w := newWorld(t)
	made := 0
	k := w.newKeys(&made)
	inner, broken := k.NewKey, errors.New("no randomness")
	k.NewKey = func(use directory.KeyUse, expect string) (*command.PutSigningKey, error) {
		if use == directory.KeyIDToken {
			return nil, broken
		}
		return inner(use, expect)
	}
	if err := k.run(t.Context()); !errors.Is(err, broken) || w.keyCount(directory.KeyClientAssertion) != 1 {
		t.Errorf("%d keys, error %v", w.keyCount(directory.KeyClientAssertion), err)
	}
}

// A region with members of an older release has no keys yet.
func TestSigningKeys_olderMembers(t *testing.T) {
	w := newWorld(t)
	w.found(1)
	made := 0
	k := w.newKeys(&made)
	if err := k.run(t.Context()); err != nil || made != 0 {
		t.Errorf("%d keys made, error %v", made, err)
	}
}
