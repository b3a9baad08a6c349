package scim_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"domicile/scim"
	"domicile/scim/schema"
	"domicile/scim/scimtest"
)

// clientFault tells that a refusal is one that the client can understand and act on: a 4xx in the protocol's words.
func clientFault(t *testing.T, input string, err error) *scim.Fault {
	t.Helper()
	fault := scim.FaultOf(err)
	if fault.Status < 400 || fault.Status >= 500 || fault.Detail == "" || fault.Status == 400 && fault.ScimType == "" || !json.Valid(fault.Body()) {
		t.Fatalf("%.300q is answered by %+v (%v)", input, fault, err)
	}
	return fault
}

// FuzzQuery: every query string gives a page that keeps its promises, or a refusal.
func FuzzQuery(f *testing.F) {
	for _, raw := range scimtest.Corpus(f).Queries {
		f.Add(raw)
	}
	for _, in := range slices.Concat(scimtest.HostileFilters(), scimtest.BearableFilters()) {
		if len(in.Text) < 4<<10 {
			f.Add(filterOf(in.Text))
		}
	}
	f.Add("sortBy=emails&sortOrder=descending&count=3&cursor=&attributes=emails.value,id")
	w := newTown(f, 1, 12, 4)
	f.Fuzz(func(t *testing.T, raw string) {
		defer scimtest.Within(t, raw)()
		q, err := scim.ParseQuery(raw)
		if err != nil {
			clientFault(t, raw, err)
			return
		}
		for _, kinds := range [][]scim.Kind{{scim.Users}, {scim.Groups}, {scim.Users, scim.Groups}} {
			w.asked(t, raw, kinds, q)
		}
	})
}

// FuzzSearch: the same for the body of .search.
func FuzzSearch(f *testing.F) {
	for _, body := range append(scimtest.Corpus(f).Searches, scimtest.Short(scimtest.HostileJSON())...) {
		f.Add([]byte(body))
	}
	f.Add([]byte(`{"filter":"userName pr","sortBy":"title","startIndex":2,"count":"3","attributes":["emails.value"],"cursor":null}`))
	w := newTown(f, 1, 12, 4)
	f.Fuzz(func(t *testing.T, body []byte) {
		defer scimtest.Within(t, string(body))()
		r, err := w.Search(context.Background(), w.actor, scim.Users, body)
		if err != nil {
			clientFault(t, string(body), err)
			return
		}
		page(t, string(body), r)
	})
}

func (w *town) asked(t *testing.T, raw string, kinds []scim.Kind, q scim.Query) {
	t.Helper()
	r, err := w.ask(kinds, q)
	if err != nil {
		clientFault(t, raw, err)
		return
	}
	page(t, raw, r)
}

// page checks what is true of every page: Resources is a list, of as many as itemsPerPage says, and no more than
// totalResults.
func page(t *testing.T, raw string, r scim.Response) {
	t.Helper()
	defer r.Release()
	var p struct {
		TotalResults, ItemsPerPage *int
		Resources                  []json.RawMessage
	}
	if err := json.Unmarshal(r.Body, &p); err != nil {
		t.Fatalf("%q: %v in %s", raw, err, r.Body)
	}
	if p.TotalResults == nil || p.ItemsPerPage == nil || p.Resources == nil || len(p.Resources) != *p.ItemsPerPage || *p.ItemsPerPage > *p.TotalResults {
		t.Fatalf("%q gives %.400s", raw, r.Body)
	}
}

// FuzzCursor: only a cursor that this service gave out, for this very question, to this very token, is taken.
func FuzzCursor(f *testing.F) {
	w := newTown(f, 1, 6, 0)
	question := scim.Query{HasCursor: true, HasCount: true, Count: 2, SortBy: "title"}
	r, err := w.List(context.Background(), w.actor, scim.Users, question)
	if err != nil {
		f.Fatal(err)
	}
	given := read(f, r).NextCursor
	for _, text := range []string{given, given + given, given[:len(given)-1], given + "=", given + "\n", "A", "...", "%00", given[1:]} {
		f.Add(text, 0, byte(0))
	}
	f.Add(given, 7, byte(1))
	f.Add(given, len(given)-1, byte(1)) // bits that the alphabet can spell, and that say nothing
	f.Fuzz(func(t *testing.T, text string, at int, flip byte) {
		defer scimtest.Within(t, text)()
		tampered := []byte(text)
		if at >= 0 && at < len(tampered) {
			tampered[at] ^= flip
		}
		q := question
		q.Cursor = string(tampered)
		r, err := w.List(context.Background(), w.actor, scim.Users, q)
		if err == nil {
			r.Release()
		}
		if good := q.Cursor == given || q.Cursor == ""; (err == nil) != good {
			t.Fatalf("%q: %v", q.Cursor, err)
		}
		if err != nil {
			if fault := clientFault(t, q.Cursor, err); fault.ScimType != schema.InvalidCursor {
				t.Fatalf("%q: %+v", q.Cursor, fault)
			}
			return
		}
		w.refusesElsewhere(t, q)
	})
}

