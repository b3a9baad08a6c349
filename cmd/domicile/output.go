package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// usageError is a command line that cannot be meant: exit status 2.
type usageError struct{ error }

// Unwrap gives the cause.
func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode is the exit status for the error of a command: 0 for none, 2 for a command line that cannot be meant, else 1.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}

// arguments makes cobra's complaints about arguments and about required flags usage errors. Every command has its Args
// from here.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			err = cmd.ValidateRequiredFlags()
		}
		if err != nil {
			return usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}

// parent makes a command that only has commands below it.
func parent(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("%s has no command %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(children...)
	return cmd
}

// group is a parent of commands that talk to a region.
func group(use, short string, t *target, children ...*cobra.Command) *cobra.Command {
	cmd := parent(use, short, children...)
	t.flags(cmd)
	return cmd
}

// sheet is how an answer looks to people: rows under heads, or without heads a list of names and values.
type sheet struct {
	heads []string
	rows  [][]string
	none  string // said in place of a table without rows
}

// print writes an answer as the person asked for it.
func (t *target) print(w io.Writer, answer any, s sheet) error {
	if t.format == "json" {
		return printJSON(w, answer)
	}
	if len(s.rows) == 0 {
		_, err := fmt.Fprintln(w, s.none)
		return err
	}
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s.heads != nil {
		fmt.Fprintln(tab, strings.Join(s.heads, "\t"))
	}
	for _, row := range s.rows {
		fmt.Fprintln(tab, strings.Join(row, "\t"))
	}
	return tab.Flush()
}

func printJSON(w io.Writer, answer any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(answer)
}

// done says in one line what became of something; nothing for JSON, whose readers look at the exit status.
func (t *target) done(w io.Writer, format string, args ...any) error {
	if t.format == "json" {
		return nil
	}
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}

// day shows a time as people compare them in a list.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// dayOrNever shows a time that may not have come, or may never come.
func dayOrNever(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return day(*t)
}

// orDash stands for nothing in a cell.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// yesOrNo shows a truth in a cell.
func yesOrNo(truth bool) string {
	if truth {
		return "yes"
	}
	return "no"
}
