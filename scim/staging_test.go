package scim_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/scim"
)

// populate adds users behind the engine's back, quickly, and gives their ids in order.
func (w *world) populate(t testing.TB, n int) []string {
	t.Helper()
	people := make([]string, n)
	var next atomic.Int64
	var done sync.WaitGroup
	for range 16 {
		done.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				id := directory.ResourceID(fmt.Sprintf("%036d", i))
				people[i] = string(id)
				name := fmt.Sprintf("u%d", i)
				w.ledger.Must(w.org, &command.CreateUser{ID: id, Source: directory.SourceSCIM, UserFields: command.UserFields{
					Active: true, UserName: name, UserNameKey: name, Attributes: user(name),
				}})
			}
		})
	}
	done.Wait()
	return people
}

func values(ids []string) string {
	return `[{"value":"` + strings.Join(ids, `"},{"value":"`) + `"}]`
}

// large is a change of members that one command does not hold.
const large = 2*directory.MaxStagedIDs + 1

// whole fails the test when a group is ever seen with some of the members of a change.
func (w *world) whole(t testing.TB, allowed ...int) {
	w.ledger.Before(func(command.Command) error {
		for g := range w.directory().AllGroups() {
			if n := w.directory().MembersUpTo(g.Number, 1<<30); !slices.Contains(allowed, n) {
				t.Errorf("the group has %d members in between", n)
			}
		}
		return nil
	})
}

// A large change takes effect as a whole, in one command that the sync log tells of.
func TestStaging(t *testing.T) {
	w := logged(t)
	people := w.populate(t, 2*large)
	w.whole(t)
	q := scim.Query{Excluded: []string{"members"}}
	r, err := w.Create(t.Context(), w.actor, scim.Groups, []byte(group("g", people[:large]...)), q)
	if err != nil {
		t.Fatal(err)
	}
	g := read(t, r).ID
	if got := w.members(t, g); !slices.Equal(got, people[:large]) {
		t.Fatalf("%d members", len(got))
	}
	w.whole(t, large)
	if _, err := w.Replace(t.Context(), w.actor, scim.Groups, g, []byte(group("h", people[large:]...)), q, scim.Conditions{}); err != nil {
		t.Fatal(err)
	}
	if got := w.members(t, g); !slices.Equal(got, people[large:]) {
		t.Fatalf("%d members", len(got))
	}
	w.whole(t, large, 2*large)
	w.patch(t, scim.Groups, g, `{"op":"add","path":"members","value":`+values(people)+`},{"op":"replace","path":"displayName","value":"i"}`)
	w.patch(t, scim.Groups, g, `{"op":"Remove","path":"members","value":`+values(people[:large])+`}`)
	if got := w.members(t, g); !slices.Equal(got, people[large:]) {
		t.Fatalf("%d members", len(got))
	}
	if n, _ := w.directory().StagedCounts(); n != 0 {
		t.Errorf("%d changes still wait", n)
	}
	var log []string
	for _, row := range w.rows(t) {
		log = append(log, fmt.Sprintf("%s %s %v", row.Method, row.Name, row.Changes))
		if len(row.Operations) > 2<<10 {
			t.Errorf("%d bytes of operations", len(row.Operations))
		}
	}
	want := []string{"POST g []", "PUT h [displayName members]", "PATCH i [displayName members]", "PATCH i [members]"}
	if !slices.Equal(log, want) {
		t.Errorf("the sync log has %q", log)
	}
}

