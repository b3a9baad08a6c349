package scimtest

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Count is how the conversations of one identity provider, or about one section
// of an RFC, went. A conversation that was refused as it should be is neither
// passed nor failed.
type Count struct {
	Name    string
	Passed  int
	Refused int
	Failed  int
	Skipped int

	Steps        int // played
	StepsRefused int
	StepsFailed  int
}

func (c *Count) add(r Result) {
	c.Steps += r.Steps
	c.StepsFailed += steps(r.Failures)
	c.StepsRefused += steps(r.Refusals)
	switch {
	case r.Skipped != "":
		c.Skipped++
	case !r.Passed():
		c.Failed++
	case len(r.Refusals) > 0:
		c.Refused++
	default:
		c.Passed++
	}
}

// Tally is one Count for each name, by name.
type Tally []Count

// Tally counts a report by identity provider.
func (r Report) Tally() Tally {
	return r.TallyBy(func(result Result) []string { return []string{result.IdP} })
}

// TallyBy counts a report by the names that a result counts for.
func (r Report) TallyBy(names func(Result) []string) Tally {
	counts := make(map[string]*Count)
	for _, result := range r {
		for _, name := range names(result) {
			if counts[name] == nil {
				counts[name] = &Count{Name: name}
			}
			counts[name].add(result)
		}
	}
	var tally Tally
	for _, name := range slices.SortedFunc(maps.Keys(counts), natural) {
		tally = append(tally, *counts[name])
	}
	return tally
}

// natural orders names with numbers in them as people do: 3.4.2 before 3.12.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, restA := leading(a)
		y, restB := leading(b)
		if order := strings.Compare(x, y); order != 0 {
			return order
		}
		a, b = restA, restB
	}
	return strings.Compare(a, b)
}

// leading cuts a run of digits, padded so that it compares as a number, or one
// other byte off a text.
func leading(s string) (part, rest string) {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if n == 0 {
		return s[:1], s[1:]
	}
	return fmt.Sprintf("%09s", s[:n]), s[n:]
}

// Print writes the tally as a table.
func (t Tally) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "idp\tpassed\tfailed\tskipped\tsteps\t")
	for _, c := range t {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t\n", c.Name, c.Passed, c.Failed, c.Skipped, c.Steps)
	}
	return table.Flush()
}

// Column is the tally of one run in a table of several.
type Column struct {
	Run   string // what the run is called
	Tally Tally
}

// PrintTable writes several runs side by side, a row for each name in the order
// of the tallies: conversations and steps, each as passed, refused, FAILED.
func PrintTable(w io.Writer, title string, columns ...Column) error {
	var names []string
	rows := make(map[string][]string)
	for i, column := range columns {
		for _, c := range column.Tally {
			if rows[c.Name] == nil {
				names = append(names, c.Name)
				rows[c.Name] = slices.Repeat([]string{"-\t-"}, len(columns))
			}
			rows[c.Name][i] = c.cells()
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprint(table, title)
	for _, column := range columns {
		fmt.Fprintf(table, "\t%s: conversations\tsteps", column.Run)
	}
	fmt.Fprintln(table)
	for _, name := range names {
		fmt.Fprintf(table, "%s\t%s\n", name, strings.Join(rows[name], "\t"))
	}
	return table.Flush()
}

func (c Count) cells() string {
	return words(c.Passed, c.Refused, c.Failed, c.Skipped) + "\t" +
		words(c.Steps-c.StepsRefused-c.StepsFailed, c.StepsRefused, c.StepsFailed, 0)
}

// words writes the counts that are not zero: 7 passed, 1 refused.
func words(passed, refused, failed, skipped int) string {
	var parts []string
	for _, count := range []struct {
		n    int
		word string
	}{{passed, "passed"}, {refused, "refused"}, {failed, "FAILED"}, {skipped, "skipped"}} {
		if count.n != 0 {
			parts = append(parts, fmt.Sprint(count.n, " ", count.word))
		}
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}
