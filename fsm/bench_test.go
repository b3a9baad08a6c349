package fsm

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// document is the attribute text of a benchmark user, so that its record's bytes are about 1 KB.
var document = strings.Repeat("x", 850)

func bigUser(i int) *command.CreateUser {
	id := fmt.Sprintf("2819c223-7f76-453a-919d-%012d", i)
	name := fmt.Sprintf("firstname.lastname.%d@customer.example", i)
	return &command.CreateUser{ID: directory.ResourceID(id), Source: directory.SourceSCIM, UserFields: command.UserFields{
		Active: true, UserName: name, UserNameKey: name, ExternalID: "00u" + id[24:], DisplayName: "Firstname Lastname",
		Emails: []string{name}, Attributes: document,
	}}
}

// benchEntries makes n commands in entries of size commands, 100 µs apart.
func (l *ledger) benchEntries(n, size int, payload func(i int) command.Payload) [][]byte {
	var entries [][]byte
	for i := 0; i < n; i += size {
		var commands []command.Command
		l.now += 100
		for j := i; j < min(n, i+size); j++ {
			c := l.command("organization-00000000-0000-0000-0000", payload(j))
			c.Actor = "token:2819c223-7f76-453a-919d-413861904646"
			commands = append(commands, c)
		}
		entries = append(entries, l.encode(commands...))
	}
	return entries
}

func newBench(b *testing.B, users int) *ledger {
	l := newLedger(b)
	l.now = dawn
	l.do("organization-00000000-0000-0000-0000", &command.CreateOrganization{})
	l.feed(l.benchEntries(users, 64, func(i int) command.Payload { return bigUser(i) }))
	return l
}

func (l *ledger) feed(entries [][]byte) {
	for _, data := range entries {
		apply(l, l.fsm, l.index, data)
	}
}

func BenchmarkApplyBatch(b *testing.B) {
	replace := func(i int) command.Payload {
		u := bigUser(i % 10_000)
		u.Active = i/10_000%2 == 1
		return &command.ReplaceUser{ID: u.ID, UserFields: u.UserFields}
	}
	for name, c := range map[string]struct {
		users, size int
		payload     func(i int) command.Payload
	}{
		"create/1":   {0, 1, func(i int) command.Payload { return bigUser(i) }},
		"create/64":  {0, 64, func(i int) command.Payload { return bigUser(i) }},
		"replace/1":  {10_000, 1, replace},
		"replace/64": {10_000, 64, replace},
	} {
		b.Run(name, func(b *testing.B) {
			l := newBench(b, c.users)
			entries := l.benchEntries(b.N, c.size, c.payload)
			b.ReportAllocs()
			b.ResetTimer()
			l.feed(entries)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
		})
	}
}

func BenchmarkAddMember(b *testing.B) {
	for _, size := range []int{10, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l := newBench(b, size+1)
			members := make([]directory.ResourceID, size)
			for i := range members {
				members[i] = bigUser(i).ID
			}
			group := &command.CreateGroup{ID: "group", Source: directory.SourceSCIM, GroupFields: command.GroupFields{Attributes: document}, Members: members}
			l.feed(l.benchEntries(1, 1, func(int) command.Payload { return group }))
			last := []directory.ResourceID{bigUser(size).ID}
			entries := l.benchEntries(b.N, 1, func(i int) command.Payload {
				update := &command.UpdateGroup{ID: "group", Mode: command.MembersDelta, Add: last}
				if i%2 == 1 {
					update.Add, update.Remove = nil, last
				}
				return update
			})
			b.ReportAllocs()
			b.ResetTimer()
			l.feed(entries)
		})
	}
}

func BenchmarkDigest(b *testing.B) {
	l := newBench(b, 100_000)
	view := l.fsm.View()
	for b.Loop() {
		view.Digest()
	}
}

