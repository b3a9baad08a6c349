package fsm

import (
	"fmt"
	"reflect"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

const (
	anHour  = directory.Time(3600 * 1_000_000)
	aMinute = anHour / 60
)

const anIssuer = "https://idp.example"

// offered is a provider's document as a door offers it that sees what is kept now.
func (l *ledger) offered(document directory.ProviderDocument, text string, at directory.Time) *command.PutProvider {
	put := &command.PutProvider{Issuer: anIssuer, Document: document, Text: text, Fetched: at}
	if p, ok := l.fsm.View().Provider(anIssuer); ok {
		put.Seen = p.Copy(document).Hash()
	}
	return put
}

func TestPutProvider(t *testing.T) {
	const metadata, keys = directory.ProviderMetadata, directory.ProviderKeys
	l := newLedger(t).acme(0).raised()
	for _, c := range []struct {
		name     string
		document directory.ProviderDocument
		text     string
		at       directory.Time
		want     string // what is kept, with its age in minutes
	}{
		{"nothing yet", metadata, "", dawn - 9*aMinute, ""},
		{"first", metadata, "m", dawn - 9*aMinute, "m 9"},
		{"the other document", keys, "k", dawn - 9*aMinute, "m 9 k 9"},
		{"same keys, soon after", keys, "", dawn, "m 9 k 9"},
		{"the same text, soon after", keys, "k", dawn, "m 9 k 9"},
		{"other keys", keys, "k2", dawn - aMinute, "m 9 k2 1"},
		{"older keys", keys, "k3", dawn - 2*aMinute, "m 9 k2 1"},
		{"as old", metadata, "old", dawn - 9*aMinute, "m 9 k2 1"},
		{"from the future", metadata, "m2", dawn + anHour, "m2 0 k2 1"},
	} {
		before := l.fsm.View().Seq()
		r := l.do("", l.offered(c.document, c.text, c.at))
		if got := l.keptAges(); got != c.want {
			t.Errorf("%s: %q is kept, want %q", c.name, got, c.want)
		}
		if p, ok := l.fsm.View().Provider(anIssuer); ok && (r.Changed != (p.Version > before) || r.Version != p.Version) {
			t.Errorf("%s: %+v of version %d", c.name, r, p.Version)
		}
		l.sound()
	}
	l.now += 10 * aMinute
	l.do("", l.offered(keys, "", l.now-aMinute))
	l.do("", l.offered(metadata, "", l.now))
	if got := l.keptAges(); got != "m2 10 k2 1" {
		t.Errorf("ten minutes later %q is kept", got)
	}
	l.now += anHour
	short := l.offered(metadata, "", l.now)
	short.Life = 4 * aMinute
	l.do("", short)
	l.now += 2 * aMinute
	l.do("", l.offered(metadata, "", l.now))
	if p, _ := l.fsm.View().Provider(anIssuer); l.keptAges() != "m2 0 k2 63" || p.Metadata.Life != 0 {
		t.Errorf("what lives for a moment is noted each time: %q, %+v", l.keptAges(), p.Metadata)
	}
}

// keptAges is what is kept, and how many minutes old.
func (l *ledger) keptAges() (text string) {
	p, ok := l.fsm.View().Provider(anIssuer)
	if !ok {
		return ""
	}
	for _, kept := range []directory.ProviderCopy{p.Metadata, p.Keys} {
		if kept.Text != "" {
			text += fmt.Sprint(kept.Text, " ", (l.now-kept.Fetched)/aMinute, " ")
		}
	}
	return text[:len(text)-1]
}

func TestPutProvider_refuses(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	l.do("", l.offered(directory.ProviderKeys, "k", dawn-1))
	for name, c := range map[string]struct {
		change func(*command.PutProvider)
		want   directory.Kind
	}{
		"no issuer":        {func(p *command.PutProvider) { p.Issuer = "" }, directory.KindInvalid},
		"long issuer":      {func(p *command.PutProvider) { p.Issuer = string(make([]byte, directory.MaxIssuer+1)) }, directory.KindInvalid},
		"another document": {func(p *command.PutProvider) { p.Document = 3 }, directory.KindInvalid},
		"large":            {func(p *command.PutProvider) { p.Text = string(make([]byte, directory.MaxProviderDocument+1)) }, directory.KindTooLarge},
		"lives too long":   {func(p *command.PutProvider) { p.Life = directory.MaxProviderLife + 1 }, directory.KindInvalid},
		"lives backwards":  {func(p *command.PutProvider) { p.Life = -1 }, directory.KindInvalid},
		"many moves":       {func(p *command.PutProvider) { p.Moves = make([]directory.ProviderMove, 11) }, directory.KindTooLarge},
		"nothing moves":    {func(p *command.PutProvider) { p.Moves = make([]directory.ProviderMove, 1) }, directory.KindTooLarge},
		"saw nothing":      {func(p *command.PutProvider) { p.Seen = directory.Hash{} }, directory.KindStale},
		"saw another":      {func(p *command.PutProvider) { p.Seen[0]++ }, directory.KindStale},
		"confirms another": {func(p *command.PutProvider) { p.Seen[0]++; p.Text = "" }, directory.KindStale},
	} {
		t.Run(name, func(t *testing.T) {
			put := l.offered(directory.ProviderKeys, "k2", dawn)
			c.change(put)
			l.refuse("", put, c.want)
		})
	}
	if got := l.keptAges(); got != "k 0" {
		t.Errorf("%q is kept", got)
	}
}

// A move is told once, whichever nodes saw it, and the newest ten stay.
func TestPutProvider_moves(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	put := func(text, from, to string) *command.PutProvider {
		l.now += aMinute
		p := l.offered(directory.ProviderMetadata, text, l.now)
		p.Moves = []directory.ProviderMove{{Endpoint: "jwks_uri", From: from, To: to, At: 7}}
		return p
	}
	l.do("", l.offered(directory.ProviderMetadata, "0", l.now))
	first, late := put("1", "a", "b"), put("1", "a", "b")
	l.do("", first)
	l.refuse("", late, directory.KindStale)
	late.Seen = (&directory.ProviderCopy{Text: "1"}).Hash()
	l.do("", late) // as a door that looks again does, except that it would tell of no move
	p, _ := l.fsm.View().Provider(anIssuer)
	want := []directory.ProviderMove{{Endpoint: "jwks_uri", From: "a", To: "b", At: l.now - aMinute}}
	if !reflect.DeepEqual(p.Moves, want) {
		t.Errorf("moves %+v", p.Moves)
	}
	for i := range 12 {
		l.do("", put(fmt.Sprint("text", i), fmt.Sprint(i), fmt.Sprint(i+1)))
	}
	p, _ = l.fsm.View().Provider(anIssuer)
	if len(p.Moves) != directory.MaxProviderMoves || p.Moves[0].From != "2" || p.Moves[9].To != "12" || p.Moves[9].At != l.now {
		t.Errorf("moves %+v", p.Moves)
	}
	l.do("", l.offered(directory.ProviderKeys, "k", l.now))
	if again, _ := l.fsm.View().Provider(anIssuer); !reflect.DeepEqual(again.Moves, p.Moves) {
		t.Errorf("keys change the moves: %+v", again.Moves)
	}
	l.sound()
}

// Over the bound the issuers that no connection names go; where all are named a further one is refused.
func TestPutProvider_bounded(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	put := func(issuer string) *command.PutProvider {
		return &command.PutProvider{Issuer: issuer, Document: directory.ProviderKeys, Text: "k", Fetched: dawn}
	}
	l.do("", put(anIssuer))
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
	l.do("", l.offered(directory.ProviderMetadata, "m", dawn))
}
