package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// reader looks at what the writers of an organization change. Every other reader stays with its node, whatever happens.
type reader struct {
	side   *side
	book   *book
	name   string
	home   int
	sticky bool
	think  time.Duration
	rng    *rand.Rand
	client *client
}

func newReader(s *side, i int, think time.Duration, seed uint64) *reader {
	b := s.books[i%len(s.books)]
	return &reader{
		side: s, book: b, name: fmt.Sprintf("%s-r%d", s.region.ID, i), home: i / 4 % len(s.places), sticky: i/2%2 == 0,
		think: think, rng: random(seed, "reader-"+s.region.ID, i), client: newClient(s.places, b.token),
	}
}

func (r *reader) run(ctx context.Context) {
	defer r.client.close()
	for ctx.Err() == nil {
		r.side.gate.RLock()
		r.step(ctx)
		r.side.gate.RUnlock()
		if rest(ctx, r.think) != nil {
			return
		}
	}
}

// step is one read of the mix.
func (r *reader) step(ctx context.Context) {
	switch dice := r.rng.IntN(100); {
	case dice < 50:
		r.readCounter(ctx, r.book.counters[r.rng.IntN(len(r.book.counters))])
	case dice < 70:
		r.readGroup(ctx)
	default:
		if l := r.book.someLife(r.rng); l != nil && dice < 90 {
			r.findLife(ctx, l)
		} else if l != nil {
			r.readLife(ctx, l)
		}
	}
}

func (r *reader) readCounter(ctx context.Context, c *counter) {
	floor := c.floor()
	a, ok := r.get(ctx, "read", c.userName, "/Users/"+c.id, http.StatusNotFound)
	if !ok {
		return
	}
	var u user
	if a.status == http.StatusOK && json.Unmarshal(a.body, &u) != nil {
		r.side.score.fault("%s read %s: unreadable: %.300s", r.name, c.userName, a.body)
		return
	}
	r.judge("displayName of "+c.userName, u.DisplayName, c.observe(floor, c.shows(u.DisplayName)))
}

func (r *reader) readGroup(ctx context.Context) {
	floors := make([]int64, len(r.book.links))
	for i, l := range r.book.links {
		floors[i] = l.floor()
	}
	a, ok := r.get(ctx, "group", r.book.group, "/Groups/"+r.book.group)
	if !ok {
		return
	}
	members, err := decodeMembers(a.body)
	if err != nil {
		r.side.score.fault("%s read group %s: %v", r.name, r.book.group, err)
		return
	}
	for i, l := range r.book.links {
		r.judge("membership of "+l.member, members[l.member], l.observe(floors[i], l.shows(members[l.member])))
	}
}

// findLife looks a user up through the index of names.
func (r *reader) findLife(ctx context.Context, l *life) {
	floor := l.floor()
	path := "/Users?filter=" + url.QueryEscape(fmt.Sprintf("userName eq %q", l.userName))
	a, ok := r.get(ctx, "find", l.userName, path)
	if !ok {
		return
	}
	users, _, err := decodeList(a.body)
	if err != nil || len(users) > 1 {
		r.side.score.fault("%s looked for %s and found %d: %v", r.name, l.userName, len(users), err)
		return
	}
	r.judge("existence by name of "+l.userName, len(users), l.observe(floor, l.shows(len(users) == 1)))
}

// readLife reads a user by id; before the creation was acknowledged nobody knows it.
func (r *reader) readLife(ctx context.Context, l *life) {
	id := l.identity()
	if id == "" {
		return
	}
	floor := l.floor()
	a, ok := r.get(ctx, "life", l.userName, "/Users/"+id, http.StatusNotFound)
	if !ok {
		return
	}
	r.judge("existence by id of "+l.userName, a.status, l.observe(floor, l.shows(a.status == http.StatusOK)))
}

func (r *reader) judge(what string, seen any, err error) {
	if err != nil {
		r.side.score.fault("STALE: %s saw %v as %s: it %v", r.name, seen, what, err)
	}
}

// get reads once; ok tells that the answer is 200 or one of the other statuses that mean something.
func (r *reader) get(ctx context.Context, kind, key, path string, also ...int) (answer, bool) {
	node := r.home
	if !r.sticky {
		node = r.side.route(r.home, 0)
	}
	began := time.Now()
	a := r.client.do(node, http.MethodGet, "/scim/v2/"+r.book.organization+path, nil)
	good := a.status == http.StatusOK
	for _, status := range also {
		good = good || a.status == status
	}
	r.side.score.record(op{
		client: r.name, sticky: r.sticky, kind: kind, key: key, place: r.side.places[node],
		began: began, ended: time.Now(), answer: a, good: good,
	})
	if a.outcome != answered {
		_ = rest(ctx, 50*time.Millisecond)
		return a, false
	}
	return a, good
}

// user is what the clients look at.
type user struct {
	ID          string `json:"id"`
	UserName    string `json:"userName"`
	ExternalID  string `json:"externalId"`
	DisplayName string `json:"displayName"`
}

func decodeList(body []byte) (users []user, total int, err error) {
	var list struct {
		Total     int    `json:"totalResults"`
		Resources []user `json:"Resources"`
	}
	err = json.Unmarshal(body, &list)
	return list.Resources, list.Total, err
}

func decodeMembers(body []byte) (map[string]bool, error) {
	var group struct {
		Members []struct {
			Value string `json:"value"`
		} `json:"members"`
	}
	if err := json.Unmarshal(body, &group); err != nil {
		return nil, err
	}
	members := map[string]bool{}
	for _, m := range group.Members {
		if members[m.Value] {
			return nil, fmt.Errorf("%s is a member twice", m.Value)
		}
		members[m.Value] = true
	}
	return members, nil
}
