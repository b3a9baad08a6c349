package jobs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"domicile/directory"
	"domicile/fsm/command"
)

// turn is one run of the duty that must go well.
func (w *world) turn(f *failureMails) {
	w.Helper()
	if err := f.run(w.Context()); err != nil {
		w.Errorf("the duty failed: %v", err)
	}
}

// mailed checks to whom mails went so far.
func (w *world) mailed(when string, want ...string) {
	w.Helper()
	var to []string
	for _, l := range w.sink.Letters() {
		to = append(to, l.To...)
	}
	slices.Sort(to)
	if !slices.Equal(to, want) {
		w.Errorf("%s: mails went to %v, want %v", when, to, want)
	}
}

func TestFailureMails_gatherThenAtMostOneAnHour(t *testing.T) {
	w := newWorld(t)
	defer w.serveMail()()
	w.organization("acme", "rosa@acme.example")
	w.organization("beta", "bo@beta.example")
	w.organization("mute", "") // has nobody to tell
	f := &failureMails{Deps: w.deps()}
	w.turn(f)
	w.fail("acme", directory.SyncRow{Detail: "first"})
	w.fail("mute", directory.SyncRow{})
	w.turn(f)
	w.mailed("at once")
	w.Advance(59 * time.Second)
	w.fail("acme", directory.SyncRow{Detail: "second"})
	w.turn(f)
	w.mailed("before a minute")
	w.Advance(time.Second)
	w.turn(f)
	w.mailed("after a minute", "rosa@acme.example")
	if text := w.sink.Letters()[0].Body; !strings.Contains(text, "first") || !strings.Contains(text, "second") {
		t.Errorf("the mail says\n%s", text)
	}
	if c := w.counts("acme"); c.Notified != 2 {
		t.Errorf("counts are %+v, want 2 notified", c)
	}
	w.Advance(time.Minute)
	w.fail("acme", directory.SyncRow{Detail: "third"})
	w.fail("beta", directory.SyncRow{})
	w.turn(f)
	w.Advance(58 * time.Minute)
	w.turn(f)
	w.mailed("before an hour", "bo@beta.example", "rosa@acme.example")
	w.Advance(time.Minute)
	w.turn(f)
	w.turn(f)
	w.mailed("after an hour", "bo@beta.example", "rosa@acme.example", "rosa@acme.example")
	if text := w.sink.Letters()[2].Body; strings.Contains(text, "second") || !strings.Contains(text, "third") {
		t.Errorf("the second mail says\n%s", text)
	}
	if sent := counted(t, f.Metrics.mails.WithLabelValues(kindSyncFailures, outcomeSent)); sent != 3 {
		t.Errorf("%v mails counted as sent, want 3", sent)
	}
	w.Advance(3 * time.Hour)
	w.turn(f)
	w.mailed("with nothing new", "bo@beta.example", "rosa@acme.example", "rosa@acme.example")
	if len(f.pending) != 0 {
		t.Errorf("%d organizations are remembered with nothing to tell of", len(f.pending))
	}
}

// A mail that went out but could not be marked is not sent again by this leader; the next one sends it once more, and mail
// programs know it again.
func TestFailureMails_leaderChange(t *testing.T) {
	w := newWorld(t)
	defer w.serveMail()()
	w.organization("acme", "rosa@acme.example")
	old, next := &failureMails{Deps: w.deps()}, &failureMails{Deps: w.deps()}
	w.fail("acme", directory.SyncRow{})
	w.turn(old)
	w.Advance(time.Minute)
	w.Before(deaf)
	for range 3 {
		if err := old.run(t.Context()); directory.KindOf(err) != directory.KindUnavailable {
			t.Errorf("without a ledger the duty says %v", err)
		}
	}
	w.mailed("without a ledger", "rosa@acme.example")
	w.Before(nil)
	w.turn(next)
	w.Advance(time.Minute)
	w.turn(next)
	w.mailed("by the next leader", "rosa@acme.example", "rosa@acme.example")
	letters := w.sink.Letters()
	if a, b := letters[0].Header.Get("Message-Id"), letters[1].Header.Get("Message-Id"); a == "" || a != b {
		t.Errorf("Message-IDs are %q and %q, want one", a, b)
	}
	w.turn(old)
	w.Advance(2 * time.Hour)
	w.turn(old)
	w.turn(next)
	w.mailed("later", "rosa@acme.example", "rosa@acme.example")
}

