package scim

import (
	"context"
	"slices"

	"domicile/fsm/state"
	"domicile/scim/filter"
	"domicile/scim/schema"
)

// ListURN is the schema of a list (RFC 7644 §3.4.2).
const ListURN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// Bounds of one list.
const (
	// MaxPage is the most resources of one page.
	MaxPage = 1000
	// defaultPage is how many a page has when the client does not say.
	defaultPage = 100
	// maxScan is how many resources and members a filter or sort without an index may look at.
	maxScan = 200_000
	// maxAnswer bounds the bytes of a page: large groups with all their members make large pages.
	maxAnswer = 64 << 20
)

// query is a Query, checked and compiled.
type query struct {
	scope      string // the endpoint, for cursors
	plans      []plan // one for each kind, in the order of the answer
	sorts      []filter.Sort
	shown      shown
	filterText string
	sortText   string
	start      int // counted from 0
	count      int
	pages      bool   // by cursor
	cursor     string // where to go on; empty at the first page
}

// List answers GET on a resource endpoint (RFC 7644 §3.4.2).
func (e *Engine) List(ctx context.Context, a Actor, kind Kind, q Query) (r Response, err error) {
	defer e.Metrics.done(kind.String(), opList, &r, &err)
	return e.list(ctx, a, []Kind{kind}, q)
}

// ListAll answers GET on the root: users, then groups (RFC 7644 §3.4.2.1).
func (e *Engine) ListAll(ctx context.Context, a Actor, q Query) (r Response, err error) {
	defer e.Metrics.done("Any", opList, &r, &err)
	return e.list(ctx, a, []Kind{Users, Groups}, q)
}

// Search answers POST /.search on a resource endpoint (RFC 7644 §3.4.3).
func (e *Engine) Search(ctx context.Context, a Actor, kind Kind, body []byte) (r Response, err error) {
	defer e.Metrics.done(kind.String(), opList, &r, &err)
	return e.search(ctx, a, []Kind{kind}, body)
}

// SearchAll answers POST /.search on the root.
func (e *Engine) SearchAll(ctx context.Context, a Actor, body []byte) (r Response, err error) {
	defer e.Metrics.done("Any", opList, &r, &err)
	return e.search(ctx, a, []Kind{Users, Groups}, body)
}

func (e *Engine) search(ctx context.Context, a Actor, of []Kind, body []byte) (Response, error) {
	q, err := parseSearch(body, e.dialect(a))
	if err != nil {
		return Response{}, err
	}
	return e.list(ctx, a, of, q)
}

