package fsm

import (
	"fmt"
	"slices"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

func change(n byte) directory.ChangeID { return directory.ChangeID{n} }

func userIDs(from, to int) (ids []directory.ResourceID) {
	for i := from; i < to; i++ {
		ids = append(ids, userID(i))
	}
	return ids
}

// members gives the ids of a group's members, in order of creation.
func (l *ledger) members(id directory.ResourceID) (ids []directory.ResourceID) {
	l.Helper()
	d := l.directory("acme")
	group, ok := d.Group(id)
	if !ok {
		l.Fatalf("no group %s", id)
	}
	for number := range d.MembersOf(group.Number) {
		if u, ok := d.UserByNumber(number); ok {
			ids = append(ids, u.ID)
		}
		if g, ok := d.GroupByNumber(number); ok {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

func (l *ledger) wantMembers(id directory.ResourceID, want ...directory.ResourceID) {
	l.Helper()
	if got := l.members(id); !slices.Equal(got, want) {
		l.Errorf("the members of %s are %v, want %v", id, got, want)
	}
	if err := l.fsm.View().Check(); err != nil {
		l.Error(err)
	}
}

func TestStaged_makesAGroup(t *testing.T) {
	l := newLedger(t).acme(6)
	l.do("acme", &command.StageMembers{Change: change(1), Add: userIDs(2, 4)})
	l.do("acme", &command.StageMembers{Change: change(1), Add: append(userIDs(4, 6), userIDs(2, 3)...), Remove: userIDs(0, 1)})
	l.do("acme", &command.DeleteUser{ID: userID(3)}) // gone meanwhile: left out
	l.fsm = reborn(t, l.fsm)
	l.do("acme", &command.CreateGroup{
		ID: "group", Source: directory.SourceSCIM, GroupFields: command.GroupFields{DisplayNameKey: "group"},
		Members: append(userIDs(0, 1), userID(4)), Staged: change(1),
	})
	l.wantMembers("group", userID(0), userID(2), userID(4), userID(5))
	l.refuse("acme", &command.UpdateGroup{ID: "group", Staged: change(1)}, directory.KindStale) // used up
}

func TestStaged_changesAGroup(t *testing.T) {
	for name, c := range map[string]struct {
		mode command.MembersMode
		want []directory.ResourceID
	}{
		"kept":     {command.MembersKeep, userIDs(0, 3)},
		"delta":    {command.MembersDelta, append(userIDs(1, 2), userIDs(3, 6)...)},
		"replaced": {command.MembersReplace, userIDs(3, 6)},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t).acme(6)
			made := l.do("acme", &command.CreateGroup{
				ID: "group", Source: directory.SourceSCIM, GroupFields: command.GroupFields{DisplayNameKey: "group"}, Members: userIDs(0, 3),
			})
			l.do("acme", &command.StageMembers{Change: change(1), Add: userIDs(3, 5), Remove: append(userIDs(0, 1), userIDs(3, 4)...)})
			l.refuse("acme", &command.UpdateGroup{ID: "group", ExpectVersion: 1, Staged: change(1)}, directory.KindStale)
			result := l.do("acme", &command.UpdateGroup{
				ID: "group", Mode: c.mode, Add: userIDs(5, 6), Remove: userIDs(2, 3), Staged: change(1),
			})
			if want := c.mode != command.MembersKeep; result.Changed != want || (result.Version == made.Version) == want {
				t.Errorf("result %+v", result)
			}
			l.wantMembers("group", c.want...)
			if changes, numbers := l.directory("acme").StagedCounts(); changes != 0 || numbers != 0 {
				t.Errorf("%d changes with %d numbers are left", changes, numbers)
			}
		})
	}
}

func TestStageMembers_rules(t *testing.T) {
	l := newLedger(t).acme(2)
	l.do("acme", &command.CreateGroup{ID: "group", Source: directory.SourceSCIM, GroupFields: command.GroupFields{DisplayNameKey: "group"}})
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	l.refuse("nowhere", &command.StageMembers{Change: change(1)}, directory.KindNotFound)
	l.refuse("acme", &command.StageMembers{Add: userIDs(0, 1)}, directory.KindInvalid)
	l.refuse("acme", &command.StageMembers{Change: change(1), Add: userIDs(1, 3)}, directory.KindInvalid)
	l.do("acme", &command.StageMembers{Change: change(1), Remove: userIDs(1, 3)})
	l.refuse("other", &command.CreateGroup{ID: "theirs", Source: directory.SourceSCIM, Staged: change(1)}, directory.KindStale)
	l.do("acme", &command.StageMembers{Change: change(2), Add: []directory.ResourceID{"group"}})
	l.refuse("acme", &command.UpdateGroup{ID: "group", Mode: command.MembersDelta, Staged: change(2)}, directory.KindInvalid)
	if changes, numbers := l.directory("acme").StagedCounts(); changes != 2 || numbers != 2 {
		t.Errorf("%d changes with %d numbers, want 2 and 2", changes, numbers)
	}
	for n := byte(3); n <= directory.MaxStagedChanges; n++ {
		l.do("acme", &command.StageMembers{Change: change(n)})
	}
	l.refuse("acme", &command.StageMembers{Change: change(99)}, directory.KindTooLarge)
	l.do("acme", &command.StageMembers{Change: change(3), Add: userIDs(0, 1)})
	l.do("acme", &command.DeleteOrganization{})
	if err := l.fsm.View().Check(); err != nil {
		t.Error(err)
	}
}

func TestStageMembers_parts(t *testing.T) {
	l := newLedger(t).acme(0)
	for range directory.MaxStagedParts {
		l.do("acme", &command.StageMembers{Change: change(1)})
	}
	l.refuse("acme", &command.StageMembers{Change: change(1)}, directory.KindTooLarge)
}

// A change is forgotten a while after its last part.
func TestStaged_expires(t *testing.T) {
	l := newLedger(t).acme(1)
	l.do("acme", &command.StageMembers{Change: change(1), Add: userIDs(0, 1)})
	l.now += directory.StagedLife - 1
	l.do("acme", &command.StageMembers{Change: change(1)})
	l.now += directory.StagedLife - 1
	l.do("acme", &command.StageMembers{Change: change(2)})
	if changes, _ := l.directory("acme").StagedCounts(); changes != 2 {
		t.Errorf("%d changes, want 2", changes)
	}
	l.now++
	l.refuse("acme", &command.CreateGroup{ID: "group", Source: directory.SourceSCIM, Staged: change(1)}, directory.KindStale)
	if changes, numbers := l.directory("acme").StagedCounts(); changes != 1 || numbers != 0 {
		t.Errorf("%d changes with %d numbers, want the second only", changes, numbers)
	}
}

func TestStageMembers_numbers(t *testing.T) {
	const part = 2500
	l := newLedger(t).acme(0)
	for i := 0; i < part; i += 250 {
		var commands []command.Command
		for j := range 250 {
			commands = append(commands, l.command("acme", createUserCommand(i+j)))
		}
		l.send(commands...)
	}
	all := userIDs(0, part)
	for i := range directory.MaxStagedNumbers / part {
		l.do("acme", &command.StageMembers{Change: change(byte(i%3) + 1), Add: all})
	}
	l.refuse("acme", &command.StageMembers{Change: change(1), Add: userIDs(0, 1)}, directory.KindTooLarge)
	l.refuse("acme", &command.StageMembers{Change: change(4), Remove: userIDs(0, 1)}, directory.KindTooLarge)
	l.do("acme", &command.StageMembers{Change: change(1)})
	l.do("acme", &command.CreateGroup{ID: "group", Source: directory.SourceSCIM, Staged: change(1)})
	if got := len(l.members("group")); got != part {
		t.Errorf("%d members, want %d", got, part)
	}
	l.do("acme", &command.StageMembers{Change: change(4), Add: userIDs(0, 1)})
}

// BenchmarkStagedGroup makes a group of 100,000 members: staged in parts, then made by one command.
func BenchmarkStagedGroup(b *testing.B) {
	const size, part = 100_000, directory.MaxStagedIDs
	l := newBench(b, size)
	ids := make([]directory.ResourceID, size)
	for i := range ids {
		ids[i] = bigUser(i).ID
	}
	for n := 0; b.Loop(); n++ {
		var commands []command.Payload
		for chunk := range slices.Chunk(ids, part) {
			commands = append(commands, &command.StageMembers{Change: change(1), Add: chunk})
		}
		name := fmt.Sprint("group-", n)
		commands = append(commands,
			&command.CreateGroup{
				ID: directory.ResourceID(name), Source: directory.SourceSCIM, GroupFields: command.GroupFields{DisplayNameKey: name}, Staged: change(1),
			})
		l.feed(l.benchEntries(len(commands), 1, func(i int) command.Payload { return commands[i] }))
	}
}