// What waited too long is sent once more; what cannot be is left alone.
func TestStaging_forgotten(t *testing.T) {
	w := newWorld(t)
	people := w.populate(t, large)
	forget := func(times int) {
		w.ledger.Before(func(c command.Command) error {
			create, ok := c.Payload.(*command.CreateGroup)
			if !ok || times == 0 {
				return nil
			}
			times--
			w.ledger.Must(w.org, &command.UpdateGroup{ID: directory.ResourceID(w.byName(t, "other")), Mode: command.MembersDelta, Staged: create.Staged})
			return nil
		})
	}
	w.create(t, scim.Groups, group("other"))
	forget(1)
	id := w.create(t, scim.Groups, group("g", people...))
	if n := len(w.members(t, id)); n != large {
		t.Errorf("%d members", n)
	}
	forget(100)
	_, err := w.Create(t.Context(), w.actor, scim.Groups, []byte(group("h", people...)), scim.Query{})
	wantFault(t, err, 503, "")
	if _, found := w.directory().GroupByName("h"); found {
		t.Error("half a group is there")
	}
}

// A large change that cannot succeed stages nothing; one that finds no room is told to come back.
func TestStaging_refused(t *testing.T) {
	w := newWorld(t)
	people := w.populate(t, large)
	g := w.create(t, scim.Groups, group("g"))
	w.create(t, scim.Groups, group("taken"))
	_, err := w.Create(t.Context(), w.actor, scim.Groups, []byte(group("Taken", people...)), scim.Query{})
	wantFault(t, err, 409, "uniqueness")
	_, err = w.replace(scim.Groups, g, group("Taken", people...), scim.Conditions{})
	wantFault(t, err, 409, "uniqueness")
	_, err = w.Create(t.Context(), w.actor, scim.Groups, []byte(group("x", append(people, "nobody")...)), scim.Query{})
	wantFault(t, err, 400, "invalidValue")
	if n, _ := w.directory().StagedCounts(); n != 0 {
		t.Errorf("%d changes wait", n)
	}
	for i := range directory.MaxStagedChanges {
		w.ledger.Must(w.org, &command.StageMembers{Change: directory.ChangeID{byte(i + 1)}, Add: []directory.ResourceID{directory.ResourceID(people[0])}})
	}
	_, err = w.Create(t.Context(), w.actor, scim.Groups, []byte(group("x", people...)), scim.Query{})
	if fault := wantFault(t, err, 503, ""); fault.RetryAfter != 30 {
		t.Errorf("come back after %d s", fault.RetryAfter)
	}
	// Changes that are not large go on.
	w.patch(t, scim.Groups, g, `{"op":"add","path":"members","value":`+values(people[:directory.MaxStagedIDs])+`}`)
}

// BenchmarkLargeGroup does to one group, in a single request each, what the largest identity providers' groups need.
func BenchmarkLargeGroup(b *testing.B) {
	const size = 100_000
	w := newWorld(b)
	people := w.populate(b, size)
	q := scim.Query{Excluded: []string{"members"}}
	all, half, none := []byte(group("g", people...)), people[:size/2], []byte(group("g"))
	add := []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":` + values(half) + `}]}`)
	remove := []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove","path":"members","value":` + values(half) + `}]}`)
	for b.Loop() {
		start := time.Now()
		lap := func(name string, err error) {
			if err != nil {
				b.Fatal(name, err)
			}
			b.ReportMetric(float64(time.Since(start).Milliseconds()), name+"-ms")
			start = time.Now()
		}
		r, err := w.Create(b.Context(), w.actor, scim.Groups, all, q)
		lap("post", err)
		id := r.Location[len(r.Location)-36:]
		_, err = w.Patch(b.Context(), w.actor, scim.Groups, id, remove, scim.Query{}, scim.Conditions{})
		lap("patch-remove", err)
		_, err = w.Patch(b.Context(), w.actor, scim.Groups, id, add, scim.Query{}, scim.Conditions{})
		lap("patch-add", err)
		_, err = w.Replace(b.Context(), w.actor, scim.Groups, id, none, q, scim.Conditions{})
		lap("put-empty", err)
		_, err = w.Replace(b.Context(), w.actor, scim.Groups, id, all, q, scim.Conditions{})
		lap("put", err)
		_, err = w.Delete(b.Context(), w.actor, scim.Groups, id, scim.Conditions{})
		lap("delete", err)
	}
}
