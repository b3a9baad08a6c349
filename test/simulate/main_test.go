package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"domicile/scim/simulate"
	"domicile/seal"
	"domicile/test/region"
)

// startRegion runs three nodes for one test.
func startRegion(t *testing.T) *region.Region {
	t.Helper()
	ctx := t.Context()
	binary, err := region.Build(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := region.Start(ctx, region.Options{Binary: binary, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// ground is a node and an organization on it, for one run.
type ground struct {
	node         *region.Node
	organization region.Organization
}

func newGround(t *testing.T, r *region.Region, slug string) ground {
	t.Helper()
	followers, err := r.Followers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o, err := r.NewOrganization(t.Context(), followers[0], slug, "interop")
	if err != nil {
		t.Fatal(err)
	}
	return ground{followers[0], o}
}

func (g ground) config(d simulate.Dialect, people, groups int) simulate.Config {
	return simulate.Config{
		Dialect: d, Base: g.organization.SCIM(g.node), Token: seal.NewSecret(g.organization.Token),
		Users: people, Groups: groups, Cycles: 2, Seed: 1, Concurrency: 8,
	}
}

func simulated(t *testing.T, c simulate.Config) *simulate.Report {
	t.Helper()
	report, err := simulate.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func mustBeEqual(t *testing.T, r *simulate.Report) {
	t.Helper()
	for i, d := range r.Differences {
		if i < 20 {
			t.Errorf("%s: %s %s", d.Kind, d.Object, d.Detail)
		}
	}
	if !r.Equal {
		t.Errorf("%d differences", len(r.Differences))
	}
}

// Every dialect ends with the directory that it wrote, and can take it away again without a trace.
func TestSimulate_everyDialect(t *testing.T) {
	r := startRegion(t)
	for _, d := range simulate.Dialects() {
		t.Run(d.Name, func(t *testing.T) {
			g := newGround(t, r, d.Name)
			c := g.config(d, 200, 20)
			report := simulated(t, c)
			mustBeEqual(t, report)
			if report.Users < 200 || d.Groups() && (report.Groups < 15 || report.Memberships < 60) || report.Retries > 0 {
				t.Errorf("%d users, %d groups, %d memberships, %d retries", report.Users, report.Groups, report.Memberships, report.Retries)
			}
			c.CleanUp, c.Users, c.Groups, c.Cycles = true, 20, 2, 1 // finds what the first run left, and deletes it
			mustBeEqual(t, simulated(t, c))
			for _, path := range []string{"/Users", "/Groups"} {
				if n := total(t, r, g, path); n != 0 {
					t.Errorf("%d of %s are left", n, path)
				}
			}
		})
	}
}

// Connections that break after the server did its work, refusals that ask for patience, and errors: the provider finds out
// what became of its request as it always does, and nothing is lost or doubled.
func TestSimulate_brokenNetwork(t *testing.T) {
	r := startRegion(t)
	for _, d := range simulate.Dialects() {
		t.Run(d.Name, func(t *testing.T) {
			g := newGround(t, r, d.Name)
			c := g.config(d, 60, 8)
			c.Base, c.MaxWait = between(t, r, g, breaking()), 20*time.Millisecond
			report := simulated(t, c)
			mustBeEqual(t, report)
			if report.Retries == 0 {
				t.Error("nothing broke")
			}
		})
	}
}

// A server that does not do what it says is found out.
func TestSimulate_noticesDefects(t *testing.T) {
	r := startRegion(t)
	for i, defect := range defects() {
		t.Run(defect.name, func(t *testing.T) {
			d, ok := simulate.Find(defect.dialect)
			if !ok {
				t.Fatal("no dialect", defect.dialect)
			}
			g := newGround(t, r, fmt.Sprintf("defect-%d", i))
			c := g.config(d, 40, 6)
			c.Base, c.MaxWait = between(t, r, g, defect.mischief), 20*time.Millisecond
			report := simulated(t, c)
			if report.Equal || report.Tell(defect.kind) == 0 {
				t.Errorf("equal: %t; no difference of kind %q among %v", report.Equal, defect.kind, report.Differences)
			}
		})
	}
}

// The leader is killed twice while a small directory is written.
func TestSimulate_leaderKilled(t *testing.T) {
	r := startRegion(t)
	s := settings{users: 200, groups: 20, cycles: 2, kills: 2, seed: 1, concurrency: 8, rate: 250}
	for _, name := range []string{"entra", "okta", "authentik"} {
		t.Run(name, func(t *testing.T) {
			d, _ := simulate.Find(name)
			one, err := s.one(t.Context(), r, d)
			if err != nil {
				t.Fatal(err)
			}
			mustBeEqual(t, one.report)
			if len(one.kills) != s.kills {
				t.Errorf("the leader was killed %d times", len(one.kills))
			}
		})
	}
}

// total is how many resources a list says there are.
func total(t *testing.T, r *region.Region, g ground, path string) int {
	t.Helper()
	url := g.organization.SCIM(g.node) + path + "?count=0"
	status, raw, err := region.Call(t.Context(), r.Client, http.MethodGet, url, g.organization.Token, "", nil)
	if err != nil || status != http.StatusOK {
		t.Fatal(status, string(raw), err)
	}
	var list struct{ TotalResults int }
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	return list.TotalResults
}
