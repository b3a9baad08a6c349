package oidc

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
)

// recorded writes down what was gathered, and gives the refusals of acme, oldest first.
func (f *flow) recorded() []*directory.SignIn {
	f.t.Helper()
	f.service.writeRecords(f.t.Context())
	rows := slices.Collect(f.directory().Refusals())
	slices.Reverse(rows)
	return rows
}

// stray comes back to acme's connection with a state that nobody began.
func stray() Callback {
	return Callback{Connection: connection, Values: url.Values{"state": {"x"}, "code": {"y"}}, UserAgent: flowAgent, Address: "192.0.2.7"}
}

// TestRecords: whoever is refused finds the reference of the page in the organization's log, with what is known and nothing more.
func TestRecords(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.person("sub-nobody", "nobody@acme.example", nil)
	f.person("sub-gone", "gone@acme.example", nil)
	f.user(directory.SourceSCIM, "gone@acme.example", "", false, "gone@acme.example")
	want := make(map[string]string) // by reference
	refused := func(err error, reason Reason, about string) {
		t.Helper()
		f.refused(err, reason)
		if refusal, ok := err.(*Refusal); ok {
			want[refusal.Reference] = string(reason) + " " + about
		}
	}
	_, err := f.signIn("nobody@acme.example")
	refused(err, ReasonNotProvisioned, "provider connection  Firefox on Linux 192.0.2.7")
	_, err = f.signIn("gone@acme.example")
	refused(err, ReasonInactive, "provider connection gone@acme.example Firefox on Linux 192.0.2.7")
	_, err = f.service.Finish(t.Context(), stray())
	refused(err, ReasonTransactionMissing, "provider connection  Firefox on Linux 192.0.2.7")
	_, late := f.walk(StartRequest{Connection: connection}, "nobody@acme.example")
	f.Advance(transactionLifetime)
	late.Connection = "" // to the shared address: the transaction tells
	_, err = f.service.Finish(t.Context(), late)
	refused(err, ReasonTransactionExpired, "provider connection  Firefox on Linux 192.0.2.7")
	first := f.recorded()
	f.serve()
	f.provider.Close()
	_, err = f.service.Start(t.Context(), StartRequest{Email: "nobody@acme.example", UserAgent: "curl", Address: "198.51.100.9"})
	refused(err, ReasonProviderDown, "provider connection   198.51.100.9")

	// What is put to no organization.
	other := stray()
	other.Connection = "unknown"
	if _, err := f.service.Finish(t.Context(), other); err == nil {
		t.Error("a callback for nothing succeeded")
	}
	if _, err := f.service.Start(t.Context(), StartRequest{Email: "nobody@nowhere.example"}); err == nil {
		t.Error("a sign-in to nothing began")
	}
	if err := f.service.BackchannelLogout(t.Context(), connection, "junk"); err == nil {
		t.Error("junk is a logout")
	}
	rows := f.recorded()
	if len(first) != 4 || len(rows) != 5 || len(want) != 5 {
		t.Fatalf("%d and %d rows", len(first), len(rows))
	}
	for _, row := range rows {
		got := fmt.Sprint(row.Reason, " ", row.Way, " ", row.Connection, " ", row.User, " ", row.Agent, " ", row.Address)
		if got != want[row.Reference] || row.Email != "" || row.At == 0 {
			t.Errorf("%q: %q, want %q", row.Reference, got, want[row.Reference])
		}
	}
}

// TestRecords_folded: over a bound refusals alike are counted in the first of them; another reason has a row of its own.
func TestRecords_folded(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	const many = maxRecorded + 10
	for range many {
		_, err := f.service.Finish(t.Context(), stray())
		f.refused(err, ReasonTransactionMissing)
	}
	malformed := stray()
	malformed.Values.Set("id_token", "x")
	for range 2 {
		_, err := f.service.Finish(t.Context(), malformed)
		f.refused(err, ReasonRequest)
	}
	writes := f.FSM.View().Seq()
	counts := make(map[string][]int)
	for _, row := range f.recorded() {
		counts[row.Reason] = append(counts[row.Reason], row.More)
	}
	if got := f.FSM.View().Seq() - writes; got != 1 {
		t.Errorf("%d commands", got)
	}
	missing := counts[string(ReasonTransactionMissing)]
	if len(missing) != maxRecorded || missing[0] != many-maxRecorded || slices.Max(missing[1:]) != 0 {
		t.Errorf("rows %v", missing)
	}
	if got := fmt.Sprint(counts[string(ReasonRequest)]); got != "[1]" {
		t.Errorf("other rows %s", got)
	}
	if got := f.counted("domicile_signin_refusals_recorded_total"); got != many+2 {
		t.Errorf("%v refusals counted", got)
	}
	for range 3 {
		_, _ = f.service.Finish(t.Context(), stray())
	}
	if rows := f.recorded(); len(rows) != maxRecorded+1+3 || rows[len(rows)-1].More != 0 {
		t.Errorf("%d rows after the next writing", len(rows))
	}
}