func TestFailureMails_markedLateWithoutAnotherMail(t *testing.T) {
	w := newWorld(t)
	defer w.serveMail()()
	w.organization("acme", "rosa@acme.example")
	f := &failureMails{Deps: w.deps()}
	w.fail("acme", directory.SyncRow{})
	w.turn(f)
	w.Advance(time.Minute)
	w.Before(deaf)
	_ = f.run(t.Context())
	w.Before(nil)
	w.fail("acme", directory.SyncRow{})
	w.turn(f)
	w.mailed("after the mark", "rosa@acme.example")
	if c := w.counts("acme"); c.Failures != 2 || c.Notified != 1 {
		t.Errorf("counts are %+v, want 1 of 2 notified", c)
	}
}

func TestFailureMails_mailServerDownBacksOff(t *testing.T) {
	w := newWorld(t)
	stop := w.serveMail()
	w.organization("acme", "rosa@acme.example")
	w.organization("beta", "bo@beta.example")
	f := &failureMails{Deps: w.deps()}
	w.fail("acme", directory.SyncRow{})
	w.fail("beta", directory.SyncRow{})
	w.turn(f)
	w.Advance(time.Minute)
	stop()
	tries := 0
	for range 60 * 6 { // an hour in ticks
		if f.run(t.Context()) != nil {
			tries++
		}
		w.Advance(tick)
	}
	// After 20, 40, 80, 160, 320 s and then every ten minutes, one organization each time.
	if tries < 8 || tries > 12 {
		t.Errorf("%d tries in an hour, want about 10", tries)
	}
	defer w.serveMail()()
	w.Advance(troubleMax)
	w.turn(f)
	w.mailed("when the server is back", "bo@beta.example", "rosa@acme.example")
	if f.wait != 0 {
		t.Errorf("the pause is %v after a success", f.wait)
	}
}

// An address that is refused keeps nobody else waiting, and is tried again later and later.
func TestFailureMails_refusedAddress(t *testing.T) {
	w := newWorld(t)
	refused := 0
	w.sink.Refuse = func(to string) *smtp.SMTPError {
		if to != "gone@acme.example" {
			return nil
		}
		refused++
		return &smtp.SMTPError{Code: 550, Message: "no such person"}
	}
	defer w.serveMail()()
	w.organization("acme", "gone@acme.example")
	w.organization("beta", "bo@beta.example")
	f := &failureMails{Deps: w.deps()}
	w.fail("acme", directory.SyncRow{})
	w.fail("beta", directory.SyncRow{})
	w.turn(f)
	w.Advance(time.Minute)
	w.turn(f)
	w.mailed("beside a refused address", "bo@beta.example")
	for range 72 * 6 { // three days in ten minutes
		w.Advance(10 * time.Minute)
		w.turn(f)
	}
	if refused < 6 || refused > 8 { // at once, after 1, 2, 4, 8, 16 h, and then daily
		t.Errorf("%d tries in three days, want about 7", refused)
	}
	if c := w.counts("acme"); c.Notified != 0 {
		t.Errorf("counts are %+v, want none notified", c)
	}
	w.Must("acme", &command.DeleteOrganization{})
	w.turn(f)
	if len(f.pending) != 0 {
		t.Error("an organization that is gone is remembered")
	}
}

func TestFailureMails_stopWithTheLead(t *testing.T) {
	w := newWorld(t)
	defer w.serveMail()()
	w.organization("acme", "rosa@acme.example")
	f := &failureMails{Deps: w.deps()}
	w.fail("acme", directory.SyncRow{})
	w.turn(f)
	w.Advance(time.Minute)
	w.leads.Store(false)
	w.turn(f)
	w.mailed("without the lead")
}

