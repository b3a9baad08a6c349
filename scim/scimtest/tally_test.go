package scimtest

import (
	"slices"
	"strings"
	"testing"
)

func TestPrintTable(t *testing.T) {
	failed := func(step string) Failure { return Failure{Conversation: "okta-1", Step: step} }
	report := Report{
		{ID: "rfc-1", IdP: "rfc", Steps: 4},
		{ID: "okta-1", IdP: "okta", Steps: 5, Failures: []Failure{failed("a"), failed("a"), failed("b")}},
		{ID: "okta-2", IdP: "okta", Skipped: "bulk"},
	}
	own := report.Tally()
	report.Allow(func(f Failure) bool { return f.Step == "b" })
	half := report.Tally()
	report.Allow(func(Failure) bool { return true })
	var table strings.Builder
	if err := PrintTable(&table, "provider", Column{"own", own}, Column{"half", half}, Column{"strict", report[1:].Tally()}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(table.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"provider own: conversations steps half: conversations steps strict: conversations steps",
		"okta 1 FAILED, 1 skipped 3 passed, 2 FAILED 1 FAILED, 1 skipped 3 passed, 1 refused, 1 FAILED 1 refused, 1 skipped 3 passed, 2 refused",
		"rfc 1 passed 4 passed 1 passed 4 passed - -",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestTallyBy(t *testing.T) {
	tally := Report{{ID: "x", Steps: 1}}.TallyBy(func(Result) []string { return []string{"§3.12 b", "§3.4.2 a", "§3.4", "RFC 9 x"} })
	var names []string
	for _, c := range tally {
		names = append(names, c.Name)
	}
	if want := []string{"RFC 9 x", "§3.4", "§3.4.2 a", "§3.12 b"}; !slices.Equal(names, want) {
		t.Errorf("got %q", names)
	}
}

func TestReadSeeds(t *testing.T) {
	s := ReadSeeds([]Conversation{script(t, `[
		{"name":"1","method":"GET","path":"/Users","query":{"filter":"id eq \"${u}\""}},
		{"name":"2","parallel":[{"name":"3","method":"PATCH","path":"/Users/${u}","body":{"Operations":[{"op":"remove","path":"title"},{"op":"add"}]}}]},
		{"name":"4","method":"POST","path":"/Groups","rawBody":"{"},
		{"name":"5","method":"POST","path":"/Bulk","body":{}},{"name":"6","method":"POST","path":"/.search","body":{}},{"name":"7","method":"PUT","path":"/Users/1","body":[1]}]`)})
	for name, pair := range map[string][2][]string{
		"filters":  {s.Filters, {`id eq "u"`}},
		"queries":  {s.Queries, {"filter=id%20eq%20%22u%22"}},
		"paths":    {s.Paths, {"title"}},
		"groups":   {s.Groups, {"{"}},
		"bulks":    {s.Bulks, {"{}"}},
		"searches": {s.Searches, {"{}"}},
		"users":    {s.Users, {"[1]"}},
	} {
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("%s are %q", name, pair[0])
		}
	}
	if len(s.Patches) != 1 {
		t.Errorf("patches are %q", s.Patches)
	}
	corpus := Corpus(t)
	if len(corpus.Filters) < 50 || len(corpus.Patches) < 50 || len(corpus.Users) < 30 || len(corpus.Bulks) < 5 {
		t.Errorf("the corpus has %d filters, %d patches, %d users, %d bulks", len(corpus.Filters), len(corpus.Patches), len(corpus.Users), len(corpus.Bulks))
	}
}
