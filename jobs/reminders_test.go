package jobs

import (
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
)

const fullDay = 24 * time.Hour

// look is one run of the reminders and of what they cause.
func (w *world) look(r reminders, e *errands) {
	w.Helper()
	if err := r.run(w.Context()); err != nil {
		w.Errorf("the duty failed: %v", err)
	}
	w.round(e)
	w.round(e)
}

// Owners are told 30, 14, 7 and 1 day before, once each, whoever leads.
func TestReminders(t *testing.T) {
	w := newWorld(t)
	defer w.serveMail()()
	w.organization("acme", "rosa@acme.example")
	w.connection("acme", "idp", stamp(w.Now().Add(40*fullDay)))
	w.connection("acme", "unknown", 0)
	e := w.errandsWith(nil)
	told := map[int]bool{}
	for hour := range 45 * 24 {
		before := len(w.sink.Letters())
		w.look(reminders{w.deps()}, e)
		if now := len(w.sink.Letters()); now != before {
			told[40-hour/24] = now == before+1
		}
		w.Advance(time.Hour)
	}
	for _, days := range []int{30, 14, 7, 1} {
		if !told[days] {
			t.Errorf("nobody was told %d days before", days)
		}
	}
	letters := w.sink.Letters()
	if len(told) != 4 || len(letters) != 4 {
		t.Fatalf("told at %v, in %d mails", told, len(letters))
	}
	if l := letters[0]; !strings.Contains(l.Body, "valid until 2027-01-01 12:00:00 UTC") || l.To[0] != "rosa@acme.example" {
		t.Errorf("the mail is %+v", l)
	}
}

// Reminders that nobody could send in time are one mail; a new secret begins anew, and a connection that is off needs none.
func TestReminders_late(t *testing.T) {
	w := newWorld(t)
	defer w.serveMail()()
	w.organization("acme", "rosa@acme.example")
	w.connection("acme", "idp", stamp(w.Now().Add(5*fullDay)))
	r, e := reminders{w.deps()}, w.errandsWith(nil)
	w.look(r, e)
	w.look(r, e)
	w.mailed("at five days", "rosa@acme.example")
	w.connection("acme", "idp", stamp(w.Now().Add(20*fullDay)))
	w.look(r, e)
	w.mailed("for the new secret", "rosa@acme.example", "rosa@acme.example")
	w.put("acme", &command.PutConnection{ID: "idp", Issuer: "https://idp.example", ClientID: "client of idp",
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic}, SecretExpires: stamp(w.Now().Add(fullDay / 2))})
	w.look(r, e)
	w.mailed("while the connection is off", "rosa@acme.example", "rosa@acme.example")
}

func TestReminders_withoutTheLedgerOrTheLead(t *testing.T) {
	w := newWorld(t)
	w.address = "127.0.0.1:1"
	w.organization("acme", "rosa@acme.example")
	w.connection("acme", "idp", stamp(w.Now().Add(fullDay)))
	r := reminders{w.deps()}
	w.Before(deaf)
	if err := r.run(t.Context()); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("without a ledger the duty says %v", err)
	}
	w.Before(nil)
	w.leads.Store(false)
	before := w.waiting()
	if err := r.run(t.Context()); err != nil || w.waiting() != before {
		t.Errorf("without the lead %d errands wait, %d did before (%v)", w.waiting(), before, err)
	}
}
