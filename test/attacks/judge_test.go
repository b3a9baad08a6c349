package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// bookOf reads a run in which these tests passed, in the order of go test: those above others come after them.
func bookOf(t *testing.T, lines ...string) *book {
	t.Helper()
	var text strings.Builder
	for _, line := range lines {
		action, test, _ := strings.Cut(line, " ")
		room, name, _ := strings.Cut(test, " ")
		fmt.Fprintf(&text, `{"Action":%q,"Package":"domicile/%s","Test":%q}`+"\n", action, room, name)
	}
	b := newBook()
	if err := b.read(strings.NewReader(text.String())); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestJudge(t *testing.T) {
	replay := row{"20", "replay", []proof{{httpapi, "TestAttack20_replay", 1}, {e2e, "TestAttack20_twoNodes", 2}, {httpapi, "TestAttacks_answers/20_", 1}}}
	all := []string{
		"run httpapi TestAttack20_replay", "pass httpapi TestAttack20_replay",
		"pass test/e2e TestAttack20_twoNodes/one", "pass test/e2e TestAttack20_twoNodes/other", "pass test/e2e TestAttack20_twoNodes",
		"pass httpapi TestAttacks_answers/20_twice", "pass httpapi TestAttacks_answers",
	}
	for _, test := range []struct {
		name    string
		lines   []string
		want    string
		missing int
	}{
		{"all there", all, "ok    4", 0},
		{"a room is missing", all[:2], "LESS  1, see below", 2},
		{"a subtest is missing", slices.Delete(slices.Clone(all), 2, 3), "LESS  3, see below", 1},
		{"a longer name is no proof", append(slices.Clone(all[2:]), "pass httpapi TestAttack20_replayLater"), "LESS  3, see below", 1},
		{"the same name in another room is no proof", append(slices.Clone(all[2:]), "pass oidc TestAttack20_replay"), "LESS  3, see below", 1},
		{"one failed", append(slices.Clone(all[:6]), "fail httpapi TestAttacks_answers/20_again", "fail httpapi TestAttacks_answers"), "FAIL  1 of 5", 0},
		{"one was skipped", append(slices.Clone(all[2:]), "skip httpapi TestAttack20_replay"), "FAIL  1 of 4", 0},
		{"one above others failed by itself", append(slices.Clone(all[:4]), "fail test/e2e TestAttack20_twoNodes", all[5]), "FAIL  1 of 5", 0},
		{"nothing ran", nil, "LESS  0, see below", 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := bookOf(t, test.lines...).judge(replay)
			if v.String() != test.want || v.ok() != strings.HasPrefix(test.want, "ok") || len(v.missing) != test.missing {
				t.Errorf("%s, missing %q; want %s", v, v.missing, test.want)
			}
		})
	}
}

// A test that is named after an attack and that no line asks for would not be missed.
func TestStrays(t *testing.T) {
	b := bookOf(t,
		"pass httpapi TestAttack20_replay", "pass oidc TestAttack20_replay", "pass httpapi TestAttack99_new", "pass httpapi TestAttack_prefetch",
		"pass httpapi TestAttacks_answersOfTheProvider/07_iat_ahead", "pass httpapi TestAttacks_answersOfTheProvider/77_new",
		"pass httpapi TestOIDF_formPost/oidcc-client-test", "pass httpapi TestOIDF_formPost/oidcc-client-test-missing-aud",
		"pass httpapi TestAttack36_deactivationUnderRequests",
	)
	want := []string{
		"httpapi TestAttack36_deactivationUnderRequests", "httpapi TestAttack99_new", "httpapi TestAttacks_answersOfTheProvider/77_new",
		"httpapi TestOIDF_formPost/oidcc-client-test-missing-aud", "oidc TestAttack20_replay",
	}
	if got := b.strays(); !slices.Equal(got, want) {
		t.Errorf("strays %q", got)
	}
}

// Numbers are stable names, and each has a title of its own and a proof.
func TestCases(t *testing.T) {
	titles := map[string]bool{}
	for _, r := range attackRows() {
		if r.title == "" || titles[r.title] || len(r.proofs) == 0 {
			t.Errorf("%s: %q with %d proofs", r.name, r.title, len(r.proofs))
		}
		titles[r.title] = true
	}
	if len(titles) != len(cases)-1 {
		t.Errorf("%d titles for %d numbers", len(titles), len(cases)-1)
	}
	var out strings.Builder
	if err := report(&out, newBook()); err == nil || !strings.Contains(out.String(), "attacks 0/60   modules of the OpenID Foundation 0/56") ||
		!strings.Contains(out.String(), "missing: 36 test/e2e TestAttack36_deactivationUnderRequests: 0 of 1") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
