package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// writer changes what it owns. It follows the balancer and repeats every write until it is acknowledged.
type writer struct {
	side   *side
	book   *book
	name   string
	home   int
	think  time.Duration
	rng    *rand.Rand
	client *client

	counters []*counter
	links    []*link
	lives    []*life // that are there
}

// What a writer owns, and how many of those it creates it keeps at a time.
const (
	ownCounters = 4
	ownLinks    = 4
	ownLives    = 20
)

// giveUp is how long a write is repeated before that is a fault of the product.
const giveUp = time.Minute

// newWriter makes the writer and what it owns, while nothing is struck yet.
func newWriter(s *side, i int, think time.Duration, seed uint64) (*writer, error) {
	b := s.books[i%len(s.books)]
	w := &writer{
		side: s, book: b, name: fmt.Sprintf("%s-w%d", s.region.ID, i), home: i % len(s.places), think: think,
		rng: random(seed, "writer-"+s.region.ID, i), client: newClient(s.places, b.token),
	}
	for n := range ownCounters {
		c := &counter{userName: fmt.Sprintf("%s-counter-%d@chaos.example", w.name, n)}
		var err error
		if c.id, err = w.make("/Users", map[string]any{
			"schemas": []string{schemaUser}, "userName": c.userName, "externalId": c.userName, "displayName": "0",
		}); err != nil {
			return nil, err
		}
		w.counters = append(w.counters, c)
	}
	for n := range ownLinks {
		w.links = append(w.links, &link{member: w.counters[n%ownCounters].id})
	}
	if b.group == "" {
		var err error
		group := map[string]any{"schemas": []string{schemaGroup}, "displayName": "everybody"}
		if b.group, err = w.make("/Groups", group); err != nil {
			return nil, err
		}
	}
	b.counters = append(b.counters, w.counters...)
	b.links = append(b.links, w.links...)
	return w, nil
}

const (
	schemaUser  = "urn:ietf:params:scim:schemas:core:2.0:User"
	schemaGroup = "urn:ietf:params:scim:schemas:core:2.0:Group"
	schemaPatch = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// make creates a resource before the run and gives its id.
func (w *writer) make(path string, resource map[string]any) (string, error) {
	a := w.client.do(w.home, http.MethodPost, w.path(path), encode(resource))
	if a.status != http.StatusCreated {
		return "", fmt.Errorf("create %s: %s %d: %s %w", path, a.outcome, a.status, a.body, a.err)
	}
	return idOf(a.body)
}

func (w *writer) path(path string) string { return "/scim/v2/" + w.book.organization + path }

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // of maps and strings that are written here
	}
	return raw
}

func idOf(body []byte) (string, error) {
	var resource struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &resource); err != nil {
		return "", err
	}
	if resource.ID == "" {
		return "", fmt.Errorf("no id in %s", body)
	}
	return resource.ID, nil
}

func (w *writer) run(ctx context.Context) {
	defer w.client.close()
	for ctx.Err() == nil {
		w.side.gate.RLock()
		w.step(ctx)
		w.side.gate.RUnlock()
		if rest(ctx, w.think) != nil {
			return
		}
	}
}

// step is one write of the mix: half counters, a quarter memberships, a quarter lives.
func (w *writer) step(ctx context.Context) {
	switch dice := w.rng.IntN(100); {
	case dice < 50:
		w.count(ctx, w.counters[w.rng.IntN(len(w.counters))])
	case dice < 75:
		w.toggle(ctx, w.links[w.rng.IntN(len(w.links))])
	case len(w.lives) < ownLives || dice < 80:
		w.create(ctx)
	default:
		w.end(ctx)
	}
}

func (w *writer) count(ctx context.Context, c *counter) {
	version := c.attempt()
	w.change(ctx, write{
		kind: "count", key: c.userName, version: version, register: &c.register,
		method: http.MethodPatch, path: "/Users/" + c.id,
		body: patch(map[string]any{"op": "replace", "path": "displayName", "value": strconv.FormatInt(version, 10)}),
	})
}

