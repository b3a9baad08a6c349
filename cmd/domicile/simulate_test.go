package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"domicile/scim/simulate"
)

func TestSimulate(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	var made scimToken
	s.json(&made, "token", "create", "acme")
	base, err := url.Parse(made.SCIMBase)
	if err != nil {
		t.Fatal(err)
	}
	command := []string{"simulate", "okta", "--base", s.url + base.Path, "--users", "12", "--groups", "3", "--cycles", "1"}
	withFile := append(command, "--token-file", writeFile(t, "scim", made.Token))

	out, complaint, code := s.bare("", append(withFile, "--verbose")...)
	if code != 0 || !strings.Contains(out, "\nEQUAL: ") || !strings.Contains(out, "--clean-up deletes it") ||
		!strings.Contains(out, "initial: memberships") {
		t.Errorf("exit %d %s\n%s", code, complaint, out)
	}
	out, complaint, code = s.bare(made.Token, append(command, "--token-file", "-", "--clean-up", "-o", "json")...)
	var report simulate.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 || complaint != "" {
		t.Fatalf("exit %d %s, %v\n%s", code, complaint, err, out)
	}
	if !report.Equal || !report.CleanedUp || report.Users < 12 || report.Groups < 3 || report.Requests < 50 || len(report.Counts) == 0 {
		t.Errorf("reported %+v", report)
	}
	if strings.Contains(out, made.Token) {
		t.Error("the report shows the token")
	}
	if out, complaint, code = s.bare("", append(command, "--token", "wrong")...); code != 1 || !strings.Contains(complaint, "401") {
		t.Errorf("exit %d %s with a wrong token\n%s", code, complaint, out)
	}
}

func TestSimulate_usage(t *testing.T) {
	s := &shell{t: t}
	out, complaint, code := s.bare("", "simulate", "--list")
	for _, d := range simulate.Dialects() {
		if code != 0 || !strings.Contains(out, "\n"+d.Name+" ") {
			t.Errorf("exit %d %s: no %s in\n%s", code, complaint, d.Name, out)
		}
	}
	where := []string{"--base", "http://127.0.0.1:1/scim/v2/x", "--token", "t"}
	for name, line := range map[string][]string{
		"nothing":         {"simulate"},
		"no such dialect": append([]string{"simulate", "oktopus"}, where...),
		"two dialects":    append([]string{"simulate", "okta", "entra"}, where...),
		"no address":      {"simulate", "okta", "--token", "t"},
		"no token":        {"simulate", "okta", "--base", "http://127.0.0.1:1/scim"},
		"odd address":     {"simulate", "okta", "--base", "us.example.com", "--token", "t"},
		"two tokens":      append([]string{"simulate", "okta", "--token-file", "-"}, where...),
		"keep and not":    append([]string{"simulate", "okta", "--keep", "--clean-up"}, where...),
		"nobody":          append([]string{"simulate", "okta", "--users", "0"}, where...),
		"odd rate":        append([]string{"simulate", "okta", "--rate", "-1"}, where...),
		"odd output":      append([]string{"simulate", "okta", "-o", "xml"}, where...),
		"unknown flag":    append([]string{"simulate", "okta", "--people", "3"}, where...),
	} {
		if out, complaint, code := s.bare("", line...); code != 2 || complaint == "" {
			t.Errorf("%s: exit %d %q\n%s", name, code, complaint, out)
		}
	}
}

func TestSimulate_verdict(t *testing.T) {
	r := &simulate.Report{Differences: []simulate.Difference{}}
	for range shownDifferences + 5 {
		r.Differences = append(r.Differences, simulate.Difference{Kind: simulate.Lost, Object: "ada@x", Detail: "is not there"})
	}
	var out strings.Builder
	if err := new(simulateFlags).verdict(&out, &target{format: "table"}, r); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"\nLOST: ada@x is not there\n", "… and 5 more", "NOT EQUAL: 25 differences."} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in\n%s", part, out.String())
		}
	}
}
