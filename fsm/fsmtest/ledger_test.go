package fsmtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

const acme directory.OrganizationID = "acme"

func organization(slug string) *command.CreateOrganization {
	return &command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: slug, Name: "The " + slug, Profile: directory.ProfileInterop, RootEmail: "root@" + slug + ".example",
	}}
}

func newLedger(t testing.TB, level uint64) *Ledger {
	t.Helper()
	return New(t, state.Identity{Region: "eu", Cluster: "cluster-1"}, level)
}

// known tells whether acme is in a view, of every freshness.
func known(t *testing.T, l *Ledger, seq uint64) bool {
	t.Helper()
	found := false
	for _, f := range []state.Freshness{state.Local(), state.Confirmed(), state.AtLeast(seq)} {
		view, err := l.View(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		_, found = view.Directory(acme)
	}
	return found
}

func TestLedger(t *testing.T) {
	l := newLedger(t, command.MaxLevel)
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l.Stop(noon)
	l.Advance(time.Minute)
	result, err := l.Propose(t.Context(), command.Command{Organization: acme, Payload: organization("acme")})
	if err != nil || !known(t, l, result.Seq) {
		t.Fatalf("%+v, %v", result, err)
	}
	if result.Created != directory.Time(noon.Add(time.Minute).UnixMicro()) {
		t.Errorf("made at %d", result.Created)
	}
	_, err = l.Propose(t.Context(), command.Command{Organization: acme, Payload: organization("acme")})
	if directory.KindOf(err) != directory.KindConflict {
		t.Errorf("made twice: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.View(gone, state.AtLeast(result.Seq+10)); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("a view of the future: %v", err)
	}
}

// What is cut off neither answers nor writes, but for what the test writes itself.
func TestLedger_Cut(t *testing.T) {
	l := newLedger(t, command.MaxLevel)
	l.Cut(true)
	_, viewed := l.View(t.Context(), state.Local())
	_, proposed := l.Propose(t.Context(), command.Command{Organization: acme, Payload: organization("acme")})
	for _, err := range []error{viewed, proposed} {
		if directory.KindOf(err) != directory.KindUnavailable || !errors.Is(err, errCut) {
			t.Errorf("%v", err)
		}
	}
	l.Must(acme, organization("acme"))
	l.Cut(false)
	if !known(t, l, 0) {
		t.Error("the test's own write is lost")
	}
}

// Hooks stop a command or lose its answer; the same request id is applied once.
func TestLedger_hooks(t *testing.T) {
	l := newLedger(t, command.MaxLevel)
	c := command.Command{Organization: acme, RequestID: command.RequestID{1}, Payload: organization("acme")}
	fault := errors.New("fault")
	fail := func(command.Command) error { return fault }
	l.Before(fail)
	if _, err := l.Propose(t.Context(), c); !errors.Is(err, fault) || known(t, l, 0) {
		t.Errorf("stopped before: %v", err)
	}
	l.Before(nil)
	l.After(fail)
	if _, err := l.Propose(t.Context(), c); !errors.Is(err, fault) || !known(t, l, 0) {
		t.Errorf("lost after: %v", err)
	}
	l.After(nil)
	if result, err := l.Propose(t.Context(), c); err != nil || result.Seq == 0 {
		t.Errorf("asked again: %+v, %v", result, err)
	}
}

// A ledger of an older level takes nothing that its older members could not apply.
func TestLedger_level(t *testing.T) {
	l := newLedger(t, 1)
	request := command.Command{Organization: acme, Payload: &command.PutRequest{}}
	if _, err := l.Propose(t.Context(), request); !errors.Is(err, errLevel) {
		t.Errorf("%v", err)
	}
	l.Must("", &command.RaiseLevel{Level: command.SecondLevel})
	if _, err := l.Propose(t.Context(), request); errors.Is(err, errLevel) {
		t.Errorf("after the level was raised: %v", err)
	}
}