func (w *writer) toggle(ctx context.Context, l *link) {
	version := l.attempt()
	operation := map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": l.member}}}
	if version%2 == 0 {
		operation = map[string]any{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", l.member)}
	}
	w.change(ctx, write{
		kind: "toggle", key: l.member, version: version, register: &l.register,
		method: http.MethodPatch, path: "/Groups/" + w.book.group, body: patch(operation),
	})
}

func patch(operation map[string]any) []byte {
	return encode(map[string]any{"schemas": []string{schemaPatch}, "Operations": []any{operation}})
}

// create begins a life. A conflict means that it was there, but only if an earlier try may have made it.
func (w *writer) create(ctx context.Context) {
	l := w.book.begin(w.name)
	a, ok := w.settle(ctx, write{
		kind: "create", key: l.userName, version: l.attempt(), method: http.MethodPost, path: "/Users",
		body: encode(map[string]any{
			"schemas": []string{schemaUser}, "userName": l.userName, "externalId": l.externalID, "active": true,
		}),
		afterDoubt: http.StatusConflict,
	})
	if !ok {
		return
	}
	id, err := idOf(a.body)
	if a.status == http.StatusConflict {
		id, err = w.find(ctx, l.userName)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.side.score.fault("%s created %s and does not find it: %v", w.name, l.userName, err)
		return
	}
	l.born(id)
	w.lives = append(w.lives, l)
}

// find gives the id of a user whose creation was answered with a conflict.
func (w *writer) find(ctx context.Context, userName string) (string, error) {
	a, ok := w.settle(ctx, write{
		kind: "find", key: userName, method: http.MethodGet,
		path: "/Users?filter=" + url.QueryEscape(fmt.Sprintf("userName eq %q", userName)),
	})
	if !ok {
		return "", fmt.Errorf("no answer")
	}
	users, _, err := decodeList(a.body)
	if err != nil {
		return "", err
	}
	if len(users) != 1 {
		return "", fmt.Errorf("%d users have the name", len(users))
	}
	return users[0].ID, nil
}

// end deletes one of the lives. Not found means that it is gone, but only if an earlier try may have deleted it.
func (w *writer) end(ctx context.Context) {
	n := w.rng.IntN(len(w.lives))
	l := w.lives[n]
	w.lives[n] = w.lives[len(w.lives)-1]
	w.lives = w.lives[:len(w.lives)-1]
	w.change(ctx, write{
		kind: "delete", key: l.userName, version: l.attempt(), register: &l.register,
		method: http.MethodDelete, path: "/Users/" + l.identity(), afterDoubt: http.StatusNotFound,
	})
}

// write is one change, to be repeated until it is acknowledged. Repeating it never changes what it means.
type write struct {
	kind, key    string
	version      int64 // 0 for a read that belongs to a write
	register     *register
	method, path string
	body         []byte
	afterDoubt   int // a status that acknowledges once an earlier try may have been applied; 0: none
}

func (w *writer) change(ctx context.Context, wr write) {
	if _, ok := w.settle(ctx, wr); ok {
		wr.register.ack(wr.version)
	}
}

// settle repeats a write, wherever the balancer leads, until it is acknowledged.
func (w *writer) settle(ctx context.Context, wr write) (answer, bool) {
	doubt := false
	first := time.Now()
	for try := 0; ; try++ {
		node := w.side.route(w.home, try)
		began := time.Now()
		a := w.client.do(node, wr.method, w.path(wr.path), wr.body)
		good := a.status/100 == 2 || doubt && a.status == wr.afterDoubt
		w.side.score.record(op{
			client: w.name, kind: wr.kind, key: wr.key, version: wr.version, place: w.side.places[node],
			began: began, ended: time.Now(), answer: a, good: good,
		})
		switch a.outcome {
		case answered:
			return a, good
		case refused:
			doubt = true
			if rest(ctx, min(a.retryAfter, time.Second)) != nil {
				return a, false
			}
		case lost:
			doubt = true
		case unreached:
			if rest(ctx, 5*time.Millisecond) != nil {
				return a, false
			}
		}
		if time.Since(first) > giveUp {
			w.side.score.fault("%s %s of %s was not acknowledged in %s", w.name, wr.kind, wr.key, giveUp)
			return a, false
		}
	}
}
