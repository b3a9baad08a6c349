package simulate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func statusText(a *answer) string {
	s := strconv.Itoa(a.status)
	if d := a.detail(); d != "" {
		s += ": " + d
	}
	return s
}

// connect is the provider's "test connection". It also learns how much fits into one request, where the provider asks.
func (s *session) connect(ctx context.Context) error {
	made := make(map[string]string)
	return s.phaseOne(ctx, "test connection", func(ctx context.Context) error {
		for _, t := range s.Dialect.probe(s.plan.domain) {
			if err := s.try(ctx, t, made); err != nil {
				return err
			}
		}
		if s.Dialect.Groups() {
			s.chunk = s.Dialect.groups.chunk
		}
		if s.chunk > 0 {
			return nil
		}
		r, err := s.read(ctx, get("/ServiceProviderConfig"))
		if err != nil {
			return err
		}
		bulk, _ := r["bulk"].(resource)
		operations, _ := bulk["maxOperations"].(float64)
		s.chunk = max(1, int(operations))
		return nil
	})
}

// phaseOne is a phase of one thing without which nothing else makes sense: its refusal is an error.
func (s *session) phaseOne(ctx context.Context, name string, do func(context.Context) error) error {
	var last error
	err := s.phase(ctx, name, []task{{name, func(ctx context.Context) error {
		last = do(ctx)
		return last
	}}})
	if err != nil {
		return err
	}
	return last
}

func (s *session) try(ctx context.Context, t trial, made map[string]string) error {
	if t.keep != "" && made[t.keep] != "" {
		return nil // an earlier turn made it
	}
	r := t.request(made)
	a, err := s.wire.send(ctx, r)
	if err != nil {
		return err
	}
	if !slices.Contains(t.want, a.status) && !(a.unsure && a.status == http.StatusNotFound) {
		return refused(&r, &a)
	}
	body, err := a.resource()
	if err != nil {
		return &refusal{Answer, r.String() + ": " + err.Error()}
	}
	if t.keep != "" {
		made[t.keep] = text(body, "id")
	}
	if total, ok := body["totalResults"].(float64); t.empty && (!ok || total != 0) {
		return &refusal{Answer, r.String() + ": this finds nothing, so totalResults must be 0"}
	}
	return nil
}

// read gets one resource; a status other than 200 is a refusal.
func (s *session) read(ctx context.Context, r request) (resource, error) {
	a, err := s.wire.send(ctx, r)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, refused(&r, &a)
	}
	return a.resource()
}

// list is a page of a ListResponse (RFC 7644 §3.4.2).
func (s *session) list(ctx context.Context, r request) (entries []resource, whole resource, err error) {
	whole, err = s.read(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	rows, _ := whole["Resources"].([]any)
	for _, row := range rows {
		entry, ok := row.(resource)
		if !ok || text(entry, "id") == "" {
			return nil, nil, &refusal{Answer, r.String() + ": an entry of the list has no id"}
		}
		entries = append(entries, entry)
	}
	if _, ok := whole["totalResults"].(float64); !ok {
		return nil, nil, &refusal{Answer, r.String() + ": totalResults is no number"}
	}
	return entries, whole, nil
}

// walk reads a whole list, page by page, and notes what is in it twice.
func (s *session) walk(ctx context.Context, path string, count int, query ...parameter) ([]resource, error) {
	var all []resource
	seen := make(map[string]bool)
	for start := 1; ; {
		r := get(path, append(page(start, count), query...)...)
		entries, whole, err := s.list(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if id := text(e, "id"); seen[id] {
				s.found.add(Doubled, called(e), "is on two pages of the list "+path)
			} else {
				seen[id] = true
				all = append(all, e)
			}
		}
		start += len(entries)
		if total := int(whole["totalResults"].(float64)); start > total || len(entries) == 0 {
			if len(all) < total {
				s.found.add(Answer, r.String(), fmt.Sprintf("totalResults is %d, but the pages have %d", total, len(all)))
			}
			return all, nil
		}
	}
}

// called is what people call a user or group.
func called(r resource) string {
	if name := text(r, "userName"); name != "" {
		return name
	}
	return text(r, "displayName")
}

// creation is an object that has to be made, or found.
type creation struct {
	path    string
	find    *lookup
	key     string // the value that it is found by
	request request
	surveys bool
	unsure  *bool // an earlier try was cut off; kept with the object
}

// make makes an object, or finds it where the provider looks. Whether it looks before it tries again is the provider's habit:
// some run into a 409 first.
func (s *session) make(ctx context.Context, c *creation) (r resource, made bool, err error) {
	conflict := false
	for range s.wire.tries + 2 { // a 409 and the look-up after it are no tries
		if c.find.first || conflict || *c.unsure && c.surveys {
			r, err = s.look(ctx, c)
			if err != nil || r != nil {
				return r, false, err
			}
			if conflict {
				return nil, false, &refusal{Refused, "was refused with 409, but there is no such object: " + c.find.by + " " + quote(c.key)}
			}
		}
		var a answer
		a, err = s.wire.send(ctx, c.request)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, false, err
		case err != nil:
			*c.unsure = true
			s.wire.tally.retry()
			continue
		case a.status == http.StatusConflict:
			conflict = true
			continue
		case !a.ok():
			return nil, false, refused(&c.request, &a)
		}
		*c.unsure = false
		if r, err = a.resource(); err == nil && text(r, "id") == "" {
			return nil, false, &refusal{Answer, c.request.String() + ": the new resource has no id"}
		}
		return r, true, err
	}
	return nil, false, cmp.Or(err, errUnavailable)
}

