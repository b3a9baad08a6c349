package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// printProgress tells of a kind of strike when it is over, with examples of what broke.
func printProgress(r *row) {
	fmt.Printf("%-20s %2d trials, median %s, worst %s, whole %s: %s\n", r.name, r.trials,
		inMilliseconds(r.median()), inMilliseconds(r.worst()), inMilliseconds(r.whole), verdict(r))
	for _, example := range r.tally.examples {
		fmt.Println("   ", example)
	}
}

// printReport prints the table and gives the number of rows that failed.
func printReport(out io.Writer, rows []row, took time.Duration) (failed int) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, strings.Join([]string{
		"strike", "trials", "gap median", "goal", "gap worst", "goal", "with restarts", "limit", "writes", "reads",
		"slowest", "503", "503 struck", "lost struck", "errors", "verdict", "",
	}, "\t"))
	for i := range rows {
		r := &rows[i]
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%d\t%d\t%d\t%d\t%s\t\n", r.name, r.trials,
			inMilliseconds(r.median()), goalText(r.goal.median), inMilliseconds(r.worst()), goalText(r.goal.worst),
			inMilliseconds(r.whole), inMilliseconds(r.limit), len(r.tally.acks), r.tally.reads, inMilliseconds(r.tally.slowest),
			r.tally.refused, r.tally.excused, r.tally.own, r.tally.faults, verdict(r))
		if len(r.failures()) > 0 {
			failed++
		}
	}
	_ = w.Flush() // out is the terminal
	fmt.Fprintf(out, "\ntimes in milliseconds; 503, slowest and errors are of nodes that were not struck; took %s\n", took.Round(time.Second))
	for i := range rows {
		for _, reason := range rows[i].failures() {
			fmt.Fprintf(out, "FAIL %s: %s\n", rows[i].name, reason)
		}
		if i == len(rows)-1 {
			for _, example := range rows[i].tally.examples { // the others were told as they came
				fmt.Fprintln(out, "   ", example)
			}
		}
	}
	return failed
}

// verdict judges a row: promises first, then times beside their goals.
func verdict(r *row) string {
	switch {
	case len(r.failures()) > 0:
		return "FAIL"
	case beyond(r.median(), r.goal.median) || beyond(r.worst(), r.goal.worst):
		return "ok, slow"
	}
	return "ok"
}

func beyond(measured, goal time.Duration) bool { return goal > 0 && measured > goal }

func goalText(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return "≤ " + inMilliseconds(d)
}

func inMilliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 100 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}
