package fsm

import (
	"fmt"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

const anHour = directory.Time(3600 * 1_000_000)

func TestPutProvider(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	put := func(metadata string, fetched directory.Time, keys string, keysFetched directory.Time) command.Result {
		return l.do("", &command.PutProvider{
			Issuer: "https://idp.example", Metadata: metadata, Keys: keys, Fetched: fetched, KeysFetched: keysFetched,
		})
	}
	for _, c := range []struct {
		name    string
		result  command.Result
		changed bool
	}{
		{"first", put("m", dawn-9, "k", dawn-8), true},
		{"same, soon after", put("m", dawn-1, "k", dawn-1), false},
		{"other keys", put("m", dawn-1, "k2", dawn-1), true},
		{"older", put("old", dawn-20, "old", dawn-20), false},
		{"as old", put("old", dawn-9, "old", dawn-1), false},
		{"nothing said", put("", dawn, "", dawn), false},
		{"other metadata, from the future", put("m2", dawn+anHour, "", 0), true},
	} {
		if c.result.Changed != c.changed {
			t.Errorf("%s: changed %v", c.name, c.result.Changed)
		}
	}
	p, _ := l.fsm.View().Provider("https://idp.example")
	if got := fmt.Sprint(p.Metadata, p.Fetched-dawn, p.Keys, p.KeysFetched-dawn); got != "m20k2-1" {
		t.Errorf("provider %s", got)
	}
	l.now += anHour
	if r := put("m2", l.now-1, "k2", l.now-1); !r.Changed || r.Version != r.Seq {
		t.Errorf("the same an hour later: %+v", r)
	}
	p, _ = l.fsm.View().Provider("https://idp.example")
	if p.Fetched != dawn || p.KeysFetched != l.now-1 {
		t.Errorf("noted times %d and %d", p.Fetched-dawn, p.KeysFetched-dawn)
	}
	large := &command.PutProvider{Issuer: "https://idp.example", Keys: string(make([]byte, directory.MaxProviderDocument+1)), KeysFetched: l.now}
	l.refuse("", large, directory.KindTooLarge)
	l.refuse("", &command.PutProvider{Metadata: "m", Fetched: 1}, directory.KindInvalid)
	l.refuse("", &command.PutProvider{Issuer: string(make([]byte, directory.MaxIssuer+1))}, directory.KindInvalid)
}

// Over the bound the issuers that no connection names go; where all are named a further one is refused.
func TestPutProvider_bounded(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	put := func(issuer string) *command.PutProvider {
		return &command.PutProvider{Issuer: issuer, Keys: "k", KeysFetched: dawn}
	}
	l.do("", put("https://idp.example"))
	for i := range directory.MaxProviders - 1 {
		l.do("", put(fmt.Sprint("https://", i)))
	}
	l.do("", put("https://last"))
	if n := l.fsm.View().ProviderCount(); n != 2 {
		t.Errorf("%d providers are kept, want the one of the connection and the last", n)
	}
	for i := range directory.MaxProviders - 1 {
		issuer := fmt.Sprint("https://", i)
		l.do("acme", &command.PutConnection{ID: directory.ConnectionID(issuer), Issuer: issuer, ClientID: "client"})
		l.do("", put(issuer))
	}
	l.refuse("", put("https://more"), directory.KindTooLarge)
	l.do("", &command.PutProvider{Issuer: "https://0", Keys: "k2", KeysFetched: dawn + 1, Fetched: dawn})
}
