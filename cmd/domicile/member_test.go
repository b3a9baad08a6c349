package main

import (
	"strings"
	"testing"

	"domicile/directory"
)

func TestMember(t *testing.T) {
	s := newShell(t)
	lines := strings.Split(s.run("member", "list"), "\n")
	if !strings.HasPrefix(lines[0], "NODE  ROLE    STATE  ADDRESS") || !strings.HasPrefix(lines[1], "us-1  leader  up     us-1.internal:7946") ||
		!strings.HasPrefix(lines[2], "us-2  voter ") {
		t.Fatalf("listed\n%s", strings.Join(lines, "\n"))
	}
	if out := s.run("member", "transfer"); out != "Another node leads now.\n" {
		t.Errorf("said %q", out)
	}
	s.fails(1, `there is no member "us-9"`, "member", "remove", "us-9")
	s.fails(2, "is empty", "member", "remove", "")
	s.fails(2, "usage", "member", "remove")
	if out := s.run("member", "remove", "us-1"); out != "Node us-1 is no member any more.\n" {
		t.Errorf("said %q", out)
	}
	var members []directory.Member
	s.json(&members, "member", "list")
	if len(members) != 2 || members[0].Node != "us-2" || !members[0].Leader {
		t.Errorf("left are %+v", members)
	}
	s.run("member", "remove", "us-2-1")
	s.fails(1, "has the only vote", "member", "remove", "us-3")
	s.fails(1, "no other member has a vote", "member", "transfer")
}

func TestRoleOf(t *testing.T) {
	if role := roleOf(directory.Member{}); role != "learner" {
		t.Errorf("a member without a vote is a %s", role)
	}
}
