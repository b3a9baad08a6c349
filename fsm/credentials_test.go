package fsm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

func (l *ledger) passkey(email string, n int) *command.PutPasskey {
	return &command.PutPasskey{Email: email, Handle: "handle-" + email, Passkey: directory.Passkey{
		ID: fmt.Sprint("key-", n), PublicKey: "cose", SignCount: 3, Flags: 0x45, AAGUID: "0123456789abcdef", Name: "laptop",
	}}
}

func TestPutPasskey(t *testing.T) {
	l := second(t, 0)
	l.invite("a", "a@acme.example")
	l.invite("b", "b@acme.example")
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other", RootEmail: "a@acme.example"}})
	r := l.do("acme", l.passkey("a@acme.example", 0))
	c, _ := l.directory("acme").Credentials("a@acme.example")
	if c.Handle != "handle-a@acme.example" || c.Version != r.Seq || c.Created != l.now || c.Passkeys[0].Created != l.now || c.Organization != "acme" {
		t.Errorf("credentials %+v", c)
	}
	for name, change := range map[string]func(*command.PutPasskey) directory.Kind{
		"registered already": func(p *command.PutPasskey) directory.Kind { p.ID = "key-0"; return directory.KindConflict },
		"registered elsewhere": func(p *command.PutPasskey) directory.Kind {
			p.ID, p.Email = "key-0", "b@acme.example"
			return directory.KindConflict
		},
		"handle of another": func(p *command.PutPasskey) directory.Kind {
			p.Email, p.Handle = "b@acme.example", "handle-a@acme.example"
			return directory.KindConflict
		},
		"no id": func(p *command.PutPasskey) directory.Kind { p.ID = ""; return directory.KindInvalid },
		"long id": func(p *command.PutPasskey) directory.Kind {
			p.ID = strings.Repeat("x", 1024)
			return directory.KindInvalid
		},
		"no key": func(p *command.PutPasskey) directory.Kind { p.PublicKey = ""; return directory.KindInvalid },
		"long key": func(p *command.PutPasskey) directory.Kind {
			p.PublicKey = strings.Repeat("x", 1025)
			return directory.KindInvalid
		},
		"long name": func(p *command.PutPasskey) directory.Kind {
			p.Name = strings.Repeat("x", 101)
			return directory.KindInvalid
		},
		"long model":    func(p *command.PutPasskey) directory.Kind { p.AAGUID += "x"; return directory.KindInvalid },
		"no address":    func(p *command.PutPasskey) directory.Kind { p.Email = "acme.example"; return directory.KindInvalid },
		"no local part": func(p *command.PutPasskey) directory.Kind { p.Email = "@acme.example"; return directory.KindInvalid },
		"nobody": func(p *command.PutPasskey) directory.Kind {
			p.Email = "eve@acme.example"
			return directory.KindForbidden
		},
		"no handle": func(p *command.PutPasskey) directory.Kind {
			p.Email, p.Handle = "b@acme.example", ""
			return directory.KindInvalid
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := l.passkey("a@acme.example", 1)
			want := change(p)
			l.refuse("acme", p, want)
		})
	}
	elsewhere := l.passkey("a@acme.example", 1)
	l.refuse("other", elsewhere, directory.KindConflict) // the handle
	elsewhere.Handle, elsewhere.ID = "handle-other", "key-0"
	l.refuse("other", elsewhere, directory.KindConflict) // the passkey
	for n := 1; n < directory.MaxPasskeys; n++ {
		l.do("acme", l.passkey("a@acme.example", n))
	}
	l.refuse("acme", l.passkey("a@acme.example", 99), directory.KindTooLarge)
	if found, ok := l.fsm.View().CredentialsByPasskey("key-9"); !ok || found.Email != "a@acme.example" || found.Created != c.Created {
		t.Errorf("by passkey: %+v", found)
	}
	if got := strings.Count(l.errands(directory.ErrandCredentials), "acme  a@acme.example passkey added"); got != directory.MaxPasskeys {
		t.Errorf("%d errands", got)
	}
	l.sound()
}

