package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/test/region"
)

// faulty is a small directory behind three listeners that breaks one promise of the product on purpose.
type faulty struct {
	fault string

	mu      sync.Mutex
	users   []user          // guarded by mu
	old     []user          // as they were some writes ago; guarded by mu
	members map[string]bool // guarded by mu
	writes  int             // guarded by mu
	bad     int             // how often the fault was made; guarded by mu
}

// The faults, and a part of what the checker says of each.
var faults = map[string]string{
	"none":                     "",
	"loses a write":            "",
	"loses a deletion":         "",
	"loses a membership":       "",
	"stale reads":              "STALE",
	"creates twice":            "found 2",
	"a stranger":               "nobody created",
	"unauthorized for a while": "unexpected status 401",
	"refuses at once":          "long before",
	"no Retry-After":           "without Retry-After",
	"drops connections":        "no answer",
	"digests differ":           "DIGESTS differ",
}

// sometimes makes the fault at every 40th write.
func (f *faulty) sometimes(fault string) bool {
	if f.fault == fault && f.writes%40 == 0 {
		f.bad++
		return true
	}
	return false
}

func (f *faulty) handler(node int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /digest", func(w http.ResponseWriter, _ *http.Request) {
		digest := "equal"
		if f.fault == "digests differ" {
			digest = fmt.Sprint(node)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"seq": 7, "digest": digest})
	})
	for pattern, handle := range map[string]func(*http.Request) (int, any){
		"GET /scim/v2/o/Users":         f.list,
		"GET /scim/v2/o/Users/{id}":    f.get(node),
		"GET /scim/v2/o/Groups/{id}":   f.group,
		"POST /scim/v2/o/Users":        f.write(f.create),
		"POST /scim/v2/o/Groups":       f.write(func(*http.Request) (int, any) { return 201, user{ID: "everybody"} }),
		"PATCH /scim/v2/o/Users/{id}":  f.write(f.count),
		"DELETE /scim/v2/o/Users/{id}": f.write(f.remove),
		"PATCH /scim/v2/o/Groups/{id}": f.write(f.toggle),
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			status, body := handle(r)
			f.mu.Unlock()
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			if status == 503 && f.fault != "no Retry-After" {
				w.Header().Set("Retry-After", "0")
			}
			w.WriteHeader(status)
			if body != nil {
				_ = json.NewEncoder(w).Encode(body)
			}
		})
	}
	return mux
}

// write makes the faults that any write may meet.
func (f *faulty) write(next func(*http.Request) (int, any)) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		f.writes++
		if f.writes%5 == 0 {
			f.old = slices.Clone(f.users)
		}
		switch {
		case f.writes < 20: // while the writers make what they own
		case f.sometimes("unauthorized for a while"):
			return 401, nil
		case f.sometimes("refuses at once"), f.sometimes("no Retry-After"):
			return 503, nil
		case f.sometimes("drops connections"):
			return 0, nil
		}
		return next(r)
	}
}

func (f *faulty) find(id string) int {
	return slices.IndexFunc(f.users, func(u user) bool { return u.ID == id })
}

func (f *faulty) create(r *http.Request) (int, any) {
	var u user
	if json.NewDecoder(r.Body).Decode(&u) != nil {
		return 400, nil
	}
	if slices.ContainsFunc(f.users, func(other user) bool { return other.UserName == u.UserName }) {
		return 409, nil
	}
	u.ID = fmt.Sprintf("id-%d", f.writes)
	f.users = append(f.users, u)
	if f.sometimes("creates twice") {
		twin := u
		twin.ID += "-twin"
		f.users = append(f.users, twin)
	}
	if f.sometimes("a stranger") {
		f.users = append(f.users, user{ID: "x", UserName: "stranger"})
	}
	return 201, u
}

func (f *faulty) count(r *http.Request) (int, any) {
	i := f.find(r.PathValue("id"))
	if i < 0 {
		return 404, nil
	}
	if !f.sometimes("loses a write") {
		f.users[i].DisplayName, _ = operation(r)["value"].(string)
	}
	return 204, nil
}

func (f *faulty) remove(r *http.Request) (int, any) {
	i := f.find(r.PathValue("id"))
	if i < 0 {
		return 404, nil
	}
	if f.fault == "loses a deletion" {
		f.bad++
		return 204, nil
	}
	f.users = slices.Delete(f.users, i, i+1)
	return 204, nil
}

