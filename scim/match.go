package scim

import (
	"cmp"
	"context"
	"slices"

	"domicile/scim/filter"
	"domicile/scim/schema"
)

// hit is a record that matches, with its sort key.
type hit struct {
	record
	key filter.Key
}

// matcher finds the matches of a query and keeps the page that was asked for.
type matcher struct {
	ctx    context.Context
	v      *view
	q      *query
	at     *position
	budget int
	total  int
	hits   []hit // all of them under an order, otherwise the page and one more
}

// match gives a page of what a filter finds, in the order asked for.
func (r *request) match(ctx context.Context, v *view, q *query, at *position, b *buffer) (page, error) {
	m := matcher{ctx: ctx, v: v, q: q, at: at, budget: maxScan}
	defer func() { r.Metrics.scan(maxScan - m.budget) }()
	for i := range q.plans {
		if err := m.collect(&q.plans[i], q.sorts[i]); err != nil {
			return page{}, err
		}
	}
	if q.sortText == "" {
		return m.page(m.hits, b)
	}
	slices.SortFunc(m.hits, m.compare)
	window := m.hits[min(q.start, len(m.hits)):]
	if q.pages {
		first, err := m.firstAfter()
		if err != nil {
			return page{}, err
		}
		window = m.hits[first:]
	}
	return m.page(window, b)
}

// collect gathers the matches of one kind.
func (m *matcher) collect(p *plan, s filter.Sort) error {
	candidates, scan := p.candidates(m.v.Directory)
	seen := 0
	if !scan && m.q.sortText == "" {
		candidates = slices.Values(slices.SortedFunc(candidates, func(a, b record) int { return cmp.Compare(a.number, b.number) }))
	}
	for r := range candidates {
		if seen++; seen%1024 == 0 && m.ctx.Err() != nil {
			return m.ctx.Err()
		}
		if scan {
			m.budget--
		}
		key, ok, err := m.decide(p, s, r)
		if err != nil {
			return err
		}
		if ok {
			m.total++
			m.keep(hit{r, key})
		}
		if m.budget < 0 {
			return badRequest(schema.TooMany, "the question needs more than %d resources to be looked at; name one of %s with eq in the filter",
				maxScan, indexed[p.kind])
		}
	}
	return nil
}

// decide tells whether a candidate matches, and gives its sort key.
func (m *matcher) decide(p *plan, s filter.Sort, r record) (filter.Key, bool, error) {
	for _, id := range p.members {
		member, ok := findAny(m.v.Directory, id)
		if !ok || !m.v.IsMember(r.number, member.number) {
			return filter.Key{}, false, nil
		}
	}
	if p.rest == nil && s.IsZero() {
		return filter.Key{}, true, nil
	}
	o, err := m.object(p, s, r)
	if err != nil {
		return filter.Key{}, false, err
	}
	if p.rest != nil && !filter.Match(p.rest, o) {
		return filter.Key{}, false, nil
	}
	return s.Key(o), true, nil
}

// object gives as much of a record as the filter and the order look at.
func (m *matcher) object(p *plan, s filter.Sort, r record) (schema.Object, error) {
	wants := func(name string) bool {
		return p.rest != nil && filter.Mentions(p.rest, name) || s.Mentions(name)
	}
	if headOnly(p.kind, p.rest) && sortInHead(p.kind, s) {
		return m.v.head(&r, wants), nil
	}
	if r.kind == Groups && wants("members") {
		m.budget -= m.v.MembersUpTo(r.number, maxScan)
	}
	return m.v.object(&r, wants)
}

func sortInHead(kind Kind, s filter.Sort) bool {
	if s.IsZero() {
		return true
	}
	for _, name := range [...]string{"id", "meta", "externalId", "userName", "active", "displayName"} {
		if inHead(kind, name) && s.Mentions(name) {
			return true
		}
	}
	return false
}

// keep takes a match if it can be on the page. Without an order matches come in the order of the answer.
func (m *matcher) keep(h hit) {
	switch {
	case m.q.sortText != "":
	case len(m.hits) > m.q.count:
		return
	case m.q.pages:
		if m.at != nil && (h.kind < m.at.kind || h.kind == m.at.kind && h.number <= m.at.number) {
			return
		}
	case m.total <= m.q.start:
		return
	}
	m.hits = append(m.hits, h)
}

// page cuts the page from the matches that may be on it.
func (m *matcher) page(window []hit, b *buffer) (page, error) {
	found := page{total: m.total, more: len(window) > m.q.count}
	window = window[:min(len(window), m.q.count)]
	for i := range window {
		b.records = append(b.records, window[i].record)
	}
	if !found.more || !m.q.pages || m.q.sortText == "" || len(window) == 0 {
		return found, nil
	}
	last, err := m.sorted(window[len(window)-1].record)
	found.last = last
	return found, err
}

// compare orders two matches; equal keys keep the order of creation.
func (m *matcher) compare(a, b hit) int {
	return cmp.Or(m.sort().Compare(a.key, b.key), cmp.Compare(a.kind, b.kind), cmp.Compare(a.number, b.number))
}

// sort is the order of a kind that has the attribute; keys compare the same under each.
func (m *matcher) sort() filter.Sort {
	for _, s := range m.q.sorts {
		if !s.IsZero() {
			return s
		}
	}
	return filter.Sort{}
}

// sorted is the sort value of a record as a small document, for a cursor: the record may be gone or changed by the time
// that the cursor comes back.
func (m *matcher) sorted(r record) ([]byte, error) {
	s := m.sortOf(r.kind)
	o, err := m.v.object(&r, s.Mentions)
	if err != nil {
		return nil, err
	}
	return schema.Marshal(m.v.types.of[r.kind], s.Sample(o)), nil
}

func (m *matcher) sortOf(kind Kind) filter.Sort {
	for i := range m.q.plans {
		if m.q.plans[i].kind == kind {
			return m.q.sorts[i]
		}
	}
	return filter.Sort{}
}

// firstAfter finds the first match behind the cursor's position.
func (m *matcher) firstAfter() (int, error) {
	if m.at == nil {
		return 0, nil
	}
	o, err := schema.Decode(m.v.types.of[m.at.kind], m.at.sorted)
	if err != nil {
		return 0, err
	}
	behind := hit{record{kind: m.at.kind, number: m.at.number}, m.sortOf(m.at.kind).Key(o)}
	first, exact := slices.BinarySearchFunc(m.hits, behind, m.compare)
	if exact {
		first++
	}
	return first, nil
}
