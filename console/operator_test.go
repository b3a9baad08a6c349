package console_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"domicile/console"
	"domicile/directory"
)

func TestMembers(t *testing.T) {
	h := newHouse(t)
	leads := func() []string {
		var names []string
		for _, member := range h.Members(t.Context()) {
			if member.Leader {
				names = append(names, member.Node)
			}
		}
		return names
	}
	if got := leads(); !slices.Equal(got, []string{"us-1"}) {
		t.Fatalf("%v leads", got)
	}
	if err := h.HandOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := leads(); !slices.Equal(got, []string{"us-2"}) {
		t.Fatalf("%v leads", got)
	}
	wantError(t, h.RemoveMember(t.Context(), "us-9"), directory.KindNotFound, "")
	if err := h.RemoveMember(t.Context(), "us-1"); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.RemoveMember(t.Context(), "us-2"), directory.KindConflict, "")
}

func TestBackup(t *testing.T) {
	h := newHouse(t)
	before := time.Now().Add(-time.Second)
	h.organization(t, "acme")
	var point console.BackupPoint
	var copied bytes.Buffer
	begin := func(p console.BackupPoint) io.Writer {
		point = p
		busy := h.Backup(t.Context(), func(console.BackupPoint) io.Writer { t.Error("a second backup began"); return io.Discard })
		wantError(t, busy, directory.KindUnavailable, "")
		return &copied
	}
	if err := h.Backup(t.Context(), begin); err != nil {
		t.Fatal(err)
	}
	if point.Region != "us" || point.Seq == 0 || point.Time.Before(before) || copied.Len() == 0 {
		t.Errorf("a backup of %d bytes as of %+v", copied.Len(), point)
	}

	fault := errors.New("the disk is full")
	h.crew.Fail(fault)
	again := func(console.BackupPoint) io.Writer { return io.Discard }
	if err := h.Backup(t.Context(), again); !errors.Is(err, fault) {
		t.Errorf("answered %v", err)
	}
	h.crew.Fail(nil)
	if err := h.Backup(t.Context(), again); err != nil {
		t.Errorf("after a failed backup: %v", err)
	}
}
