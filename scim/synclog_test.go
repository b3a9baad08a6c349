package scim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/scim"
)

// rows gives the sync log, oldest first, with what the recorder has.
func (w *world) rows(t testing.TB) []directory.SyncRow {
	t.Helper()
	w.Recorder.Flush(t.Context())
	var rows []directory.SyncRow
	for row := range w.directory().SyncLog() {
		rows = append(rows, *row)
	}
	slices.Reverse(rows)
	return rows
}

// logged is a world whose failures are written down, and whose requests have an id and a client.
func logged(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.Recorder = scim.NewRecorder(w.ledger, w.Now, nil)
	w.actor.RequestID, w.actor.Client = "request-1", "Okta SCIM Client 1.0.0"
	return w
}

// Every write that changes something is one row, in the command that writes; no-ops and reads are none.
func TestSyncLog_writes(t *testing.T) {
	w := logged(t)
	id := w.create(t, scim.Users, fmt.Sprintf(`{"schemas":[%q],"userName":"anna","password":"secret-1","nickName":"n","active":"True"}`, userURN))
	w.patch(t, scim.Users, id, `{"op":"Replace","path":"title","value":"Boss"},{"op":"replace","path":"password","value":"secret-2"}`)
	w.patch(t, scim.Users, id, `{"op":"replace","path":"title","value":"Boss"}`) // nothing new
	if _, err := w.replace(scim.Users, id, user("anna"), scim.Conditions{}); err != nil {
		t.Fatal(err)
	}
	g := w.create(t, scim.Groups, group("team", id))
	w.patch(t, scim.Groups, g, `{"op":"remove","path":"members","value":[{"value":"`+id+`"}]},{"op":"replace","path":"displayName","value":"crew"}`)
	w.list(t, scim.Users, filterOf(`title eq "x"`))
	if _, err := w.Delete(t.Context(), w.actor, scim.Users, id, scim.Conditions{}); err != nil {
		t.Fatal(err)
	}
	type row struct {
		method              directory.SyncMethod
		resource, name      string
		changes, courtesies []string
		operations          string
	}
	want := []row{
		{directory.SyncPost, "User", "anna", nil, []string{"textForBoolean"}, ""},
		{directory.SyncPatch, "User", "anna", []string{"title"}, []string{"operationCase"}, `[{"op":"replace","path":"title","value":"Boss"}]`},
		{directory.SyncPut, "User", "anna", []string{"nickName", "title"}, nil, ""},
		{directory.SyncPost, "Group", "team", nil, nil, ""},
		{directory.SyncPatch, "Group", "crew", []string{"displayName", "members"}, []string{"removeByValue"},
			`[{"op":"remove","path":"members[value eq \"` + id + `\"]"},{"op":"replace","path":"displayName","value":"crew"}]`},
		{directory.SyncDelete, "User", "anna", nil, nil, ""},
	}
	rows := w.rows(t)
	if len(rows) != len(want) {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	for i, r := range rows {
		got := row{r.Method, r.Resource, r.Name, r.Changes, r.Courtesies, r.Operations}
		if fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Errorf("row %d is %+v\nwant %+v", i, got, want[i])
		}
		if r.Actor != "token:"+string(w.actor.Token) || r.Request != "request-1" || r.Client != "Okta SCIM Client 1.0.0" || !r.Changed || r.Failed() {
			t.Errorf("row %d: %+v", i, r)
		}
		if strings.Contains(fmt.Sprintf("%+v", r), "secret-") {
			t.Errorf("row %d holds a password: %+v", i, r)
		}
	}
}