// BenchmarkHeap reports what one user costs in memory, its 1 KB of texts included: as applied, after every user was replaced
// once, and after a restore.
func BenchmarkHeap(b *testing.B) {
	for name, prepare := range map[string]func(l *ledger) *FSM{
		"created": func(l *ledger) *FSM { return l.fsm },
		"replaced": func(l *ledger) *FSM {
			l.inChunks(func(i int) command.Payload {
				u := bigUser(i)
				u.Active = false
				return &command.ReplaceUser{ID: u.ID, UserFields: u.UserFields}
			})
			return l.fsm
		},
		"restored": func(l *ledger) *FSM { return reborn(b, l.fsm) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				l := newBench(b, 0)
				l.inChunks(func(i int) command.Payload { return bigUser(i) })
				f := prepare(l)
				l.fsm = nil
				b.ReportMetric(float64(heap()-before)/heapUsers, "B/user")
				runtime.KeepAlive(f)
			}
		})
	}
}

const heapUsers = 100_000

// inChunks feeds one command per user, with pauses in which the remembered results go.
func (l *ledger) inChunks(payload func(i int) command.Payload) {
	for i := 0; i < heapUsers; i += 1000 {
		l.feed(l.benchEntries(1000, 64, func(j int) command.Payload { return payload(i + j) }))
		l.now += 2 * maxDeadline
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// benchSessions signs n users in through one connection of an organization that has nothing else, under level 2.
func benchSessions(b *testing.B, n int) *ledger {
	const org = "organization-00000000-0000-0000-0000"
	l := newLedger(b)
	l.do("", &command.RaiseLevel{Level: 2})
	l.do(org, &command.CreateOrganization{})
	connection := l.do(org, &command.PutConnection{ID: "connection", Issuer: "https://idp.example", ClientID: "client", Enabled: true})
	l.feed(l.benchEntries(n, 64, func(i int) command.Payload { return bigUser(i) }))
	l.feed(l.benchEntries(n, 64, func(i int) command.Payload {
		u := bigUser(i)
		return &command.OpenSession{
			ID: directory.SessionID(fmt.Sprintf("61bbc4c8-7f76-453a-919d-%012d", i)), Hash: benchHash(i), User: u.ID, Connection: "connection",
			ConnectionVersion: connection.Version, Transaction: benchHash(n + i), TransactionExpiry: l.now + 600_000_000,
			Lifetime: int64(directory.DefaultSessionLifetime), Issuer: "https://idp.example", Subject: u.ExternalID,
			SessionDetails: command.SessionDetails{Idle: 3600_000_000, Methods: []string{"pwd", "mfa"}, Agent: "Firefox on Linux", Address: "192.0.2.7"},
			ProviderSID:    fmt.Sprintf("7f76-453a-%012d", i),
		}
	}))
	if got := l.fsm.View().Sessions(); got != n {
		b.Fatalf("%d sessions, want %d", got, n)
	}
	return l
}

// benchHash spreads as hashes do.
func benchHash(i int) (hash directory.Hash) {
	binary.BigEndian.PutUint64(hash[:], uint64(i)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(hash[8:], uint64(i))
	return hash
}

// BenchmarkEndSessions ends the sessions of 100,000 people in one command, on a copy of the ledger each time.
func BenchmarkEndSessions(b *testing.B) {
	const size = 100_000
	l := benchSessions(b, size)
	subject := bigUser(size / 2).ExternalID
	for name, end := range map[string]*command.EndSessions{
		"all":        {All: true},
		"connection": {Connection: "connection"},
		"subject":    {Connection: "connection", Subject: subject},
		"sid":        {Connection: "connection", ProviderSID: fmt.Sprintf("7f76-453a-%012d", size/2)},
	} {
		b.Run(name, func(b *testing.B) {
			view := l.fsm.View()
			c := l.command("organization-00000000-0000-0000-0000", end)
			b.ReportAllocs()
			for b.Loop() {
				if r, _ := Rehearse(view, c); !r.Changed {
					b.Fatalf("result %+v", r)
				}
			}
		})
	}
}

// BenchmarkSession is what every request of a signed-in person costs: the look-up and the judgement of its age.
func BenchmarkSession(b *testing.B) {
	for _, size := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l := benchSessions(b, size)
			view, now := l.fsm.View(), l.now
			hashes := make([]directory.Hash, size)
			for i := range hashes {
				hashes[i] = benchHash(i * 7919 % size)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if session, ok := view.Session(hashes[i%size]); !ok || session.Expired(now) {
					b.Fatal("no session")
				}
				i++
			}
		})
	}
}
