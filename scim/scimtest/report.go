package scimtest

import "strings"

// Failure is one thing that a server answered otherwise than expected.
type Failure struct {
	Conversation string
	Step         string
	Text         string
	// Answer is what the server said, zero when there was no answer.
	Answer Answer
}

// Answer is an answer in short. ScimType and Detail are those of an error body
// (RFC 7644 §3.12), empty for any other body.
type Answer struct {
	Status   int
	ScimType string
	Detail   string
}

func (f Failure) String() string { return f.Conversation + ", " + f.Step + ": " + f.Text }

// Result is the outcome of one conversation. Steps is how many were played.
type Result struct {
	ID       string
	IdP      string
	Steps    int
	Failures []Failure
	// Refusals are failures that were meant: see Report.Allow.
	Refusals []Failure
	// Skipped is the capability that the server lacks, if that kept the
	// conversation from being replayed.
	Skipped string
}

// Passed tells that the conversation was replayed and nothing was wrong.
func (r Result) Passed() bool { return r.Skipped == "" && len(r.Failures) == 0 }

// steps counts the steps that a list of failures is about.
func steps(failures []Failure) int {
	names := make(map[string]bool, len(failures))
	for _, f := range failures {
		names[f.Step] = true
	}
	return len(names)
}

// Report is the outcome of several conversations.
type Report []Result

// Failures gives what was wrong, in order.
func (r Report) Failures() []Failure {
	var all []Failure
	for _, result := range r {
		all = append(all, result.Failures...)
	}
	return all
}

// Allow moves the failures that were meant from Failures to Refusals: a strict
// server refuses what a courtesy would grant. meant tells which.
func (r Report) Allow(meant func(Failure) bool) {
	for i := range r {
		var kept []Failure
		for _, f := range r[i].Failures {
			if meant(f) {
				r[i].Refusals = append(r[i].Refusals, f)
			} else {
				kept = append(kept, f)
			}
		}
		r[i].Failures = kept
	}
}

// shorten cuts what a failure repeats of an answer.
func shorten(s string) string {
	const limit = 400
	s = strings.ToValidUTF8(s, "\ufffd")
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	if s == "" {
		return "empty"
	}
	return s
}
