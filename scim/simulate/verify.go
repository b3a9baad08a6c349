package simulate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const verifyPage = 100

// verify reads everything back, by lists, by cursors where the server has them, and one by one, and compares it with what the
// provider believes.
func (s *session) verify(ctx context.Context) error {
	var listed, listedGroups []resource
	err := s.phaseOne(ctx, "verify: lists", func(ctx context.Context) (err error) {
		if listed, err = s.walk(ctx, users, verifyPage); err != nil {
			return err
		}
		if err := s.verifyCursors(ctx, listed); err != nil {
			return err
		}
		if s.Dialect.Groups() {
			listedGroups, err = s.walk(ctx, groups, verifyPage, parameter{"excludedAttributes", "members"})
		}
		return err
	})
	if err != nil {
		return err
	}
	s.verifyUsers(listed)
	s.verifyGroups(listedGroups)
	return s.verifyEach(ctx)
}

// verifyCursors walks through the users by cursor (RFC 9865), where the server says that it can.
func (s *session) verifyCursors(ctx context.Context, listed []resource) error {
	config, gone, err := s.fetch(ctx, get("/ServiceProviderConfig"))
	if err != nil || gone {
		return err
	}
	pagination, _ := config["pagination"].(resource)
	if cursors, _ := pagination["cursor"].(bool); !cursors {
		return nil
	}
	there := make(map[string]bool)
	for cursor := ""; ; {
		entries, whole, err := s.list(ctx, get(users, parameter{"cursor", cursor}, parameter{"count", fmt.Sprint(verifyPage)}))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if there[text(e, "id")] {
				s.found.add(Doubled, called(e), "came twice in a walk by cursor")
			}
			there[text(e, "id")] = true
		}
		if cursor = text(whole, "nextCursor"); cursor == "" {
			break
		}
	}
	for _, e := range listed {
		if !there[text(e, "id")] {
			s.found.add(Lost, called(e), "did not come in a walk by cursor")
		}
		delete(there, text(e, "id"))
	}
	if len(there) > 0 {
		s.found.add(Extra, "users", fmt.Sprintf("%d came in a walk by cursor that are in no list", len(there)))
	}
	return nil
}

// own tells whether a user or group of the server is of this made-up directory.
func (s *session) own(r resource) bool {
	name := strings.ToLower(text(r, "userName"))
	if name != "" {
		return strings.HasSuffix(name, "@"+s.plan.domain) || strings.HasSuffix(name, "@probe."+s.plan.domain)
	}
	name = text(r, "displayName")
	return strings.HasSuffix(name, " "+s.plan.mark) || name == probeGroup(s.plan.domain)
}

// verifyUsers compares the list of users with the roster.
func (s *session) verifyUsers(listed []resource) {
	byID := s.index(listed)
	for key := range s.roster.People {
		p, k := &s.roster.People[key], &s.people[key]
		if p.Gone {
			continue
		}
		s.report.Users++
		r, ok := byID[k.id]
		if !ok {
			s.found.add(Lost, p.UserName, "is not in the list of users")
			continue
		}
		delete(byID, k.id)
		s.compare(p.UserName, "the list of users", s.wanted(key, true), observe(s.Dialect.people.mapping, r))
	}
	s.leftovers(byID, func(name string) bool {
		return slices.ContainsFunc(s.roster.People, func(p Person) bool { return !p.Gone && strings.EqualFold(p.UserName, name) })
	})
}

func (s *session) verifyGroups(listed []resource) {
	byID := s.index(listed)
	for key := range s.roster.Teams {
		t, k := &s.roster.Teams[key], &s.teams[key]
		if t.Gone {
			continue
		}
		s.report.Groups++
		s.report.Memberships += len(t.Members)
		r, ok := byID[k.id]
		if !ok {
			s.found.add(Lost, t.Name, "is not in the list of groups")
			continue
		}
		delete(byID, k.id)
		if name := text(r, "displayName"); name != t.Name {
			s.found.add(Differs, t.Name, "is called "+quote(name)+" in the list of groups")
		}
	}
	s.leftovers(byID, func(name string) bool {
		return slices.ContainsFunc(s.roster.Teams, func(t Team) bool { return !t.Gone && strings.EqualFold(t.Name, name) })
	})
}