// TestRecords_wait: a node that is cut off forgets nobody; a write that fails is given up; the older ledger takes none.
func TestRecords_wait(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.Stop(time.Now())
	f.alice(nil)
	_, callback := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
	at := directory.Time(f.Now().UnixMicro())
	f.Cut(true)
	_, err := f.service.Finish(t.Context(), callback)
	f.refused(err, ReasonUnavailable)
	_, err = f.service.Finish(t.Context(), stray()) // of whom is not known now
	f.refused(err, ReasonTransactionMissing)
	f.service.writeRecords(t.Context())
	f.Advance(time.Minute)
	f.Cut(false)
	rows := f.recorded()
	if len(rows) != 1 || rows[0].Reason != string(ReasonUnavailable) || rows[0].At != at {
		t.Errorf("rows %v", rows)
	}
	_, _ = f.service.Finish(t.Context(), stray())
	f.Before(func(command.Command) error { return errors.New("lost") })
	f.service.writeRecords(t.Context())
	f.Before(nil)
	if rows := f.recorded(); len(rows) != 1 {
		t.Errorf("%d rows after a write that failed", len(rows))
	}
	if got := f.counted("domicile_signin_refusals_recorded_total"); got != 2 {
		t.Errorf("%v refusals counted", got)
	}
	if !strings.Contains(f.logs.String(), "were not written down") {
		t.Error("the log says nothing of it")
	}
	f = newFlow(t, 1)
	_, _ = f.service.Finish(t.Context(), stray())
	if rows := f.recorded(); len(rows) != 0 {
		t.Errorf("a ledger of level 1 has %d rows", len(rows))
	}
}

// TestRecords_bounded: what waits on a node is bounded, and counted where it is not kept.
func TestRecords_bounded(t *testing.T) {
	waiting := newRefusals()
	note := func(log, reason int) string {
		key := logKey{organization: directory.OrganizationID(fmt.Sprint(log))}
		return waiting.note(key, directory.SignIn{Way: directory.WayLocal, Reason: fmt.Sprint(reason)})
	}
	for reason := range directory.MaxRefusalBatch + 1 {
		if outcome := note(0, reason); (outcome == "") != (reason < directory.MaxRefusalBatch) {
			t.Fatalf("reason %d: %q", reason, outcome)
		}
	}
	kept := directory.MaxRefusalBatch
	for log := 1; log <= maxRecords; log++ {
		if note(log, 0) == "" {
			kept++
		}
	}
	if kept != maxRecords || len(waiting.logs) != maxRecords-directory.MaxRefusalBatch+1 {
		t.Errorf("%d rows of %d logs", kept, len(waiting.logs))
	}
	if got := note(1, 0); got != recordDropped {
		t.Errorf("over the bound: %q", got)
	}
	waiting.take()
	if got := note(1, 0); got != "" || len(waiting.take()) != 1 {
		t.Errorf("after it was emptied: %q", got)
	}
}

// TestRecords_atOnce: nothing is lost between those who note and the one who takes.
func TestRecords_atOnce(t *testing.T) {
	waiting, total := newRefusals(), 0
	count := func(logs map[logKey]*refusalLog) {
		for _, log := range logs {
			for _, row := range log.rows {
				total += 1 + row.More
			}
		}
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				waiting.note(logKey{organization: acme}, directory.SignIn{Way: directory.WayLocal, Reason: "x"})
			}
		})
	}
	for range 50 {
		count(waiting.take())
	}
	group.Wait()
	count(waiting.take())
	if total != 2000 {
		t.Errorf("%d refusals of 2000", total)
	}
}
