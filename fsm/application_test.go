package fsm

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

func putApplicationCommand(id string, version uint64) *command.PutApplication {
	return &command.PutApplication{
		ID: directory.ApplicationID(id), ExpectVersion: version, Name: "Portal", RedirectURIs: []string{"https://portal.example/callback"},
	}
}

func TestApplications_rules(t *testing.T) {
	l := newLedger(t).raised()
	for name, change := range map[string]func(*command.PutApplication){
		"no id":         func(p *command.PutApplication) { p.ID = "" },
		"no name":       func(p *command.PutApplication) { p.Name = "" },
		"no address":    func(p *command.PutApplication) { p.RedirectURIs = nil },
		"long address":  func(p *command.PutApplication) { p.LogoutURIs = []string{strings.Repeat("a", 2001)} },
		"long callback": func(p *command.PutApplication) { p.BackChannelURI = strings.Repeat("a", 2001) },
	} {
		t.Run(name, func(t *testing.T) {
			l.TB = t
			bad := putApplicationCommand("portal", 0)
			change(bad)
			l.refuse("", bad, directory.KindInvalid)
		})
	}
	l.TB = t
	l.refuse("", putApplicationCommand("portal", 1), directory.KindNotFound)
	first := l.do("", putApplicationCommand("portal", 0))
	l.refuse("", putApplicationCommand("portal", 0), directory.KindConflict)
	l.refuse("", putApplicationCommand("portal", first.Version+1), directory.KindStale)
	l.now++
	second := putApplicationCommand("portal", first.Version)
	second.SecretHash, second.PreviousHash = number(1), number(2)
	l.do("", second)
	a, _ := l.fsm.View().Application("portal")
	if a.Created != dawn || a.Modified != dawn+1 || a.SecretHash != number(1) || a.PreviousHash != number(2) || a.Public() {
		t.Errorf("application %+v", a)
	}
	for i := range directory.MaxApplications - 1 {
		l.do("", putApplicationCommand(fmt.Sprint(i), 0))
	}
	l.refuse("", putApplicationCommand("more", 0), directory.KindTooLarge)
	l.do("", &command.DeleteApplication{ID: "0"})
	l.refuse("", &command.DeleteApplication{ID: "0"}, directory.KindNotFound)
	l.do("", putApplicationCommand("more", 0))
}

func putKeyCommand(id, expect string) *command.PutSigningKey {
	return &command.PutSigningKey{ID: id, Use: directory.KeyIDToken, Private: seal.Sealed("private"), Public: "{}", Expect: expect}
}

func TestPutSigningKey(t *testing.T) {
	l := newLedger(t).raised()
	for name, change := range map[string]func(*command.PutSigningKey){
		"no use":     func(p *command.PutSigningKey) { p.Use = "" },
		"no id":      func(p *command.PutSigningKey) { p.ID = "" },
		"no private": func(p *command.PutSigningKey) { p.Private = nil },
		"no public":  func(p *command.PutSigningKey) { p.Public = "" },
		"large":      func(p *command.PutSigningKey) { p.Public = strings.Repeat("a", directory.MaxSigningKeyText+1) },
	} {
		t.Run(name, func(t *testing.T) {
			l.TB = t
			bad := putKeyCommand("a", "")
			change(bad)
			l.refuse("", bad, directory.KindInvalid)
		})
	}
	l.TB = t
	// Two nodes want the first key: one of them makes it. The order is that of making, whatever the ids, even within one stamp.
	results := l.send(l.command("", putKeyCommand("z", "")), l.command("", putKeyCommand("y", "")), l.command("", putKeyCommand("a", "z")))
	if results[0].Error != nil || directory.KindOf(results[1].Err()) != directory.KindStale || results[2].Error != nil {
		t.Fatalf("results %+v", results)
	}
	l.refuse("", putKeyCommand("z", "a"), directory.KindConflict)
	other := putKeyCommand("z", "")
	other.Use = directory.KeyClientAssertion
	l.refuse("", other, directory.KindConflict)
	other.ID = "other"
	l.do("", other)
	last := "a"
	for i := range directory.MaxSigningKeys - 1 {
		l.now += 1000
		l.do("", putKeyCommand(fmt.Sprint(i), last))
		last = fmt.Sprint(i)
	}
	var kids []string
	for _, key := range l.fsm.View().SigningKeys(directory.KeyIDToken) {
		kids = append(kids, key.ID)
	}
	wantList(t, "keys", kids, "a", "0", "1", "2")
	if keys := l.fsm.View().SigningKeys(directory.KeyClientAssertion); len(keys) != 1 || keys[0].ID != "other" {
		t.Errorf("%d keys for assertions", len(keys))
	}
}
