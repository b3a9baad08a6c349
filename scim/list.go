package scim

import (
	"context"
	"slices"

	"domicile/directory"
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
func (e *Engine) List(ctx context.Context, a Actor, kind Kind, q Query) (answer Response, err error) {
	r := e.begin(a, directory.SyncGet, opList, kind)
	defer r.end(&answer, &err)
	return r.list(ctx, &q)
}

// ListAll answers GET on the root: users, then groups (RFC 7644 §3.4.2.1).
func (e *Engine) ListAll(ctx context.Context, a Actor, q Query) (Response, error) {
	return e.List(ctx, a, kinds, q)
}

// Search answers POST /.search on a resource endpoint (RFC 7644 §3.4.3).
func (e *Engine) Search(ctx context.Context, a Actor, kind Kind, body []byte) (answer Response, err error) {
	r := e.begin(a, directory.SyncGet, opList, kind)
	defer r.end(&answer, &err)
	q, err := r.parseSearch(body)
	if err != nil {
		return Response{}, err
	}
	return r.list(ctx, &q)
}

// SearchAll answers POST /.search on the root.
func (e *Engine) SearchAll(ctx context.Context, a Actor, body []byte) (Response, error) {
	return e.Search(ctx, a, kinds, body)
}

func (r *request) list(ctx context.Context, asked *Query) (Response, error) {
	v, err := r.look(ctx, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	q, at, err := r.compile(v.types, asked)
	if err != nil {
		r.note.Operations = asked.asked()
		return Response{}, err
	}
	b := r.newBuffer()
	var found page
	if q.plain() {
		found = browse(v.Directory, q, at, b)
	} else if q.byName() {
		found = browseByName(v.Directory, q, b)
	} else if found, err = r.match(ctx, &v, q, at, b); err != nil {
		r.note.Operations = asked.asked()
		return Response{}, err
	}
	return r.answer(&v, q, found, b)
}

// bothKinds is what a root query is about, in the order of its answer.
var bothKinds = [kinds]Kind{Users, Groups}

// each lists the kinds that a request of this kind is about.
func (k Kind) each() []Kind {
	if k == kinds {
		return bothKinds[:]
	}
	return bothKinds[k : k+1]
}

// compile checks a question by the organization's schemas, and opens its cursor; the first page has none.
func (r *request) compile(t *types, asked *Query) (*query, *position, error) {
	q := &query{
		scope: "root", shown: t.shows(asked), filterText: asked.Filter,
		start: max(asked.StartIndex, 1) - 1, count: defaultPage, pages: asked.HasCursor, cursor: asked.Cursor,
	}
	if r.kind != kinds {
		q.scope = r.kind.String()
	}
	if asked.HasCount {
		q.count = min(max(asked.Count, 0), MaxPage)
	}
	if err := r.compileFilter(t, asked, q); err != nil {
		return nil, nil, err
	}
	if err := compileSort(t, r.kind.each(), asked, q); err != nil {
		return nil, nil, err
	}
	if q.cursor == "" {
		return q, nil, nil
	}
	c, err := r.decodeCursor(q.cursor, q.question(r.Actor), q.count)
	return q, &c.at, err
}

func (r *request) compileFilter(t *types, asked *Query, q *query) error {
	of := r.kind.each()
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
		n, courtesies, err := filter.Parse(t.of[of[0]], asked.Filter, r.dialect)
		r.courtesies.Add(courtesies)
		if err != nil {
			return err
		}
		q.plans = []plan{newPlan(of[0], n)}
		return nil
	}
	nodes, courtesies, err := filter.ParseRoot(t.of[:], asked.Filter, r.dialect)
	r.courtesies.Add(courtesies)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		q.plans = append(q.plans, newPlan(of[i], n))
	}
	return nil
}

// compileSort reads the order for each kind. In a root query an attribute that one kind lacks is a missing value there.
func compileSort(t *types, of []Kind, asked *Query, q *query) error {
	var refusal error
	for _, kind := range of {
		s, err := filter.ParseSort(t.of[kind], asked.SortBy, asked.SortOrder)
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
func browse(d *state.Directory, q *query, at *position, b *buffer) page {
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
func (r *request) answer(v *view, q *query, found page, b *buffer) (Response, error) {
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
		c := cursor{issued: r.now(), count: q.count, at: position{last.kind, last.number, found.last}}
		out = append(out, `,"nextCursor":"`...)
		out = append(out, r.encodeCursor(c, q.question(r.Actor))...)
		out = append(out, '"')
	}
	out = append(out, `,"Resources":[`...)
	var err error
	for i := range b.records {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = q.shown.append(out, v, &b.records[i]); err != nil {
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