// Credentials that are empty are gone, and their handle and address are free.
func TestCredentials_emptied(t *testing.T) {
	l := second(t, 0)
	l.invite("a", "a@acme.example")
	l.do("acme", l.passkey("a@acme.example", 0))
	l.do("acme", l.passkey("a@acme.example", 1))
	missing := &command.DeletePasskey{Email: "a@acme.example", ID: "key-2"}
	l.refuse("acme", missing, directory.KindNotFound)
	l.refuse("acme", &command.DeletePasskey{Email: "b@acme.example", ID: "key-0"}, directory.KindNotFound)
	l.refuse("nowhere", missing, directory.KindNotFound)
	l.do("acme", &command.DeletePasskey{Email: "a@acme.example", ID: "key-0"})
	if c, ok := l.directory("acme").Credentials("a@acme.example"); !ok || len(c.Passkeys) != 1 || c.Passkeys[0].ID != "key-1" {
		t.Errorf("credentials %+v", c)
	}
	l.do("acme", &command.DeletePasskey{Email: "a@acme.example", ID: "key-1"})
	if _, ok := l.directory("acme").Credentials("a@acme.example"); ok {
		t.Error("empty credentials are still there")
	}
	if _, ok := l.fsm.View().CredentialsByHandle("handle-a@acme.example"); ok {
		t.Error("the handle still finds somebody")
	}
	l.do("acme", l.passkey("a@acme.example", 0))
	l.sound()
}

func TestPutRecovery(t *testing.T) {
	l := second(t, 0)
	l.invite("a", "a@acme.example")
	l.invite("b", "b@acme.example")
	codes := func(numbers ...int) (hashes []directory.Hash) {
		for _, n := range numbers {
			hashes = append(hashes, number(n))
		}
		return hashes
	}
	put := func(address string, hashes []directory.Hash) *command.PutRecovery {
		return &command.PutRecovery{Email: address, Handle: "handle-" + address, Hashes: hashes}
	}
	l.refuse("nowhere", put("a@acme.example", nil), directory.KindNotFound)
	l.do("acme", put("a@acme.example", codes(1, 2)))
	l.refuse("acme", put("b@acme.example", codes(3, 2)), directory.KindConflict)
	l.refuse("acme", put("b@acme.example", codes(3, 3)), directory.KindInvalid)
	l.refuse("acme", put("b@acme.example", make([]directory.Hash, 1)), directory.KindInvalid)
	l.refuse("acme", put("b@acme.example", make([]directory.Hash, directory.MaxRecoveryCodes+1)), directory.KindTooLarge)
	l.do("acme", put("a@acme.example", codes(2, 4)))
	for n, want := range map[int]bool{1: false, 2: true, 4: true} {
		if _, ok := l.fsm.View().CredentialsByRecovery(number(n)); ok != want {
			t.Errorf("code %d finds somebody: %v", n, ok)
		}
	}
	l.sound()
	l.do("acme", put("a@acme.example", nil))
	if _, ok := l.directory("acme").Credentials("a@acme.example"); ok {
		t.Error("credentials without codes and passkeys are still there")
	}
	l.do("acme", put("a@acme.example", codes(5)))
	l.do("acme", &command.DeleteOrganization{})
	if _, ok := l.fsm.View().CredentialsByRecovery(number(5)); ok {
		t.Error("a code survived its organization")
	}
	if got := l.errands(directory.ErrandCredentials); got != "" {
		t.Errorf("errands of a deleted organization: %q", got)
	}
	l.sound()
}

