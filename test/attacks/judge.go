package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// proof is what a line rests on: a test that has to run and to pass with all that is below it.
type proof struct {
	room string // the package, below the module
	test string // the name, or the beginning of some that ends in "_"
	many int    // how many tests, those with others below them not counted, there are at least; 0: one
}

// covers tells whether a test belongs to the proof.
func (p proof) covers(name string) bool {
	own := p.room + " " + p.test
	if strings.HasSuffix(own, "_") {
		return strings.HasPrefix(name, own)
	}
	return name == own || strings.HasPrefix(name, own+"/")
}

// row is a line of a table.
type row struct {
	name, title string
	proofs      []proof
}

// verdict is what became of a row's tests.
type verdict struct {
	passed, failed int
	missing        []string
}

func (v verdict) ok() bool { return v.passed > 0 && v.failed == 0 && len(v.missing) == 0 }

func (v verdict) String() string {
	switch {
	case v.failed > 0:
		return fmt.Sprintf("FAIL  %d of %d", v.failed, v.passed+v.failed)
	case !v.ok():
		return fmt.Sprintf("LESS  %d, see below", v.passed)
	}
	return fmt.Sprintf("ok    %d", v.passed)
}

// judge counts the tests of a row. One that stands over others counts only where it failed and none of them did.
func (b *book) judge(r row) verdict {
	var v verdict
	for _, p := range r.proofs {
		passed, failed, above := 0, 0, 0
		for name, good := range b.passed {
			switch {
			case !p.covers(name):
			case b.above[name] && !good:
				above = 1
			case b.above[name]:
			case good:
				passed++
			default:
				failed++
			}
		}
		failed = max(failed, above)
		v.passed += passed
		v.failed += failed
		if want := max(p.many, 1); failed == 0 && passed < want {
			v.missing = append(v.missing, fmt.Sprintf("%s %s %s: %d of %d", r.name, p.room, p.test, passed, want))
		}
	}
	return v
}

// named is how a test says which attack or module it is about.
var named = regexp.MustCompile(`(?:TestAttack|/)(\d\d)_|/(oidcc-[^/]+)`)

// strays are the tests that are named after an attack or a module, and are in none of its lines.
func (b *book) strays() []string {
	known := map[string][]proof{}
	for _, r := range attackRows() {
		known[fmt.Sprintf("%02s", r.name)] = r.proofs
	}
	for _, p := range plans {
		for _, r := range p.rows() {
			known[r.title] = append(known[r.title], r.proofs...)
		}
	}
	var names []string
	for name := range b.passed {
		found := named.FindStringSubmatch(name)
		if found == nil {
			continue
		}
		in := slices.ContainsFunc(known[found[1]+found[2]], func(p proof) bool { return p.covers(name) })
		if !in {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
