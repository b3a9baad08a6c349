package main

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// syncRow is a row of an organization's sync log as the API shows it.
type syncRow struct {
	ID         string          `json:"id"`
	At         time.Time       `json:"at"`
	Actor      string          `json:"actor"`
	Principal  string          `json:"principal"`
	Method     string          `json:"method"`
	Resource   string          `json:"resource,omitempty"`
	ResourceID string          `json:"resource_id,omitempty"`
	Name       string          `json:"name,omitempty"`
	Outcome    string          `json:"outcome"`
	Status     int             `json:"status,omitempty"`
	ScimType   string          `json:"scim_type,omitempty"`
	Detail     string          `json:"detail,omitempty"`
	RequestID  string          `json:"request_id,omitempty"`
	Client     string          `json:"client,omitempty"`
	Operations string          `json:"operations,omitempty"`
	Changes    []string        `json:"changes"`
	Courtesies []string        `json:"courtesies"`
	Document   json.RawMessage `json:"document,omitempty"`
}

// what tells in a cell what came of a request.
func (r *syncRow) what() string {
	if r.Detail != "" {
		return r.Detail
	}
	return orDash(strings.Join(r.Changes, ", "))
}

func (r *syncRow) sheet() sheet {
	s := sheet{rows: [][]string{
		{"id", r.ID}, {"at", r.At.UTC().Format(time.RFC3339)}, {"principal", r.Principal}, {"actor", r.Actor}, {"client", orDash(r.Client)},
		{"method", r.Method}, {"resource", orDash(r.Resource)}, {"resource id", orDash(r.ResourceID)}, {"name", orDash(r.Name)},
		{"outcome", r.Outcome}, {"changes", orDash(strings.Join(r.Changes, ", "))},
		{"courtesies", orDash(strings.Join(r.Courtesies, ", "))}, {"request", orDash(r.RequestID)},
	}}
	for _, extra := range [][]string{
		{"status", strconv.Itoa(r.Status)}, {"scim type", r.ScimType}, {"detail", r.Detail}, {"operations", r.Operations},
		{"document", string(r.Document)},
	} {
		if extra[1] != "" && extra[1] != "0" {
			s.rows = append(s.rows, extra)
		}
	}
	return s
}

func newSyncLogCommand() *cobra.Command {
	t := new(target)
	return group("sync-log", "What an organization's IdP did, and what it would do", t,
		newSyncLogListCommand(t), newSyncLogGetCommand(t), newSyncLogReplayCommand(t), newSyncLogTryCommand(t))
}

func newSyncLogListCommand(t *target) *cobra.Command {
	var user, groupName, outcome string
	var limit int
	cmd := &cobra.Command{
		Use: "list ORGANIZATION", Short: "List writes and failures, newest first", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usagef("--limit must be a positive number, or 0 for all")
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			query := make(url.Values)
			for name, value := range map[string]string{"user": user, "group": groupName, "outcome": outcome} {
				if value != "" {
					query.Set(name, value)
				}
			}
			rows, err := every[syncRow](cmd.Context(), c, path+"/sync-log", "sync_log", query, limit)
			if err != nil {
				return err
			}
			s := sheet{heads: []string{"AT", "METHOD", "RESOURCE", "NAME", "OUTCOME", "WHAT", "ID"}, none: "Nothing."}
			for _, r := range rows {
				s.rows = append(s.rows, []string{
					r.At.UTC().Format(time.RFC3339), r.Method, orDash(r.Resource), orDash(cmp.Or(r.Name, r.ResourceID)), r.Outcome,
					r.what(), r.ID,
				})
			}
			return t.print(cmd.OutOrStdout(), rows, s)
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "only about this user: id or user name")
	cmd.Flags().StringVar(&groupName, "group", "", "only about this group: id or display name")
	cmd.Flags().StringVar(&outcome, "outcome", "", "ok, failed or noop")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many rows; 0: all")
	return cmd
}

func newSyncLogGetCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "get ORGANIZATION ROW-ID", Short: "Show one row with its document", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var row syncRow
			if err := c.call(cmd.Context(), http.MethodGet, path+"/sync-log/"+url.PathEscape(args[1]), nil, &row); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), row, row.sheet())
		},
	}
}

// rehearsal is what a SCIM request would do now.
type rehearsal struct {
	Status     int             `json:"status"`
	Body       json.RawMessage `json:"body,omitempty"`
	Courtesies []string        `json:"courtesies"`
	Effects    []struct {
		Method     string   `json:"method"`
		Resource   string   `json:"resource"`
		ID         string   `json:"id"`
		Name       string   `json:"name"`
		Changed    bool     `json:"changed"`
		Attributes []string `json:"attributes"`
		Added      []string `json:"members_added"`
		Removed    []string `json:"members_removed"`
		Operations string   `json:"operations,omitempty"`
	} `json:"effects"`
}

func (r *rehearsal) sheet() sheet {
	s := sheet{rows: [][]string{
		{"status", strconv.Itoa(r.Status)}, {"courtesies", orDash(strings.Join(r.Courtesies, ", "))},
	}}
	for _, e := range r.Effects {
		what := "changes nothing"
		if e.Changed {
			what = "attributes: " + orDash(strings.Join(e.Attributes, ", ")) +
				"; members added: " + strconv.Itoa(len(e.Added)) + ", removed: " + strconv.Itoa(len(e.Removed))
		}
		s.rows = append(s.rows, []string{"would " + e.Method, e.Resource + " " + cmp.Or(e.Name, e.ID) + ": " + what})
	}
	s.rows = append(s.rows, []string{"answer", orDash(string(r.Body))})
	return s
}

func (t *target) rehearse(cmd *cobra.Command, organization, below string, body any) error {
	c, path, err := t.organization(cmd, organization)
	if err != nil {
		return err
	}
	var answer rehearsal
	if err := c.call(cmd.Context(), http.MethodPost, path+below, body, &answer); err != nil {
		return err
	}
	return t.print(cmd.OutOrStdout(), answer, answer.sheet())
}

func newSyncLogReplayCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "replay ORGANIZATION ROW-ID", Short: "Tell what a request of the log would do now; nothing is written",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.rehearse(cmd, args[0], "/sync-log/"+url.PathEscape(args[1])+"/replay", nil)
		},
	}
}

func newSyncLogTryCommand(t *target) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "try ORGANIZATION METHOD PATH", Short: "Tell what a SCIM request would do now; nothing is written",
		Args:    arguments(cobra.ExactArgs(3)),
		Example: `domicile sync-log try acme PATCH /Users/8f6e… --body patch.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			trial := map[string]any{"method": strings.ToUpper(args[1]), "path": args[2]}
			if file != "" {
				document, err := readDocument(file, cmd.InOrStdin())
				if err != nil {
					return err
				}
				trial["body"] = document
			}
			return t.rehearse(cmd, args[0], "/scim/dry-run", trial)
		},
	}
	cmd.Flags().StringVar(&file, "body", "", "file with the body, - for standard input")
	return cmd
}