func TestFailureLetter_says(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "rosa@acme.example")
	rows := []directory.SyncRow{{Status: 409, ScimType: "uniqueness", Resource: "User", Name: "ana@acme.example",
		Detail: "userName \"ana@acme.example\" is taken", SyncNote: directory.SyncNote{Method: directory.SyncPost, Request: "r-1"}}}
	for i := range 12 {
		rows = append(rows, directory.SyncRow{Status: 400, ScimType: "invalidValue", Resource: "Group", ID: "g1",
			Detail: fmt.Sprintf("value %d", i), SyncNote: directory.SyncNote{Method: directory.SyncPatch}})
	}
	rows = append(rows, directory.SyncRow{Status: 500})
	w.fail("acme", rows...)
	d, _ := w.FSM.View().Directory("acme")
	l := failureLetter(d, directory.Region{URL: "https://us.example.com"})
	if l.To != "rosa@acme.example" || l.Subject != "Directory sync of The acme: 14 requests failed" || l.ID != "sync-failures.acme.14" {
		t.Errorf("the letter is %+v", l)
	}
	for _, want := range []string{
		"14 requests failed that you have not heard of yet; the newest 10:",
		"2026-11-22 12:00:00 UTC  PATCH of group g1\n    What went wrong: value 11\n    What to do: correct the value",
		"2026-11-22 12:00:00 UTC  request\n    What went wrong: the request was refused\n    What to do: nothing: the fault is on our side",
		"GET https://us.example.com/api/v1/organizations/acme/sync-log?outcome=failed",
	} {
		if !strings.Contains(l.Text, want) {
			t.Errorf("the text lacks\n%s\nin\n%s", want, l.Text)
		}
	}
	if strings.Contains(l.Text, "ana@acme") || strings.Contains(l.Text, "value 2\n") {
		t.Errorf("the text has more than the newest ten:\n%s", l.Text)
	}
	w.Must("acme", &command.MarkNotified{Failures: 14})
	w.fail("acme", rows[0])
	d, _ = w.FSM.View().Directory("acme")
	l = failureLetter(d, directory.Region{})
	if !strings.Contains(l.Text, "POST of user ana@acme.example") || !strings.Contains(l.Text, "1 request failed that you have not heard of yet:") ||
		!strings.Contains(l.Text, "Status 409 (uniqueness), request r-1") || strings.Contains(l.Text, "value") {
		t.Errorf("the text is\n%s", l.Text)
	}
}

// The failures may have left the bounded log before the mail goes.
func TestFailureLetter_withoutRows(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "rosa@acme.example")
	w.fail("acme", directory.SyncRow{Detail: "gone"})
	for range directory.MaxSyncRows / directory.MaxSyncBatch {
		w.Must("acme", &command.AppendSyncLog{Rows: make([]directory.SyncRow, directory.MaxSyncBatch)})
	}
	d, _ := w.FSM.View().Directory("acme")
	if l := failureLetter(d, directory.Region{}); !strings.Contains(l.Text, "1 request failed that you have not heard of yet; the sync log") {
		t.Errorf("the text is\n%s", l.Text)
	}
}

func TestAdvice_fits(t *testing.T) {
	for _, tc := range []struct {
		status   int
		scimType string
		want     string
	}{
		{409, "uniqueness", "same name"},
		{400, "invalidPath", "attribute mapping names"},
		{400, "", "not understood"},
		{404, "", "full sync"},
		{413, "", "too large"},
		{418, "", "tells more"},
		{500, "", "on our side"},
		{503, "", "on our side"},
		{501, "", "not offered"},
	} {
		if got := adviceFor(&directory.SyncRow{Status: tc.status, ScimType: tc.scimType}); !strings.Contains(got, tc.want) {
			t.Errorf("%d %s: %q, want %q", tc.status, tc.scimType, got, tc.want)
		}
	}
}