func (e *Engine) list(ctx context.Context, a Actor, of []Kind, asked Query) (Response, error) {
	q, err := e.compile(a, of, &asked)
	if err != nil {
		return Response{}, err
	}
	at, err := e.resume(a, q)
	if err != nil {
		return Response{}, err
	}
	d, err := e.directory(ctx, a, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	v := &view{e.Base(a.Organization), d}
	b := e.newBuffer()
	var found page
	if q.plain() {
		found = e.browse(d, q, at, b)
	} else if q.byName() {
		found = e.browseByName(d, q, b)
	} else if found, err = e.match(ctx, v, q, at, b); err != nil {
		return Response{}, err
	}
	return e.answer(a, v, q, found, b)
}

// compile checks everything that can be checked without the ledger.
func (e *Engine) compile(a Actor, of []Kind, asked *Query) (*query, error) {
	q := &query{
		scope: "root", shown: e.shows(asked), filterText: asked.Filter,
		start: max(asked.StartIndex, 1) - 1, count: defaultPage, pages: asked.HasCursor, cursor: asked.Cursor,
	}
	if len(of) == 1 {
		q.scope = of[0].String()
	}
	if asked.HasCount {
		q.count = min(max(asked.Count, 0), MaxPage)
	}
	if err := e.compileFilter(a, of, asked, q); err != nil {
		return nil, err
	}
	return q, e.compileSort(of, asked, q)
}

func (e *Engine) compileFilter(a Actor, of []Kind, asked *Query, q *query) error {
	if !asked.HasFilter {
		for _, kind := range of {
			q.plans = append(q.plans, plan{kind: kind})
		}
		return nil
	}
	if len(of) == 1 {
		if p, ok := quickPlan(of[0], asked.Filter); ok {
			q.plans = []plan{p}
			return nil
		}
		n, err := filter.Parse(e.types[of[0]], asked.Filter, e.dialect(a))
		if err != nil {
			return err
		}
		q.plans = []plan{newPlan(of[0], n)}
		return nil
	}
	types := make([]*schema.ResourceType, len(of))
	for i, kind := range of {
		types[i] = e.types[kind]
	}
	nodes, err := filter.ParseRoot(types, asked.Filter, e.dialect(a))
	if err != nil {
		return err
	}
	for i, n := range nodes {
		q.plans = append(q.plans, newPlan(of[i], n))
	}
	return nil
}

// compileSort reads the order for each kind. In a root query an attribute that one kind lacks is a missing value there.
func (e *Engine) compileSort(of []Kind, asked *Query, q *query) error {
	var refusal error
	for _, kind := range of {
		s, err := filter.ParseSort(e.types[kind], asked.SortBy, asked.SortOrder)
		if err != nil {
			refusal = err
		} else {
			q.sortText = s.String()
		}
		q.sorts = append(q.sorts, s)
	}
	if q.sortText == "" {
		return refusal
	}
	return nil
}

// resume opens the client's cursor. The first page has none.
func (e *Engine) resume(a Actor, q *query) (*position, error) {
	if q.cursor == "" {
		return nil, nil
	}
	c, err := e.decodeCursor(q.cursor, q.question(a), q.count)
	if err != nil {
		return nil, err
	}
	return &c.at, nil
}

// plain tells that neither a filter nor an order was asked for.
func (q *query) plain() bool {
	return q.sortText == "" && !slices.ContainsFunc(q.plans, func(p plan) bool { return p.filtered() })
}

// page is what a list found, besides the records in its buffer.
type page struct {
	total int
	more  bool
	// last is the sort value of the last record as a small document, under an order and by cursor.
	last []byte
}

// browse gives a page of everything, without looking at what is not on it.
func (e *Engine) browse(d *state.Directory, q *query, at *position, b *buffer) page {
	found := page{}
	start := q.start
	for _, p := range q.plans {
		total := count(d, p.kind)
		found.total += total
		if found.more || q.count == 0 {
			continue
		}
		var seq = from(d, p.kind, 0)
		switch {
		case q.pages && at != nil && p.kind < at.kind:
			continue
		case q.pages && at != nil && p.kind == at.kind:
			seq = after(d, p.kind, at.number)
		case q.pages:
		case start >= total:
			start -= total
			continue
		default:
			seq, start = from(d, p.kind, start), 0
		}
		for r := range seq {
			if len(b.records) == q.count {
				found.more = true
				break
			}
			b.records = append(b.records, r)
		}
	}
	return found
}

// answer writes a page.
func (e *Engine) answer(a Actor, v *view, q *query, found page, b *buffer) (Response, error) {
	out := append(b.bytes, `{"schemas":["`+ListURN+`"],"totalResults":`...)
	out = appendUint(out, uint64(found.total))
	if !q.pages {
		out = append(out, `,"startIndex":`...)
		out = appendUint(out, uint64(q.start+1))
	}
	out = append(out, `,"itemsPerPage":`...)
	out = appendUint(out, uint64(len(b.records)))
	if q.pages && found.more && len(b.records) > 0 {
		last := b.records[len(b.records)-1]
		c := cursor{issued: e.now(), count: q.count, at: position{last.kind, last.number, found.last}}
		out = append(out, `,"nextCursor":"`...)
		out = append(out, e.encodeCursor(c, q.question(a))...)
		out = append(out, '"')
	}
	out = append(out, `,"Resources":[`...)
	var err error
	for i := range b.records {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = q.shown.append(out, e, v, &b.records[i]); err != nil {
			return Response{}, err
		}
		if len(out) > maxAnswer {
			return Response{}, badRequest(schema.TooMany,
				"the page would be larger than %d MiB; ask for excludedAttributes=members or a smaller count", maxAnswer>>20)
		}
	}
	b.bytes = append(out, ']', '}')
	response := Response{Status: statusOK}
	response.respond(b)
	return response, nil
}
