package conformance

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"

	"domicile/scim/scimtest"
	"domicile/test/region"
)

// elsewhere names a directory of further conversations, in the form of scim/scimtest/testdata/FORMAT.md.
var elsewhere = flag.String("conversations", "", "a directory of conversations to replay instead of those that travel with the project")

// TestConversations replays every conversation against a follower of a region of three nodes: once under the profile it was
// written for, once under strict.
func TestConversations(t *testing.T) {
	conversations := conversations(t)
	r := start(t)
	followers, err := r.Followers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	follower := followers[0]
	var tenants atomic.Int64
	runner := scimtest.Runner{Unchanged: true, Tenant: func(ctx context.Context, profile string) (scimtest.Tenant, error) {
		if profile == "default" {
			profile = "interop"
		}
		o, err := r.NewOrganization(ctx, follower, fmt.Sprintf("tenant-%d", tenants.Add(1)), profile)
		return scimtest.Tenant{Base: o.SCIM(follower), Token: o.Token}, err
	}}
	own := runner.RunAll(t.Context(), conversations)
	runner.Profile = "strict"
	strict := runner.RunAll(t.Context(), conversations)
	strict.Allow(isMeant)
	print(t, own, strict)
	for profile, report := range map[string]scimtest.Report{"own profile": own, "strict": strict} {
		for _, failure := range report.Failures() {
			t.Errorf("%s: %s", profile, failure)
		}
		for _, result := range report {
			if result.Skipped != "" {
				t.Errorf("%s: %s was not replayed: the server lacks %s", profile, result.ID, result.Skipped)
			}
		}
	}
	if *elsewhere == "" {
		allRefused(t, strict)
	}
}

func conversations(t *testing.T) []scimtest.Conversation {
	t.Helper()
	load := scimtest.Conversations
	if *elsewhere != "" {
		load = func() ([]scimtest.Conversation, error) { return scimtest.Load(os.DirFS(*elsewhere), ".") }
	}
	conversations, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return conversations
}

func start(t *testing.T) *region.Region {
	t.Helper()
	binary, err := region.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := region.Start(t.Context(), region.Options{Binary: binary, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// print writes the tables that `make conformance` is for.
func print(t *testing.T, own, strict scimtest.Report) {
	t.Helper()
	bySection := func(r scimtest.Result) []string { return sectionsOf(r.ID) }
	for _, table := range []struct {
		title       string
		own, strict scimtest.Tally
	}{
		{"identity provider", append(own.Tally(), total(own)...), append(strict.Tally(), total(strict)...)},
		{"RFC section", own.TallyBy(bySection), strict.TallyBy(bySection)},
	} {
		fmt.Println()
		err := scimtest.PrintTable(os.Stdout, table.title,
			scimtest.Column{Run: "own profile", Tally: table.own}, scimtest.Column{Run: "strict", Tally: table.strict})
		if err != nil {
			t.Error(err)
		}
	}
	fmt.Print("\nA conversation counts for each section it is about. Its own profile is interop, entra for Entra's, strict for rfc-21.\n" +
		"Courtesies that strict refuses; nothing changed when it did:\n\n")
	list := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	for _, result := range strict {
		for _, f := range result.Refusals {
			answer := strings.TrimSpace(fmt.Sprint(f.Answer.Status, " ", f.Answer.ScimType))
			if f.Answer.Detail == "" {
				answer += " without the courtesy"
			}
			fmt.Fprintf(list, "%s\t%s\t%s\t%s\n", f.Conversation, f.Step, answer, f.Answer.Detail)
		}
	}
	if err := list.Flush(); err != nil {
		t.Error(err)
	}
}

func total(r scimtest.Report) scimtest.Tally {
	return r.TallyBy(func(scimtest.Result) []string { return []string{"all"} })
}

// allRefused checks that strict refused everything that it is said to refuse.
func allRefused(t *testing.T, strict scimtest.Report) {
	t.Helper()
	done := make(map[[2]string]bool)
	for _, result := range strict {
		for _, f := range result.Refusals {
			done[[2]string{f.Conversation, f.Step}] = true
		}
	}
	for _, r := range refusals {
		if !done[[2]string{r.conversation, r.step}] {
			t.Errorf("strict grants what it is said to refuse: %s, %s", r.conversation, r.step)
		}
	}
}

// TestSections keeps the table of sections complete.
func TestSections(t *testing.T) {
	conversations, err := scimtest.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, c := range conversations {
		known[c.ID] = true
		if len(sections[c.ID]) == 0 {
			t.Errorf("%s has no section", c.ID)
		}
	}
	for id := range sections {
		if !known[id] {
			t.Errorf("there is no conversation %s", id)
		}
	}
}
