package simulate

import (
	"context"
	"errors"
	"maps"
)

// userTasks are the users that are not as they should be. Their managers come in a second pass, when all users have ids.
func (s *session) userTasks(withManager bool) []task {
	var tasks []task
	for key := range s.roster.People {
		p, k := &s.roster.People[key], &s.people[key]
		if p.Gone || k.id == "" && withManager || k.id != "" && maps.Equal(s.wanted(key, withManager), k.values) {
			continue
		}
		tasks = append(tasks, task{p.UserName, func(ctx context.Context) error { return s.provision(ctx, key, withManager) }})
	}
	return tasks
}

// wanted is what the provider wants to see of a person. Without the manager, whose user another task may be making, it wants
// what is there.
func (s *session) wanted(key int, withManager bool) values {
	p := s.roster.People[key]
	switch line := manager(); {
	case !withManager:
		p.managerID = s.people[key].values[line.path()]
	case p.Manager != nobody:
		p.managerID = s.people[p.Manager].id
	}
	return apply(s.Dialect.people.mapping, &p)
}

// provision makes, finds or changes one user.
func (s *session) provision(ctx context.Context, key int, withManager bool) error {
	h, k, name := &s.Dialect.people, &s.people[key], s.roster.People[key].UserName
	if k.id == "" {
		if err := s.createUser(ctx, key); err != nil {
			return err
		}
	}
	if h.read != readsNothing {
		gone, err := s.reread(ctx, key)
		if err != nil {
			return err
		}
		if gone {
			s.found.add(errGone.kind, name, errGone.detail)
			*k = known{}
			return s.createUser(ctx, key)
		}
	}
	u := userChange{habits: h, id: k.id, is: s.wanted(key, withManager), was: k.values}
	if len(u.changed()) == 0 {
		k.certain = true
		return nil
	}
	k.certain = false
	err := s.send(ctx, h.update(u))
	if errors.Is(err, errGone) {
		s.found.add(errGone.kind, name, errGone.detail)
		*k = known{}
		return s.createUser(ctx, key)
	}
	if err != nil {
		return err
	}
	k.values, k.certain = u.is, true
	return nil
}

// key is the value by which the provider finds a person again.
func (s *session) key(p *Person) string {
	if s.Dialect.people.find.by == "externalId" {
		return p.ExternalID
	}
	return p.UserName
}

// createUser makes a user, or links one that is there. What is there is brought up to date by who calls.
func (s *session) createUser(ctx context.Context, key int) error {
	h, p, k := &s.Dialect.people, &s.roster.People[key], &s.people[key]
	is := s.wanted(key, false)
	r, made, err := s.make(ctx, &creation{
		path: users, find: &h.find, key: s.key(p), request: post(users, h.whole(is)), surveys: h.survey, unsure: &k.unsure,
	})
	if err != nil {
		return err
	}
	seen := observe(h.mapping, r)
	if made && text(r, "userName") != "" {
		s.compare(p.UserName, "the answer to POST", is, seen)
	}
	if made {
		seen = is
	}
	if id := text(r, "id"); id == k.former {
		s.found.add(Extra, p.UserName, "was deleted, and is there again under the same id")
	}
	*k = known{id: text(r, "id"), values: seen, certain: made}
	return nil
}

// compare notes every attribute that is not as it should be.
func (s *session) compare(object, where string, is, seen values) {
	for _, a := range changed(s.Dialect.people.mapping, is, seen) {
		s.found.add(Differs, object, a.path()+" is "+quote(seen[a.path()])+" in "+where+", not "+quote(is[a.path()]))
	}
}

// reread reads a user as the provider does before it changes it, and believes what it sees; but what it was sure of must be
// what it sees.
func (s *session) reread(ctx context.Context, key int) (gone bool, err error) {
	h, p, k := &s.Dialect.people, &s.roster.People[key], &s.people[key]
	var r resource
	if h.read == readsByLookup {
		// The name that this goes by may be about to change, the external id never does.
		r, err = s.look(ctx, &creation{path: users, find: &h.find, key: s.key(p)})
		gone = err == nil && r == nil
	} else {
		r, gone, err = s.fetch(ctx, get(userPath(k.id)))
	}
	if err != nil || gone {
		return gone, err
	}
	seen := observe(h.mapping, r)
	if k.certain {
		s.compare(p.UserName, "a read before a change", k.values, seen)
	}
	k.values = seen
	return false, nil
}

// fetch reads one resource that may be gone.
func (s *session) fetch(ctx context.Context, r request) (_ resource, gone bool, err error) {
	a, err := s.wire.send(ctx, r)
	switch {
	case err != nil:
		return nil, false, err
	case a.status == 404:
		return nil, true, nil
	case !a.ok():
		return nil, false, refused(&r, &a)
	}
	body, err := a.resource()
	return body, false, err
}

// deletions are the users who are to be deleted.
func (s *session) deletions() []task {
	var tasks []task
	for key := range s.roster.People {
		p, k := &s.roster.People[key], &s.people[key]
		if !p.Gone || k.id == "" {
			continue
		}
		tasks = append(tasks, task{p.UserName, func(ctx context.Context) error { return s.deleteUser(ctx, key) }})
	}
	// Who is deleted is out of all groups, without another word.
	for key := range s.teams {
		maps.DeleteFunc(s.teams[key].members, func(m int, _ bool) bool { return s.roster.People[m].Gone })
	}
	return tasks
}

func (s *session) deleteUser(ctx context.Context, key int) error {
	h, p, k := &s.Dialect.people, &s.roster.People[key], &s.people[key]
	if h.read == readsByLookup {
		r, err := s.look(ctx, &creation{path: users, find: &h.find, key: s.key(p)})
		if err != nil {
			return err
		}
		if r == nil && k.certain {
			return errGone
		}
	}
	certain := k.certain
	k.certain = false
	if err := s.erase(ctx, userPath(k.id), certain); err != nil {
		return err
	}
	*k = known{former: k.id}
	return nil
}
