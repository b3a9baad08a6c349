package simulate

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func planOf(d Dialect, seed uint64, people, teams int) plan {
	return plan{
		seed: seed, people: people, teams: teams, domain: "x.example", mark: "(x)", externalID: d.people.externalID,
		deletes: !d.people.keeps, clears: d.people.clears,
	}
}

func TestRoster_sameSeedSameDirectory(t *testing.T) {
	p := planOf(entra(), 7, 120, 12)
	one, other := p.first(), p.first()
	for cycle := range 4 {
		if !reflect.DeepEqual(one, other) {
			t.Fatalf("two rosters of one seed differ in cycle %d", cycle)
		}
		before := one.clone()
		next := p.next(one, cycle+1)
		if !reflect.DeepEqual(one, before) {
			t.Fatalf("cycle %d changed the roster that it started from", cycle+1)
		}
		one, other = next, p.next(other, cycle+1)
	}
	q := planOf(entra(), 8, 120, 12)
	if reflect.DeepEqual(p.first(), q.first()) {
		t.Error("another seed made the same directory")
	}
}

func TestRoster_isConsistent(t *testing.T) {
	for _, d := range Dialects() {
		for _, size := range []struct{ people, teams int }{{1, 0}, {1, 1}, {2, 3}, {50, 5}, {400, 40}} {
			for seed := range uint64(5) {
				t.Run(fmt.Sprintf("%s/%d/%d/%d", d.Name, size.people, size.teams, seed), func(t *testing.T) {
					p := planOf(d, seed, size.people, size.teams)
					r := p.first()
					for cycle := range 6 {
						checkRoster(t, &p, &r)
						r = p.next(r, cycle+1)
					}
				})
			}
		}
	}
}

func checkRoster(t *testing.T, p *plan, r *Roster) {
	t.Helper()
	names, ids := make(map[string]bool), make(map[string]bool)
	for i := range r.People {
		n := &r.People[i]
		if n.Gone && !p.deletes {
			t.Fatalf("%s is deleted, but this provider deletes nobody", n.UserName)
		}
		if n.Gone {
			continue
		}
		if key := strings.ToLower(n.UserName); names[key] || ids[n.ExternalID] {
			t.Fatalf("%s is there twice", n.UserName)
		}
		names[strings.ToLower(n.UserName)], ids[n.ExternalID] = true, true
		if n.Manager != nobody && (n.Manager == i || r.People[n.Manager].Gone) {
			t.Fatalf("%s reports to %d, who is gone or the same person", n.UserName, n.Manager)
		}
	}
	teams := make(map[string]bool)
	for i := range r.Teams {
		team := &r.Teams[i]
		if team.Gone {
			continue
		}
		if teams[team.Name] {
			t.Fatalf("team %s is there twice", team.Name)
		}
		teams[team.Name] = true
		for m := range team.Members {
			if r.People[m].Gone {
				t.Fatalf("team %s has a member who is gone", team.Name)
			}
		}
	}
}

func TestRoster_everythingHappens(t *testing.T) {
	p := planOf(entra(), 3, 200, 30)
	was := p.first()
	happened := make(map[string]int)
	for cycle := range 3 {
		is := p.next(was, cycle+1)
		happened["hired"] += len(is.People) - len(was.People)
		happened["founded"] += len(is.Teams) - len(was.Teams)
		for i := range was.People {
			a, b := &was.People[i], &is.People[i]
			for what, did := range map[string]bool{
				"renamed": a.UserName != b.UserName, "promoted": a.Title != b.Title, "suspended": a.Active && !b.Active,
				"restored": !a.Active && b.Active && !a.Gone, "deleted": !a.Gone && b.Gone, "came back": a.Gone && !b.Gone,
				"moved": a.Manager != b.Manager,
			} {
				if did {
					happened[what]++
				}
			}
		}
		for i := range was.Teams {
			a, b := &was.Teams[i], &is.Teams[i]
			for what, did := range map[string]bool{
				"team renamed": a.Name != b.Name, "dissolved": !a.Gone && b.Gone,
				"joined": len(without(b.Members, a.Members)) > 0, "left": !b.Gone && len(without(a.Members, b.Members)) > 0,
			} {
				if did {
					happened[what]++
				}
			}
		}
		was = is
	}
	for _, what := range []string{
		"hired", "founded", "renamed", "promoted", "suspended", "restored", "deleted", "came back", "moved", "team renamed",
		"dissolved", "joined", "left",
	} {
		if happened[what] == 0 {
			t.Errorf("nothing was %s in three cycles", what)
		}
	}
}