// look finds an object as the provider does: with a filter, or by reading the list. nil: there is none.
func (s *session) look(ctx context.Context, c *creation) (resource, error) {
	var entries []resource
	var err error
	if c.find.operator == "" {
		entries, err = s.walk(ctx, c.path, c.find.count, c.find.query...)
	} else {
		entries, _, err = s.list(ctx, c.find.ask(c.path, c.key))
	}
	if err != nil {
		return nil, err
	}
	var matches []resource
	for _, e := range entries {
		switch value := text(e, c.find.by); {
		case value == c.key, c.find.by != "externalId" && strings.EqualFold(value, c.key):
			matches = append(matches, e)
		case c.find.operator != "":
			s.found.add(Answer, called(e), "was in the answer to "+c.find.by+" eq "+quote(c.key))
		}
	}
	if len(matches) > 1 {
		s.found.add(Doubled, c.key, fmt.Sprintf("is there %d times", len(matches)))
	}
	if len(matches) == 0 {
		return nil, nil
	}
	return matches[0], nil
}

// surveys walks through what is there, where the provider begins its cycles so, and misses what it knows.
func (s *session) surveys() []task {
	var tasks []task
	if h := &s.Dialect.people; h.survey {
		tasks = append(tasks, task{"all users", func(ctx context.Context) error {
			there, err := s.survey(ctx, users, h.find)
			for k := range s.people {
				if p := &s.people[k]; err == nil && p.certain && p.id != "" && !there[p.id] {
					s.found.add(Lost, s.roster.People[k].UserName, "is not in the list of users")
				}
			}
			return err
		}})
	}
	if h := s.Dialect.groups; h != nil && h.survey {
		tasks = append(tasks, task{"all groups", func(ctx context.Context) error {
			there, err := s.survey(ctx, groups, h.find)
			for k := range s.teams {
				if t := &s.teams[k]; err == nil && t.certain && t.id != "" && !there[t.id] {
					s.found.add(Lost, s.roster.Teams[k].Name, "is not in the list of groups")
				}
			}
			return err
		}})
	}
	return tasks
}

func (s *session) survey(ctx context.Context, path string, find lookup) (map[string]bool, error) {
	there := make(map[string]bool)
	entries, err := s.walk(ctx, path, max(find.count, 100))
	for _, e := range entries {
		there[text(e, "id")] = true
	}
	return there, err
}

// send sends the requests of an update one after the other. A resource that is gone is errGone.
func (s *session) send(ctx context.Context, requests []request) error {
	for _, r := range requests {
		a, err := s.wire.send(ctx, r)
		if err != nil {
			return err
		}
		if a.status == http.StatusNotFound {
			return errGone
		}
		if !a.ok() {
			return refused(&r, &a)
		}
	}
	return nil
}

var errGone = &refusal{Lost, "the server acknowledged it, and now answers 404"}

// erase deletes an object. Gone already is what was wanted if an earlier try may have done it.
func (s *session) erase(ctx context.Context, path string, certain bool) error {
	r := remove(path)
	a, err := s.wire.send(ctx, r)
	switch {
	case err != nil:
		return err
	case a.status == http.StatusNotFound && (a.unsure || !certain):
		return nil
	case a.status == http.StatusNotFound:
		return errGone
	case !a.ok():
		return refused(&r, &a)
	}
	return nil
}

// sorted gives the keys of a set in order.
func sorted(set map[int]bool) []int { return slices.Sorted(maps.Keys(set)) }