// Whoever is nothing to an organization has no credentials there, and whoever gets the address next gets none either.
func TestCredentials_goWithStanding(t *testing.T) {
	fields := func(root string, glass ...string) *command.UpdateOrganization {
		return &command.UpdateOrganization{OrganizationFields: command.OrganizationFields{
			Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, Profile: directory.ProfileInterop, RootEmail: root, BreakGlass: glass,
		}}
	}
	named := func(address string) command.UserFields {
		return command.UserFields{Active: true, UserName: address, UserNameKey: address, Attributes: "{}", Emails: []string{"mail-" + address}}
	}
	const root, address = "root@acme.example", "a@acme.example"
	for name, c := range map[string]struct {
		before, leaves, back []command.Payload
		stays                bool
	}{
		"invited person deleted": {
			nil, []command.Payload{&command.DeleteUser{ID: "a"}}, []command.Payload{&command.RestoreUser{ID: "a"}}, false,
		},
		"invited person renamed": {
			nil, []command.Payload{&command.ReplaceUser{ID: "a", UserFields: named("b@acme.example")}},
			[]command.Payload{&command.ReplaceUser{ID: "a", UserFields: named(address)}}, false,
		},
		"all renamed": {
			[]command.Payload{&command.ReplaceUser{ID: "a", UserFields: named(address)}},
			[]command.Payload{&command.RenameUsers{}}, []command.Payload{&command.ReplaceUser{ID: "a", UserFields: named(address)}}, false,
		},
		"handed to the provider": {
			nil, []command.Payload{&command.ConvertUsers{IDs: []directory.ResourceID{"a"}, To: directory.SourceSCIM}},
			[]command.Payload{&command.ConvertUsers{IDs: []directory.ResourceID{"a"}, To: directory.SourceInvited}}, false,
		},
		"name passed on": {
			[]command.Payload{
				&command.ReplaceUser{ID: "a", UserFields: named(address)},
				&command.CreateUser{ID: "b", Source: directory.SourceInvited, UserFields: command.UserFields{
					Active: true, UserName: "b@acme.example", UserNameKey: "b@acme.example", Attributes: "{}", Emails: []string{address},
				}},
			},
			[]command.Payload{&command.RenameUsers{}}, nil, false,
		},
		"break-glass address that became another's": {
			[]command.Payload{fields(root, address)},
			[]command.Payload{
				&command.DeleteUser{ID: "a"},
				&command.CreateUser{ID: "b", Source: directory.SourceInvited, UserFields: named(address)},
			},
			[]command.Payload{fields(root)}, false,
		},
		"deactivated": {
			nil, []command.Payload{&command.ReplaceUser{ID: "a", UserFields: command.UserFields{UserName: address, UserNameKey: address, Attributes: "{}"}}},
			nil, true,
		},
		"break-glass address left the list": {
			[]command.Payload{&command.DeleteUser{ID: "a"}, fields(root, address)},
			[]command.Payload{fields(root)}, []command.Payload{fields(root, address)}, false,
		},
		"another root user": {
			[]command.Payload{&command.DeleteUser{ID: "a"}, fields(address)},
			[]command.Payload{fields(root)}, []command.Payload{fields(address)}, false,
		},
		"root user became a break-glass address": {
			[]command.Payload{&command.DeleteUser{ID: "a"}, fields(address)}, []command.Payload{fields(root, address)}, nil, true,
		},
		"invited person is a break-glass address too": {
			[]command.Payload{fields(root, address)}, []command.Payload{&command.DeleteUser{ID: "a"}}, nil, true,
		},
		"deleted by an owner": {
			nil, []command.Payload{&command.DeleteCredentials{Email: address}}, nil, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := second(t, 0)
			l.invite("a", address)
			for _, p := range c.before {
				l.do("acme", p)
			}
			l.do("acme", l.passkey(address, 0))
			l.do("acme", &command.PutRecovery{
				Email: address, Hashes: []directory.Hash{number(500)},
			})
			for _, p := range slices.Concat(c.leaves, c.back) {
				l.do("acme", p)
				l.sound()
			}
			_, held := l.directory("acme").Credentials(address)
			_, key := l.fsm.View().CredentialsByPasskey("key-0")
			_, code := l.fsm.View().CredentialsByRecovery(number(500))
			_, handle := l.fsm.View().CredentialsByHandle("handle-" + address)
			if held != c.stays || key != c.stays || code != c.stays || handle != c.stays {
				t.Errorf("credentials are there: %v, by passkey %v, by code %v, by handle %v; want %v", held, key, code, handle, c.stays)
			}
		})
	}
}

