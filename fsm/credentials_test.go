package fsm

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

func passkey(email string, n int) *command.PutPasskey {
	return &command.PutPasskey{Email: email, Handle: "handle-" + email, Passkey: directory.Passkey{
		ID: fmt.Sprint("key-", n), PublicKey: "cose", SignCount: 3, Flags: 0x45, AAGUID: "0123456789abcdef", Name: "laptop",
	}}
}

func TestPutPasskey(t *testing.T) {
	l := second(t, 0)
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	r := l.do("acme", passkey("a@acme.example", 0))
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
		"no handle": func(p *command.PutPasskey) directory.Kind {
			p.Email, p.Handle = "b@acme.example", ""
			return directory.KindInvalid
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, org := range []directory.OrganizationID{"acme", "other"} {
				p := passkey("a@acme.example", 1)
				want := change(p)
				if org == "other" && p.Handle == "handle-a@acme.example" {
					want = directory.KindConflict // the handle is taken, unless it is something worse
					if p.Email == "acme.example" || p.Email == "@acme.example" || passkeyFits(p) != nil {
						want = directory.KindInvalid
					}
				}
				l.refuse(org, p, want)
			}
		})
	}
	for n := 1; n < directory.MaxPasskeys; n++ {
		l.do("acme", passkey("a@acme.example", n))
	}
	l.refuse("acme", passkey("a@acme.example", 99), directory.KindTooLarge)
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
	l.do("acme", passkey("a@acme.example", 0))
	l.do("acme", passkey("a@acme.example", 1))
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
	l.do("acme", passkey("a@acme.example", 0))
	l.sound()
}

func TestPutRecovery(t *testing.T) {
	l := second(t, 0)
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
	if r := l.do("acme", put("a@acme.example", nil)); r.Changed {
		t.Error("no codes for nobody changed something")
	}
	first := l.do("acme", put("a@acme.example", codes(1, 2)))
	if r := l.do("acme", put("a@acme.example", codes(1, 2))); r.Changed || r.Version != first.Version {
		t.Errorf("the same codes again: %+v", r)
	}
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

func TestCountAttempt(t *testing.T) {
	l := second(t, 0)
	count := func(key, limit int, expires directory.Time) *command.CountAttempt {
		return &command.CountAttempt{Key: number(key), Limit: limit, Expires: expires}
	}
	end := l.now + 60_000_000
	for name, p := range map[string]*command.CountAttempt{
		"no limit": count(0, 0, end), "large limit": count(0, directory.MaxAttemptLimit+1, end),
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