// refusesElsewhere sends a good cursor with other questions.
func (w *town) refusesElsewhere(t *testing.T, q scim.Query) {
	t.Helper()
	if q.Cursor == "" {
		return
	}
	for name, other := range map[string]func(*scim.Query){
		"sortBy":    func(q *scim.Query) { q.SortBy = "userName" },
		"no sortBy": func(q *scim.Query) { q.SortBy = "" },
		"sortOrder": func(q *scim.Query) { q.SortOrder = "descending" },
		"filter":    func(q *scim.Query) { q.Filter, q.HasFilter = "title pr", true },
	} {
		changed := q
		other(&changed)
		if _, err := w.List(context.Background(), w.actor, scim.Users, changed); err == nil || scim.FaultOf(err).ScimType != schema.InvalidCursor {
			t.Fatalf("with another %s: %v", name, err)
		}
	}
	if _, err := w.List(context.Background(), w.actor, scim.Groups, q); err == nil {
		t.Fatal("a cursor of users was taken for groups")
	}
	count := q
	count.Count++
	if _, err := w.List(context.Background(), w.actor, scim.Users, count); err == nil || scim.FaultOf(err).ScimType != schema.InvalidCount {
		t.Fatalf("with another count: %v", err)
	}
}

// bulkDocument is as much of a Bulk request as the invariants need.
type bulkDocument struct {
	FailOnErrors any
	Operations   []json.RawMessage // of any shape: what is no operation gets its result too
}

// FuzzBulk: a request as a whole is refused with nothing done, or every operation has one result, in order, each a success
// or an error in the protocol's words; failOnErrors alone may leave some out.
func FuzzBulk(f *testing.F) {
	for _, body := range append(scimtest.Corpus(f).Bulks, scimtest.Short(scimtest.HostileJSON())...) {
		f.Add([]byte(body))
	}
	for _, operations := range []string{
		post("Groups", "a", group("a", "bulkId:b")) + "," + post("Groups", "b", group("b", "bulkId:a")),
		post("Users", "a", user("bulkId:a")) + `,{"method":"patch","path":"/Users/bulkId:a","data":{"Operations":[{"op":"add","path":"title","value":"bulkId:a"}]}}`,
		post("Users", "a", `{"userName":"x","manager":"bulkId:b"}`) + "," + post("Users", "b", `{"userName":"y","manager":"bulkId:a"}`),
		post("Groups", "a", group("a", "bulkId:a")) + `,{"method":"DELETE","path":"/Groups/bulkId:a"},{"method":"DELETE","path":"/Groups/bulkId:a"}`,
		`{"method":"PUT","path":"//Users//x","version":"W/\"1\"","data":[]},{"method":"","path":""},{"path":"/Me"},{"method":"POST","path":"/Bulk","bulkId":"c"}`,
	} {
		f.Add([]byte(`{"schemas":["` + scim.BulkRequestURN + `"],"failOnErrors":2,"Operations":[` + operations + `]}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		defer scimtest.Within(t, string(body))()
		w := newTown(t, 1, 2, 1)
		before := w.ledger.FSM.View().Seq()
		r, err := w.Bulk(context.Background(), w.actor, body)
		if err != nil {
			if clientFault(t, string(body), err); w.ledger.FSM.View().Seq() != before {
				t.Fatalf("%q was refused after something was done: %v", body, err)
			}
			return
		}
		bulkAnswered(t, body, r)
	})
}

func bulkAnswered(t *testing.T, body []byte, r scim.Response) {
	t.Helper()
	var asked bulkDocument
	if err := json.Unmarshal(trimMark(body), &asked); err != nil {
		t.Fatalf("%q was accepted: %v", body, err)
	}
	var a bulkAnswer
	if err := json.Unmarshal(r.Body, &a); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
	if asked.FailOnErrors == nil && len(a.Operations) != len(asked.Operations) || len(a.Operations) > len(asked.Operations) {
		t.Fatalf("%q: %d results of %d operations", body, len(a.Operations), len(asked.Operations))
	}
	for _, result := range a.Operations {
		status, err := strconv.Atoi(result.Status)
		failed := status >= 400 && status < 500 || status == 501
		if err != nil || !failed && status != 200 && status != 201 && status != 204 || failed != (result.Response != nil) {
			t.Fatalf("%q: %+v", body, result)
		}
		if failed && (result.Response.Status != result.Status || result.Response.Detail == "") {
			t.Fatalf("%q: %+v", body, result.Response)
		}
		if result.Method == "POST" && (result.Location != "") != (status == 201) {
			t.Fatalf("%q: %+v", body, result)
		}
	}
}

// trimMark drops a byte order mark, which encoding/json does not know.
func trimMark(body []byte) []byte {
	const mark = "\ufeff"
	if len(body) >= len(mark) && string(body[:len(mark)]) == mark {
		return body[len(mark):]
	}
	return body
}

// TestHostile: what is hostile is refused by the engine as a whole as well, quickly; what only looks so is answered.
func TestHostile(t *testing.T) {
	w := newTown(t, 1, 30, 3)
	for _, in := range scimtest.HostileFilters() {
		done := scimtest.Within(t, in.Name)
		if r, err := w.List(t.Context(), w.actor, scim.Users, scim.Query{Filter: in.Text, HasFilter: true}); err == nil {
			t.Errorf("filter, %s: %.200s", in.Name, r.Body)
		} else {
			clientFault(t, in.Name, err)
		}
		done()
	}
	for _, in := range scimtest.BearableFilters() {
		done := scimtest.Within(t, in.Name)
		if _, err := w.List(t.Context(), w.actor, scim.Users, scim.Query{Filter: in.Text, HasFilter: true}); err != nil {
			t.Errorf("filter, %s: %v", in.Name, err)
		}
		done()
	}
	for _, in := range scimtest.HostileJSON() {
		done := scimtest.Within(t, in.Name)
		if _, err := w.Bulk(t.Context(), w.actor, []byte(in.Text)); err == nil {
			t.Errorf("bulk, %s: accepted", in.Name)
		} else {
			clientFault(t, in.Name, err)
		}
		done()
	}
}
