package scim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/scim"
)

type bulkAnswer struct {
	Operations []struct {
		Method, BulkID, Location, Version, Status string
		Response                                  *struct{ Status, ScimType, Detail string }
	}
}

func (w *world) bulk(t *testing.T, operations ...string) bulkAnswer {
	t.Helper()
	return w.bulkUntil(t, 0, operations...)
}

func (w *world) bulkUntil(t *testing.T, failOnErrors int, operations ...string) (a bulkAnswer) {
	t.Helper()
	body := fmt.Sprintf(`{"schemas":[%q],"failOnErrors":%d,"Operations":[%s]}`, scim.BulkRequestURN, failOnErrors, strings.Join(operations, ","))
	r, err := w.Bulk(t.Context(), w.actor, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(r.Body, &a); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
	return a
}

func post(kind, bulkID, data string) string {
	return fmt.Sprintf(`{"method":"POST","path":"/%s","bulkId":%q,"data":%s}`, kind, bulkID, data)
}

func (a bulkAnswer) statuses() (list []string) {
	for _, o := range a.Operations {
		list = append(list, o.Status)
	}
	return list
}

// References may point forwards and in a circle (RFC 7644 §3.7.1).
func TestBulk_references(t *testing.T) {
	w := newWorld(t)
	a := w.bulk(t,
		post("Groups", "A", group("A", "bulkId:B", "bulkId:u")),
		post("Groups", "B", group("B", "bulkId:A")),
		`{"method":"PATCH","path":"/Users/bulkId:u","data":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"title","value":"T"}]}}`,
		post("Users", "u", user("u")),
	)
	if got := a.statuses(); !slices.Equal(got, []string{"201", "201", "200", "201"}) {
		t.Fatalf("statuses %v: %+v", got, a)
	}
	groupA, groupB, person := w.byName(t, "A"), w.byName(t, "B"), a.Operations[3].Location[len(a.Operations[3].Location)-36:]
	if page := w.get(t, scim.Groups, groupA); len(page.Members) != 2 || page.Meta.Version != a.Operations[0].Version {
		t.Errorf("A is %+v, its result has version %s", page, a.Operations[0].Version)
	}
	if page := w.get(t, scim.Groups, groupB); len(page.Members) != 1 || page.Members[0].Value != groupA {
		t.Errorf("B is %+v", page)
	}
	if page := w.get(t, scim.Users, person); page.Title != "T" || len(page.Groups) != 2 {
		t.Errorf("the user is %+v", page)
	}
}

func TestBulk_failures(t *testing.T) {
	w := newWorld(t)
	w.create(t, scim.Users, user("taken"))
	a := w.bulk(t,
		post("Groups", "g", group("g", "bulkId:bad")),
		post("Users", "bad", user("TAKEN")),
		post("Users", "good", user("good")),
		post("Groups", "nowhere", group("n", "bulkId:nothing")),
		`{"method":"POST","path":"/Users","data":`+user("x")+`}`,
		`{"method":"GET","path":"/Users/1"}`,
		`{"method":"DELETE","path":"/Printers/1"}`,
		`{"method":"DELETE","path":"/Users"}`,
		`{"method":"PUT","path":"/Users/nobody","data":`+user("y")+`}`,
		`{"method":"PUT","path":"/Users/nobody","data":[]}`,
	)
	want := []string{"409", "409", "201", "409", "400", "400", "404", "405", "404", "400"}
	if got := a.statuses(); !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
	for i, o := range a.Operations {
		if failed := o.Status != "201"; failed != (o.Response != nil) || failed && o.Method == "POST" && o.Location != "" {
			t.Errorf("operation %d: %+v", i, o)
		}
	}
	if n := w.directory().GroupCount(directory.SourceSCIM); n != 0 {
		t.Errorf("%d groups", n)
	}
	if got := w.bulkUntil(t, 2, post("Users", "1", user("TAKEN")), post("Users", "2", user("taken")), post("Users", "3", user("z"))); len(got.Operations) != 2 {
		t.Errorf("went on after two failures: %+v", got)
	}
}

func TestBulk_refused(t *testing.T) {
	w := newWorld(t)
	many := slices.Repeat([]string{`{"method":"DELETE","path":"/Users/1"}`}, scim.MaxBulkOperations+1)
	for name, c := range map[string]struct {
		body   string
		status int
		detail string
	}{
		"many":        {fmt.Sprintf(`{"schemas":[%q],"Operations":[%s]}`, scim.BulkRequestURN, strings.Join(many, ",")), 413, "1000"},
		"large":       {`{}` + strings.Repeat(" ", scim.MaxBulkBytes), 413, "1048576"},
		"empty":       {fmt.Sprintf(`{"schemas":[%q],"Operations":[]}`, scim.BulkRequestURN), 400, "Operations"},
		"no object":   {fmt.Sprintf(`{"schemas":[%q],"Operations":[1]}`, scim.BulkRequestURN), 400, "object"},
		"twice":       {fmt.Sprintf(`{"schemas":[%q],"Operations":[%s,%s]}`, scim.BulkRequestURN, post("Users", "1", "{}"), post("Users", "1", "{}")), 400, "twice"},
		"not a limit": {fmt.Sprintf(`{"schemas":[%q],"failOnErrors":"many","Operations":[{}]}`, scim.BulkRequestURN), 400, "failOnErrors"},
	} {
		_, err := w.Bulk(t.Context(), w.actor, []byte(c.body))
		if err == nil || scim.FaultOf(err).Status != c.status || !strings.Contains(scim.FaultOf(err).Detail, c.detail) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