// What was refused is a row, with the body that was sent; what says nothing about the request is none.
func TestSyncLog_failures(t *testing.T) {
	w := logged(t)
	id := w.create(t, scim.Users, user("anna"))
	bad := func(_ scim.Response, err error) {
		t.Helper()
		if err == nil {
			t.Error("it was accepted")
		}
	}
	bad(w.Create(t.Context(), w.actor, scim.Users, []byte(`{"schemas":["`+userURN+`"],"userName":"ANNA","password":"secret-1"}`), scim.Query{}))
	bad(w.Create(t.Context(), w.actor, scim.Users, []byte(`{"userName":`), scim.Query{}))
	bad(w.tryPatch(scim.Users, id, `{"op":"replace","path":"password","value":"secret-2"},{"op":"replace","path":"active","value":"perhaps"}`, scim.Conditions{}))
	bad(w.tryPatch(scim.Users, id, `{"op":"add","path":"title","value":"x"}`, scim.Conditions{IfMatch: `W/"1"`}))
	bad(w.replace(scim.Users, "nobody", user("x"), scim.Conditions{}))
	bad(w.Delete(t.Context(), w.actor, scim.Groups, "nobody", scim.Conditions{}))
	bad(w.List(t.Context(), w.actor, scim.Users, scim.Query{Filter: `userName eq "a" or`, HasFilter: true}))
	bad(w.List(t.Context(), w.actor, scim.Users, scim.Query{Filter: `password eq "secret-3"`, HasFilter: true}))
	bad(w.List(t.Context(), w.actor, scim.Users, scim.Query{Filter: `title eq "x" "password secret-4"`, HasFilter: true}))
	bad(w.Get(t.Context(), w.actor, scim.Users, "nobody", scim.Query{}, scim.Conditions{})) // asked to find out
	_ = w.Refused(w.actor, "POST", "/Users", &scim.Fault{Status: 415, Detail: "send JSON"})
	_ = w.Refused(w.actor, "HEAD", "/Users/1", &scim.Fault{Status: 404, Detail: "not here"})
	_ = w.Refused(w.actor, "PUT", "/Groups/1", &scim.Fault{Status: 429, Detail: "slowly"})
	w.ledger.Cut(true)
	bad(w.replace(scim.Users, id, user("x"), scim.Conditions{}))
	w.ledger.Cut(false)

	want := []string{
		`409 uniqueness POST User//ANNA {"password":"(not kept)","schemas":["` + userURN + `"],"userName":"ANNA"}`,
		`400 invalidSyntax POST User// `,
		`400 invalidValue PATCH User/` + id + `/ {"Operations":[{"op":"replace","path":"password","value":"(not kept)"},` +
			`{"op":"replace","path":"active","value":"perhaps"}],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`,
		`412  PATCH User/` + id + `/anna [{"op":"add","path":"title","value":"x"}] {"Operations":[{"op":"add","path":"title","value":"x"}],` +
			`"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`,
		`404  PUT User/nobody/x {"schemas":["` + userURN + `"],"userName":"x"}`,
		`404  DELETE Group/nobody/ `,
		`400 invalidFilter GET User// filter=userName eq "a" or `,
		`400 sensitive GET User//  `,
		`400 invalidFilter GET User//  `,
		`415  POST User// `,
	}
	rows := w.rows(t)[1:]
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
	for i, r := range rows {
		text := fmt.Sprintf("%d %s %s %s/%s/%s %s", r.Status, r.ScimType, r.Method, r.Resource, r.ID, r.Name, r.Document)
		if r.Operations != "" || strings.Contains(want[i], "GET") {
			text = fmt.Sprintf("%d %s %s %s/%s/%s %s %s", r.Status, r.ScimType, r.Method, r.Resource, r.ID, r.Name, r.Operations, r.Document)
		}
		if text != want[i] {
			t.Errorf("row %d is %s\nwant %s", i, text, want[i])
		}
		if r.Detail == "" || r.Changed || r.Request != "request-1" || r.Actor == "" || r.At == 0 {
			t.Errorf("row %d: %+v", i, r)
		}
		if strings.Contains(fmt.Sprintf("%+v", r), "secret-") {
			t.Errorf("row %d holds a secret: %+v", i, r)
		}
	}
}

// Of a Bulk request each operation is a row of its own.
func TestSyncLog_bulk(t *testing.T) {
	w := logged(t)
	w.bulk(t,
		post("Users", "a", user("anna")),
		post("Users", "b", `{"schemas":["`+userURN+`"],"userName":"Anna","password":"secret-1"}`),
		`{"method":"PATCH","path":"/Users/bulkId:a","data":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"title","value":"T"}]}}`,
		`{"method":"DELETE","path":"/Printers/1"}`,
	)
	var got []string
	for _, r := range w.rows(t) {
		got = append(got, fmt.Sprintf("%s %s %s %d", r.Method, r.Resource, r.Name, r.Status))
		if text := fmt.Sprintf("%+v", r); strings.Contains(text, "secret-") {
			t.Error(text)
		}
	}
	slices.Sort(got)
	if want := []string{"DELETE   404", "PATCH User anna 0", "POST User Anna 409", "POST User anna 0"}; !slices.Equal(got, want) {
		t.Errorf("rows %q", got)
	}
}