// What an address opened ends with its credentials; what others opened stays.
func TestDeleteCredentials_endsSessions(t *testing.T) {
	l := second(t, 0)
	l.do("acme", &command.UpdateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, Profile: directory.ProfileInterop, RootEmail: "root@acme.example",
		BreakGlass: []string{"one@acme.example", "two@acme.example"},
	}})
	l.invite("a", "a@acme.example")
	addresses := []string{"root@acme.example", "one@acme.example", "two@acme.example", "a@acme.example"}
	for n, address := range addresses {
		l.do("acme", l.passkey(address, n))
		p := l.local(n, address)
		if address == "a@acme.example" {
			p.User = "a"
		}
		l.do("acme", p)
	}
	for n, address := range addresses {
		l.do("acme", &command.DeleteCredentials{Email: address})
		for m := range addresses {
			if _, ok := l.fsm.View().Session(number(m)); ok != (m > n) {
				t.Errorf("after %s: the session of %s is there: %v", address, addresses[m], ok)
			}
		}
	}
	l.refuse("acme", &command.DeleteCredentials{Email: addresses[0]}, directory.KindNotFound)
	l.refuse("nowhere", &command.DeleteCredentials{Email: addresses[0]}, directory.KindNotFound)
	l.sound()
}

func TestCountAttempt(t *testing.T) {
	l := second(t, 0)
	count := func(key, limit int, expires directory.Time) *command.CountAttempt {
		return &command.CountAttempt{Counts: []command.AttemptCount{{Key: number(key), Limit: limit}}, Expires: expires}
	}
	end := l.now + 60_000_000
	twice := count(0, 3, end)
	twice.Counts = append(twice.Counts, twice.Counts[0])
	for name, p := range map[string]*command.CountAttempt{
		"no key": {Expires: end}, "many keys": {Counts: make([]command.AttemptCount, directory.MaxAttemptCounts+1), Expires: end},
		"one key twice": twice, "no limit": count(0, 0, end), "large limit": count(0, directory.MaxAttemptLimit+1, end),
		"past": count(0, 3, l.now), "far": count(0, 3, l.now+directory.MaxAttemptLife+1),
	} {
		t.Run(name, func(t *testing.T) { l.refuse("", p, directory.KindInvalid) })
	}
	for range 3 {
		l.do("nowhere", count(0, 3, end))
	}
	l.refuse("", count(0, 3, end+1), directory.KindTooLarge)
	if a, _ := l.fsm.View().Attempt(number(0)); a.Tries != 3 || a.Expires != end {
		t.Errorf("attempt %+v", a)
	}
	both := count(1, 3, end)
	both.Counts = append(both.Counts, command.AttemptCount{Key: number(0), Limit: 3})
	l.refuse("", both, directory.KindTooLarge)
	if _, ok := l.fsm.View().Attempt(number(1)); ok {
		t.Error("a refused try counted for one of its keys")
	}
	l.do("", count(0, 4, end)) // another door may allow more
	l.do("", count(1, 3, end))
	l.sound()
	l.now = end
	l.do("", count(0, 3, end+1000))
	if a, ok := l.fsm.View().Attempt(number(0)); !ok || a.Tries != 1 || a.Expires != end+1000 {
		t.Errorf("the count does not begin anew: %+v", a)
	}
	if _, ok := l.fsm.View().Attempt(number(1)); ok {
		t.Error("an expired count is still there")
	}
	l.sound()
}

// A stranger's try is judged like others and leaves no trace.
func TestCountAttempt_void(t *testing.T) {
	l := second(t, 0)
	p := &command.CountAttempt{Counts: []command.AttemptCount{{Key: number(0), Limit: 1}}, Expires: l.now + 60_000_000, Void: true}
	for range 3 {
		if r := l.do("", p); r.Changed {
			t.Errorf("result %+v", r)
		}
	}
	if n := l.fsm.View().AttemptCount(); n != 0 {
		t.Errorf("%d keys are counted", n)
	}
	p.Counts[0].Limit = 0
	l.refuse("", p, directory.KindInvalid)
}

