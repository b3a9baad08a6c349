package fsm

import (
	"slices"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

func TestRemindSecret(t *testing.T) {
	const day = directory.Time(86_400_000_000)
	l := second(t, 0)
	put := func(expires directory.Time) {
		l.do("acme", &command.PutConnection{
			ID: "connection", Issuer: "https://idp.example", ClientID: "client", Enabled: true, SecretExpires: expires,
			ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
		})
	}
	remind := func(stage uint8) bool {
		return l.do("acme", &command.RemindSecret{Connection: "connection", Stage: stage}).Changed
	}
	l.refuse("nowhere", &command.RemindSecret{Connection: "connection", Stage: 1}, directory.KindNotFound)
	l.refuse("acme", &command.RemindSecret{Connection: "other", Stage: 1}, directory.KindNotFound)
	if remind(1) {
		t.Error("a secret that does not expire is reminded of")
	}
	expires := l.now + 14*day
	put(expires)
	before, _ := l.fsm.View().Connection("connection")
	if remind(3) || !remind(2) || remind(2) || remind(1) {
		t.Error("each reminder is sent once, when it is due")
	}
	after, _ := l.fsm.View().Connection("connection")
	if after.Reminded != 2 || after.Version != before.Version || after.Modified != before.Modified {
		t.Errorf("connection %+v", after)
	}
	if got := l.errands(directory.ErrandSecret); got != "acme  connection 2023-11-28T22:13:20Z" {
		t.Errorf("errands %q", got)
	}
	put(l.now + 300*day)
	if remind(4) {
		t.Error("a reminder about the secret before is sent for the next one")
	}
	l.sound()
}

// delivered strikes off what waits.
func delivered(l *ledger) {
	var ids []directory.ErrandID
	for errand := range l.fsm.View().Errands() {
		ids = append(ids, directory.ErrandID{Seq: errand.Seq, Ordinal: errand.Ordinal})
	}
	l.do("", &command.FinishErrands{IDs: ids})
}

func TestFinishErrands(t *testing.T) {
	l := second(t, 0)
	delivered(l)
	for n := range 3 {
		l.do("acme", l.passkey("root@acme.example", n))
	}
	waiting := slices.Collect(l.fsm.View().Errands())
	place := func(n int) directory.ErrandID {
		return directory.ErrandID{Seq: waiting[n].Seq, Ordinal: waiting[n].Ordinal}
	}
	if r := l.do("", &command.FinishErrands{IDs: []directory.ErrandID{{Seq: 1}, place(1)}}); !r.Changed {
		t.Errorf("result %+v", r)
	}
	if r := l.do("", &command.FinishErrands{IDs: []directory.ErrandID{place(1)}}); r.Changed {
		t.Errorf("struck off again: %+v", r)
	}
	left := slices.Collect(l.fsm.View().Errands())
	if len(left) != 2 || left[0] != waiting[0] || left[1] != waiting[2] {
		t.Errorf("left are %+v", left)
	}
	l.refuse("", &command.FinishErrands{IDs: make([]directory.ErrandID, command.MaxErrandIDs+1)}, directory.KindTooLarge)
	l.sound()
	l.now = waiting[0].At + directory.ErrandLife
	l.do("", &command.FinishErrands{})
	if n := l.fsm.View().ErrandCount(); n != 0 {
		t.Errorf("%d errands after their time", n)
	}
}

// Several errands of one command have a place each, and so have those of a sweep, which is of the command before it.
func TestErrands_places(t *testing.T) {
	l := second(t, 1)
	delivered(l)
	for n := range 3 {
		l.do("acme", l.detailed(0, n))
		l.do("acme", l.join(n, "told", n))
	}
	ended := l.do("acme", &command.EndSessions{ID: "session-0"})
	l.fsm = reborn(t, l.fsm)
	l.now += 600_000_000
	l.do("acme", &command.CloseSession{})
	var places []directory.ErrandID
	for errand := range l.fsm.View().Errands() {
		places = append(places, directory.ErrandID{Seq: errand.Seq, Ordinal: errand.Ordinal})
	}
	if want := []directory.ErrandID{{Seq: ended.Seq}, {Seq: ended.Seq, Ordinal: 1}, {Seq: ended.Seq, Ordinal: 2}}; !slices.Equal(places, want) {
		t.Errorf("places %v, want %v", places, want)
	}
	l.sound()
}
