package simulate

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Kinds of differences.
const (
	Lost    = "lost"    // what was acknowledged is not there
	Doubled = "doubled" // one object is there more than once
	Extra   = "extra"   // what was deleted, or never made, is there
	Differs = "differs" // a value or a membership is not as it was written
	Refused = "refused" // the server answered a proper request with an error that does not go away
	Failed  = "failed"  // the server could not be brought to do it, however often it was tried
	Answer  = "answer"  // an answer that is not as RFC 7644 has it
)

// Difference is one way in which the server's directory, or an answer, is not what the provider believes.
type Difference struct {
	Kind   string `json:"kind"`
	Object string `json:"object"` // a user name or a group's name, or the request that showed it
	Detail string `json:"detail"`
}

// Phase is one part of a run.
type Phase struct {
	Name     string        `json:"name"`
	Objects  int           `json:"objects"` // users, groups, … that were brought up to date
	Requests int           `json:"requests"`
	Duration time.Duration `json:"duration_ns"`
}

// Report tells what a run did and found.
type Report struct {
	Dialect           string        `json:"dialect"`
	Base              string        `json:"base"`
	Seed              uint64        `json:"seed"`
	Users             int           `json:"users"`  // in the directory at the end
	Groups            int           `json:"groups"` // at the end
	Memberships       int           `json:"memberships"`
	Cycles            int           `json:"cycles"` // incremental ones, after the initial one
	Phases            []Phase       `json:"phases"`
	Requests          int           `json:"requests"`
	RequestsPerSecond float64       `json:"requests_per_second"`
	Counts            []Count       `json:"counts"`
	Retries           int           `json:"retries"`
	Latency           Latency       `json:"latency"`
	Duration          time.Duration `json:"duration_ns"`
	Equal             bool          `json:"equal"` // the verdict: no differences
	Differences       []Difference  `json:"differences"`
	CleanedUp         bool          `json:"cleaned_up"`
}

// Tell counts the differences of some kinds.
func (r *Report) Tell(kinds ...string) int {
	n := 0
	for _, d := range r.Differences {
		if slices.Contains(kinds, d.Kind) {
			n++
		}
	}
	return n
}

// findings collects differences from everywhere.
type findings struct {
	mu  sync.Mutex
	all []Difference // guarded by mu
}

func (f *findings) add(kind, object, detail string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, Difference{kind, object, detail})
}

// sorted gives every difference once.
func (f *findings) sorted() []Difference {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Clone(f.all)
	slices.SortFunc(all, func(a, b Difference) int {
		return strings.Compare(a.Kind+"\x00"+a.Object+"\x00"+a.Detail, b.Kind+"\x00"+b.Object+"\x00"+b.Detail)
	})
	return append([]Difference{}, slices.Compact(all)...)
}