func TestCountAttempt_bounded(t *testing.T) {
	l := second(t, 0)
	end, next := l.now+60_000_000, 0
	for l.fsm.View().AttemptCount() < directory.MaxAttempts {
		var commands []command.Command
		for range 250 {
			var counts []command.AttemptCount
			for range directory.MaxAttemptCounts {
				counts = append(counts, command.AttemptCount{Key: number(next), Limit: 5})
				next++
			}
			commands = append(commands, l.command("", &command.CountAttempt{Counts: counts, Expires: end}))
		}
		for _, r := range l.send(commands...) {
			if r.Error != nil {
				t.Fatal(r.Error)
			}
		}
	}
	one := func(key int) *command.CountAttempt {
		return &command.CountAttempt{Counts: []command.AttemptCount{{Key: number(key), Limit: 5}}, Expires: end}
	}
	l.refuse("", one(next), directory.KindTooLarge)
	l.do("", one(0))
	l.sound()
}

func TestPutSetupLink(t *testing.T) {
	const address = "a@acme.example"
	l := second(t, 0)
	l.invite("a", address)
	link := func(n int) *command.PutSetupLink {
		return &command.PutSetupLink{Email: address, Handle: "handle-" + address, Hash: number(n), Expires: l.now + 60_000_000}
	}
	for name, c := range map[string]struct {
		change func(*command.PutSetupLink)
		want   directory.Kind
	}{
		"stranger":  {func(p *command.PutSetupLink) { p.Email = "eve@acme.example" }, directory.KindForbidden},
		"no hash":   {func(p *command.PutSetupLink) { p.Hash = directory.Hash{} }, directory.KindInvalid},
		"past":      {func(p *command.PutSetupLink) { p.Expires = l.now }, directory.KindInvalid},
		"far":       {func(p *command.PutSetupLink) { p.Expires = l.now + directory.MaxLinkLife + 1 }, directory.KindInvalid},
		"no handle": {func(p *command.PutSetupLink) { p.Handle = "" }, directory.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			p := link(1)
			c.change(p)
			l.refuse("acme", p, c.want)
		})
	}
	l.refuse("nowhere", link(1), directory.KindNotFound)
	by := func(n, link, next int) *command.PutPasskey {
		p := l.passkey(address, n)
		if link > 0 {
			p.Link = number(link)
		}
		if next > 0 {
			p.Next = number(next)
		}
		return p
	}
	for n := range directory.MaxSetupLinks + 1 {
		l.do("acme", link(600+n))
	}
	l.refuse("acme", by(0, 600, 3), directory.KindStale) // newer ones push out the oldest
	l.do("acme", by(0, 601, 3))
	l.refuse("acme", by(1, 601, 4), directory.KindStale) // once
	l.refuse("acme", by(1, 602, 4), directory.KindStale) // the one that is used voids the others
	l.do("acme", &command.PutRecovery{
		Setup: command.Setup{Link: number(3), Next: number(4)}, Email: address, Hashes: []directory.Hash{number(500)},
	})
	l.now += 60_000_000
	l.refuse("acme", by(1, 4, 5), directory.KindStale) // the next ones end with the first
	l.do("acme", link(6))
	l.do("acme", by(1, 0, 7)) // somebody who is signed in
	l.refuse("acme", by(2, 6, 0), directory.KindStale)
	l.refuse("acme", by(2, 7, 0), directory.KindStale)
	l.do("acme", link(8))
	l.do("acme", &command.DeletePasskey{Email: address, ID: "key-0"})
	l.refuse("acme", by(2, 8, 0), directory.KindStale)
	l.do("acme", link(9))
	l.do("acme", &command.DeleteCredentials{Email: address})
	if _, ok := l.directory("acme").Credentials(address); ok {
		t.Error("there still are credentials")
	}
	l.refuse("acme", by(2, 9, 0), directory.KindStale)
	l.sound()
}