func (f *faulty) toggle(r *http.Request) (int, any) {
	o := operation(r)
	path, _ := o["path"].(string)
	if f.sometimes("loses a membership") {
		return 204, nil
	}
	if id, found := strings.CutPrefix(path, "members[value eq \""); found {
		delete(f.members, strings.TrimSuffix(id, "\"]"))
		return 204, nil
	}
	f.members[o["value"].([]any)[0].(map[string]any)["value"].(string)] = true
	return 204, nil
}

func operation(r *http.Request) map[string]any {
	var body struct{ Operations []map[string]any }
	if json.NewDecoder(r.Body).Decode(&body) != nil || len(body.Operations) != 1 {
		return nil
	}
	return body.Operations[0]
}

// get serves old users on one node when reads are to be stale.
func (f *faulty) get(node int) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		users := f.users
		if f.fault == "stale reads" && node == 2 {
			users = f.old
		}
		for _, u := range users {
			if u.ID == r.PathValue("id") {
				return 200, u
			}
		}
		return 404, nil
	}
}

func (f *faulty) list(r *http.Request) (int, any) {
	found := f.users
	if filter := r.URL.Query().Get("filter"); filter != "" {
		name := strings.TrimSuffix(strings.TrimPrefix(filter, "userName eq \""), "\"")
		found = slices.DeleteFunc(slices.Clone(found), func(u user) bool { return u.UserName != name })
		return 200, map[string]any{"totalResults": len(found), "Resources": found}
	}
	var start, count int
	_, _ = fmt.Sscan(r.URL.Query().Get("startIndex"), &start)
	_, _ = fmt.Sscan(r.URL.Query().Get("count"), &count)
	page := found[min(start-1, len(found)):min(start-1+count, len(found))]
	return 200, map[string]any{"totalResults": len(found), "Resources": page}
}

func (f *faulty) group(*http.Request) (int, any) {
	members := []map[string]string{}
	for id := range f.members {
		members = append(members, map[string]string{"value": id})
	}
	return 200, map[string]any{"members": members}
}

// TestChecker_noticesWhatIsBroken runs the real clients and the real audit on directories that break one promise each.
func TestChecker_noticesWhatIsBroken(t *testing.T) {
	for fault, want := range faults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			f := &faulty{fault: fault, members: map[string]bool{}}
			found := hire(t, f)
			if broken := fault != "none"; (found.faults > 0) != broken {
				t.Fatalf("the checker found %d faults: %q (%d of them made)", found.faults, found.examples, f.bad)
			}
			told := slices.ContainsFunc(found.examples, func(text string) bool { return strings.Contains(text, want) })
			if fault != "none" && !told {
				t.Errorf("no example says %q: %q", want, found.examples)
			}
			if len(found.acks) == 0 || found.reads == 0 {
				t.Errorf("%d writes and %d reads; the test tests nothing", len(found.acks), found.reads)
			}
		})
	}
}

// hire lets clients work on a directory until they have written enough, audits it, and gives what was found.
func hire(t *testing.T, f *faulty) *tally {
	t.Helper()
	s := &side{region: &region.Region{Options: region.Options{ID: "us"}, Client: http.DefaultClient}}
	for i := range 3 {
		server := httptest.NewServer(f.handler(i))
		t.Cleanup(server.Close)
		s.places = append(s.places, newPlace(i, &region.Node{Name: fmt.Sprintf("us-%d", i+1), URL: server.URL, Ops: server.URL}))
	}
	s.books = []*book{{organization: "o", token: "t"}}
	var err error
	if s.score, err = newScore(filepath.Join(t.TempDir(), "history")); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if err := s.load(ctx, 3, 12, time.Millisecond/2, 1); err != nil {
		t.Fatal(err)
	}
	for enough := false; !enough; {
		f.mu.Lock()
		enough = f.writes > 1500
		f.mu.Unlock()
		if rest(ctx, 5*time.Millisecond) != nil {
			t.Fatal("not enough writes in time")
		}
	}
	s.audit(ctx)
	stop()
	s.running.Wait()
	if err := s.score.close(); err != nil {
		t.Fatal(err)
	}
	return s.score.turn()
}
