package simulate

import (
	"context"
	"errors"
	"maps"
	"sync"
)

// groupTasks are the groups that are to be made or deleted.
func (s *session) groupTasks() []task {
	var tasks []task
	for key := range s.roster.Teams {
		t, k := &s.roster.Teams[key], &s.teams[key]
		switch {
		case t.Gone && k.id != "":
			tasks = append(tasks, task{t.Name, func(ctx context.Context) error {
				certain := k.certain
				k.certain = false
				if err := s.erase(ctx, groupPath(k.id), certain); err != nil {
					return err
				}
				*k = knownTeam{}
				return nil
			}})
		case !t.Gone && k.id == "":
			tasks = append(tasks, task{t.Name, func(ctx context.Context) error { return s.createGroup(ctx, key) }})
		}
	}
	return tasks
}

// refs gives people as members; who could not be provisioned is left out, and reported already.
func (s *session) refs(keys []int) []ref {
	var refs []ref
	for _, k := range keys {
		if id := s.people[k].id; id != "" {
			refs = append(refs, ref{id, s.roster.People[k].DisplayName()})
		}
	}
	return refs
}

func (s *session) createGroup(ctx context.Context, key int) error {
	h, t, k := s.Dialect.groups, &s.roster.Teams[key], &s.teams[key]
	state := groupState{t.Name, t.ExternalID, s.refs(sorted(t.Members))}
	by := t.Name
	if h.find.by == "externalId" {
		by = t.ExternalID
	}
	r, made, err := s.make(ctx, &creation{
		path: groups, find: &h.find, key: by, request: h.create(state), surveys: h.survey, unsure: &k.unsure,
	})
	if err != nil {
		return err
	}
	*k = knownTeam{id: text(r, "id"), name: t.Name, members: make(map[int]bool), certain: made}
	if made {
		if h.filled {
			k.members = maps.Clone(t.Members)
		}
		return nil
	}
	return s.link(ctx, k)
}

// link learns what a group has that was there already.
func (s *session) link(ctx context.Context, k *knownTeam) error {
	r, err := s.read(ctx, get(groupPath(k.id)))
	if err != nil {
		return err
	}
	k.name, k.members = text(r, "displayName"), s.insiders(r)
	return nil
}

// insiders gives the members that are people of this roster.
func (s *session) insiders(group resource) map[int]bool {
	keys := make(map[string]int, len(s.people))
	for key := range s.people {
		if id := s.people[key].id; id != "" {
			keys[id] = key
		}
	}
	members := make(map[int]bool)
	for _, id := range memberIDs(group) {
		if key, ok := keys[id]; ok {
			members[key] = true
		}
	}
	return members
}

func memberIDs(group resource) []string {
	var ids []string
	list, _ := group["members"].([]any)
	for _, entry := range list {
		m, _ := entry.(resource)
		ids = append(ids, text(m, "value"))
	}
	return ids
}

// membershipTasks are the groups whose name or members are not as they should be.
func (s *session) membershipTasks() []task {
	var tasks []task
	for key := range s.roster.Teams {
		t, k := &s.roster.Teams[key], &s.teams[key]
		if t.Gone || k.id == "" || k.certain && k.name == t.Name && maps.Equal(k.members, t.Members) {
			continue
		}
		tasks = append(tasks, task{t.Name, func(ctx context.Context) error { return s.changeGroup(ctx, key) }})
	}
	return tasks
}

func (s *session) changeGroup(ctx context.Context, key int) error {
	h, t, k := s.Dialect.groups, &s.roster.Teams[key], &s.teams[key]
	if h.read {
		if err := s.rereadGroup(ctx, key); err != nil {
			return err
		}
	}
	c := groupChange{
		groupState: groupState{t.Name, t.ExternalID, s.refs(sorted(t.Members))},
		id:         k.id, renamed: k.name != t.Name, chunk: s.chunk,
		join: s.refs(without(t.Members, k.members)), leave: s.refs(without(k.members, t.Members)),
	}
	if !c.renamed && len(c.join)+len(c.leave) == 0 {
		k.certain = true
		return nil
	}
	k.certain = false
	var err error
	if h.scattered && s.began {
		c.chunk = 1
		err = s.scatter(ctx, h.update(c))
	} else {
		err = s.send(ctx, h.update(c))
	}
	if err != nil {
		return err
	}
	k.name, k.members, k.certain = t.Name, maps.Clone(t.Members), true
	return nil
}

// without gives the keys of a set that are not in another.
func without(set, other map[int]bool) []int {
	var keys []int
	for _, k := range sorted(set) {
		if !other[k] {
			keys = append(keys, k)
		}
	}
	return keys
}

// scatter sends requests that do not depend on each other all at once.
func (s *session) scatter(ctx context.Context, requests []request) error {
	var wg sync.WaitGroup
	errs := make([]error, len(requests))
	for i, r := range requests {
		wg.Go(func() { errs[i] = s.send(ctx, []request{r}) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// rereadGroup reads a group as the provider does before it changes it. Members that the answer shows are believed, but what
// the provider was sure of must be what it sees.
func (s *session) rereadGroup(ctx context.Context, key int) error {
	h, t, k := s.Dialect.groups, &s.roster.Teams[key], &s.teams[key]
	r, gone, err := s.fetch(ctx, get(groupPath(k.id), h.query...))
	if err != nil {
		return err
	}
	if gone {
		return errGone
	}
	name := text(r, "displayName")
	if k.certain && name != k.name {
		s.found.add(Differs, t.Name, "is called "+quote(name)+" in a read before a change, not "+quote(k.name))
	}
	k.name = name
	if len(h.query) > 0 { // without members
		return nil
	}
	members := s.insiders(r)
	if k.certain && !maps.Equal(members, k.members) {
		s.found.add(Differs, t.Name, "has other members in a read before a change than were acknowledged")
	}
	k.members = members
	return nil
}
