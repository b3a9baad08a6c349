package scimtest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Failure is one thing that a server answered otherwise than expected.
type Failure struct {
	Conversation string
	Step         string
	Text         string
}

func (f Failure) String() string { return f.Conversation + ", " + f.Step + ": " + f.Text }

// Result is the outcome of one conversation.
type Result struct {
	ID       string
	IdP      string
	Steps    int
	Failures []Failure
	// Skipped is the capability that the server lacks, if that kept the
	// conversation from being replayed.
	Skipped string
}

// Passed tells that the conversation was replayed and nothing was wrong.
func (r Result) Passed() bool { return r.Skipped == "" && len(r.Failures) == 0 }

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

// Count is how the conversations of one identity provider went.
type Count struct {
	IdP     string
	Passed  int
	Failed  int
	Skipped int
	Steps   int
}

// Tally is one Count for each identity provider, by name.
type Tally []Count

// Tally counts a report by identity provider.
func (r Report) Tally() Tally {
	var tally Tally
	for _, result := range r {
		i := slices.IndexFunc(tally, func(c Count) bool { return c.IdP == result.IdP })
		if i < 0 {
			i = len(tally)
			tally = append(tally, Count{IdP: result.IdP})
		}
		c := &tally[i]
		c.Steps += result.Steps
		switch {
		case result.Skipped != "":
			c.Skipped++
		case result.Passed():
			c.Passed++
		default:
			c.Failed++
		}
	}
	slices.SortFunc(tally, func(a, b Count) int { return strings.Compare(a.IdP, b.IdP) })
	return tally
}

// Print writes the tally as a table.
func (t Tally) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "idp\tpassed\tfailed\tskipped\tsteps\t")
	for _, c := range t {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t\n", c.IdP, c.Passed, c.Failed, c.Skipped, c.Steps)
	}
	return table.Flush()
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