// A dry run answers as the request would be, tells what it would do, and does nothing.
func TestDryRun(t *testing.T) {
	w := logged(t)
	a, b := w.create(t, scim.Users, user("anna")), w.create(t, scim.Users, user("bert"))
	g := w.create(t, scim.Groups, group("team", a))
	before, seq := len(w.rows(t)), w.ledger.FSM.View().Seq()
	patchOf := func(operations string) string {
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
	}
	for name, c := range map[string]struct {
		trial   scim.Trial
		status  int
		body    string // part of it
		effects string
	}{
		"create": {scim.Trial{Method: "POST", Path: "/Users", Body: []byte(user("new"))}, 201, `"userName":"new"`, "POST User/new true [] [] []"},
		"taken":  {scim.Trial{Method: "POST", Path: "Users", Body: []byte(user("ANNA"))}, 409, "uniqueness", ""},
		"patch": {scim.Trial{Method: "PATCH", Path: "/Users/" + a, Body: []byte(patchOf(`{"op":"Add","path":"title","value":"T"}`))}, 200, `"title":"T"`,
			"PATCH User/anna true [title] [] []"},
		"no-op":   {scim.Trial{Method: "PATCH", Path: "/Users/" + a, Body: []byte(patchOf(`{"op":"add","path":"active","value":true}`))}, 200, "anna", ""},
		"members": {scim.Trial{Method: "PUT", Path: "/Groups/" + g, Body: []byte(group("crew", b))}, 200, b, "PUT Group/crew true [displayName members] [" + b + "] [" + a + "]"},
		"delete":  {scim.Trial{Method: "DELETE", Path: "/Users/" + a}, 204, "", "DELETE User/anna true [] [] []"},
		"stale":   {scim.Trial{Method: "DELETE", Path: "/Users/" + a, IfMatch: `W/"0"`}, 412, "If-Match", ""},
		"gone":    {scim.Trial{Method: "GET", Path: "/Users/nobody"}, 404, "nobody", ""},
		"list":    {scim.Trial{Method: "GET", Path: "/Users", Query: filterOf(`userName eq "bert"`)}, 200, `"totalResults":1`, ""},
		"root":    {scim.Trial{Method: "GET", Path: "/"}, 200, `"totalResults":3`, ""},
		"search":  {scim.Trial{Method: "POST", Path: "/.search", Body: []byte(`{"filter":"displayName eq \"team\""}`)}, 200, `"totalResults":1`, ""},
		"nowhere": {scim.Trial{Method: "GET", Path: "/Printers"}, 404, "Printers", ""},
		"method":  {scim.Trial{Method: "DELETE", Path: "/Users"}, 405, "DELETE", ""},
		"query":   {scim.Trial{Method: "GET", Path: "/Users", Query: "count=x"}, 400, "count", ""},
		"bulk": {scim.Trial{Method: "POST", Path: "/Bulk", Body: fmt.Appendf(nil, `{"schemas":[%q],"Operations":[%s,%s]}`, scim.BulkRequestURN,
			post("Users", "n", user("new")), post("Groups", "h", group("h", "bulkId:n")))}, 200, `"201"`, "POST User/new true [] [] [] POST Group/h true [] [*] []"},
	} {
		got, err := w.DryRun(t.Context(), w.org, c.trial)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var effects []string
		for _, f := range got.Effects {
			added := fmt.Sprint(f.Added)
			if name == "bulk" && len(f.Added) == 1 {
				added = "[*]" // an example of an id
			}
			effects = append(effects, fmt.Sprintf("%s %s/%s %t %v %s %v", f.Method, f.Resource, f.Name, f.Changed, f.Attributes, added, f.Removed))
		}
		if got.Status != c.status || !strings.Contains(string(got.Body), c.body) || strings.Join(effects, " ") != c.effects {
			t.Errorf("%s: %d %s\n%q", name, got.Status, got.Body, effects)
		}
	}
	if len(w.rows(t)) != before || w.ledger.FSM.View().Seq() != seq {
		t.Error("a dry run left something behind")
	}
	if _, err := w.DryRun(t.Context(), "nowhere", scim.Trial{Method: "GET"}); directory.KindOf(err) != directory.KindNotFound {
		t.Errorf("an unknown organization: %v", err)
	}
}

// A row of the sync log can be tried again.
func TestReplay(t *testing.T) {
	w := logged(t)
	id := w.create(t, scim.Users, user("anna"))
	w.patch(t, scim.Users, id, `{"op":"Replace","path":"title","value":"A"}`)
	_, _ = w.Create(t.Context(), w.actor, scim.Users, []byte(user("Anna")), scim.Query{})
	_, _ = w.List(t.Context(), w.actor, scim.Users, scim.Query{Filter: `userName zz "&="`, HasFilter: true, SortBy: "title"})
	_, _ = w.tryPatch(scim.Users, id, `{"op":"replace","path":"title","value":"B"}`, scim.Conditions{IfMatch: `W/"0"`})
	_, _ = w.replace(scim.Users, id, user("berta"), scim.Conditions{})
	_, _ = w.Delete(t.Context(), w.actor, scim.Users, id, scim.Conditions{})
	w.ledger.Must(w.org, &command.AppendSyncLog{Rows: []directory.SyncRow{
		{SyncNote: directory.SyncNote{Method: directory.SyncRename}},
		{Resource: "User", SyncNote: directory.SyncNote{Method: directory.SyncPut}},
		{Resource: "User", SyncNote: directory.SyncNote{Method: directory.SyncGet}},
		{Resource: "User", ID: "1", SyncNote: directory.SyncNote{Method: directory.SyncPatch, Operations: `[{"op":"add","path":"title","value":"…`}},
	}})
	want := []string{"POST 201", "PATCH 404", "PUT 404", "DELETE 404", "POST 201", "GET 400", "PATCH invalid", "rename invalid", "PUT invalid", "GET invalid", "PATCH invalid"}
	var got []string
	for _, row := range w.rows(t) {
		r, err := w.Replay(t.Context(), w.org, row.Seq, row.Ordinal)
		text := fmt.Sprintf("%s %d", row.Method, r.Status)
		if err != nil {
			text = row.Method.String() + " " + directory.KindOf(err).String()
		}
		if r.Body != nil && !json.Valid(r.Body) {
			t.Errorf("%s: %s", text, r.Body)
		}
		got = append(got, text)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if _, err := w.Replay(t.Context(), w.org, 1<<40, 0); directory.KindOf(err) != directory.KindNotFound {
		t.Errorf("a row that is not there: %v", err)
	}
}