func (s *session) index(listed []resource) map[string]resource {
	byID := make(map[string]resource, len(listed))
	for _, r := range listed {
		if s.own(r) {
			byID[text(r, "id")] = r
		}
	}
	return byID
}

// leftovers notes what is of this directory and nobody's: a second one of what there is, or something that should be gone.
func (s *session) leftovers(byID map[string]resource, known func(name string) bool) {
	for id, r := range byID {
		if known(called(r)) {
			s.found.add(Doubled, called(r), "is there once more, with id "+id)
		} else {
			s.found.add(Extra, called(r), "should not be there")
		}
	}
}

// verifyEach reads every user and group by its id. Memberships are compared from both sides.
func (s *session) verifyEach(ctx context.Context) error {
	belongs := make([]map[string]bool, len(s.people)) // by key: ids of the user's groups
	for i := range belongs {
		belongs[i] = make(map[string]bool)
	}
	var tasks []task
	for key := range s.roster.Teams {
		t, k := &s.roster.Teams[key], &s.teams[key]
		if t.Gone || k.id == "" {
			continue
		}
		for m := range t.Members {
			belongs[m][k.id] = true
		}
		tasks = append(tasks, task{t.Name, func(ctx context.Context) error { return s.verifyMembers(ctx, key) }})
	}
	if err := s.phase(ctx, "verify: memberships", tasks); err != nil {
		return err
	}
	tasks = nil
	for key := range s.roster.People {
		if p := &s.roster.People[key]; !p.Gone && s.people[key].id != "" {
			tasks = append(tasks, task{p.UserName, func(ctx context.Context) error { return s.verifyUser(ctx, key, belongs[key]) }})
		}
	}
	return s.phase(ctx, "verify: users", tasks)
}

func (s *session) verifyMembers(ctx context.Context, key int) error {
	t, k := &s.roster.Teams[key], &s.teams[key]
	r, gone, err := s.fetch(ctx, get(groupPath(k.id)))
	if err != nil {
		return err
	}
	if gone {
		return errGone
	}
	ids := memberIDs(r)
	there := make(map[string]bool, len(ids))
	for _, id := range ids {
		if there[id] {
			s.found.add(Doubled, t.Name, "has the member "+id+" twice")
		}
		there[id] = true
	}
	for _, m := range sorted(t.Members) {
		if id := s.people[m].id; !there[id] {
			s.found.add(Lost, t.Name, "lacks the member "+s.roster.People[m].UserName)
		} else {
			delete(there, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(there)) {
		s.found.add(Extra, t.Name, "has the member "+id+", who left or never was in it")
	}
	return nil
}

func (s *session) verifyUser(ctx context.Context, key int, belongs map[string]bool) error {
	p, k := &s.roster.People[key], &s.people[key]
	r, gone, err := s.fetch(ctx, get(userPath(k.id)))
	if err != nil {
		return err
	}
	if gone {
		return errGone
	}
	s.compare(p.UserName, "its own address", s.wanted(key, true), observe(s.Dialect.people.mapping, r))
	list, shows := r["groups"].([]any)
	if !shows { // User.groups is not served by everybody
		return nil
	}
	there := make(map[string]bool)
	for _, entry := range list {
		g, _ := entry.(resource)
		there[text(g, "value")] = true
	}
	if !maps.Equal(there, belongs) {
		s.found.add(Differs, p.UserName, fmt.Sprintf("shows %d groups, not the %d that have the user as member", len(there), len(belongs)))
	}
	return nil
}

// sweep deletes everything of this made-up directory, and nothing else.
func (s *session) sweep(ctx context.Context, name string) error {
	for _, path := range []string{groups, users} {
		if path == groups && !s.Dialect.Groups() {
			continue
		}
		var tasks []task
		err := s.phaseOne(ctx, name+": look for "+strings.ToLower(path[1:]), func(ctx context.Context) error {
			listed, err := s.walk(ctx, path, verifyPage, parameter{"excludedAttributes", "members"})
			for _, r := range listed {
				if s.own(r) {
					id := text(r, "id")
					tasks = append(tasks, task{called(r), func(ctx context.Context) error {
						return s.erase(ctx, path+userPath(id)[len(users):], false)
					}})
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := s.phase(ctx, name+": "+strings.ToLower(path[1:]), tasks); err != nil {
			return err
		}
	}
	return nil
}
