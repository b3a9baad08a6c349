package scim_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/scim"
	"domicile/seal"
)

// answer is what tests read of a body.
type answer struct {
	Schemas      []string
	ID           string
	UserName     string
	DisplayName  string
	Title        string
	Active       *bool
	TotalResults int
	StartIndex   int
	ItemsPerPage int
	NextCursor   string
	Resources    []answer
	Members      []linkJSON
	Groups       []linkJSON
	Meta         struct{ Version, LastModified, Created, Location, ResourceType string }
}

type linkJSON struct {
	Value, Display, Type string
	Ref                  string `json:"$ref"`
}

func read(t testing.TB, r scim.Response) (a answer) {
	t.Helper()
	defer r.Release()
	if err := json.Unmarshal(r.Body, &a); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
	return a
}

// list asks one question and wants an answer.
func (w *world) list(t testing.TB, kind scim.Kind, raw string) answer {
	t.Helper()
	q, err := scim.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.List(t.Context(), w.actor, kind, q)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return read(t, r)
}

func (w *world) get(t testing.TB, kind scim.Kind, id string) answer {
	t.Helper()
	r, err := w.Get(t.Context(), w.actor, kind, id, scim.Query{}, scim.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	return read(t, r)
}

func filterOf(text string) string { return "filter=" + url.QueryEscape(text) }

func user(name string) string { return fmt.Sprintf(`{"schemas":[%q],"userName":%q}`, userURN, name) }

func group(name string, members ...string) string {
	list := []string{}
	for _, id := range members {
		list = append(list, fmt.Sprintf(`{"value":%q}`, id))
	}
	return fmt.Sprintf(`{"schemas":[%q],"displayName":%q,"members":[%s]}`, groupURN, name, strings.Join(list, ","))
}

func ids(page answer) (list []string) {
	for _, r := range page.Resources {
		list = append(list, r.ID)
	}
	return list
}

// Whoever was not provisioned is neither seen nor counted nor reached, wherever they stand among the others.
func TestHidden(t *testing.T) {
	w := newWorld(t)
	root := w.hide(t, directory.SourceRoot, "root")
	var visible []string
	for i := range 10 {
		visible = append(visible, w.create(t, scim.Users, user(fmt.Sprintf("u%d", i))))
		if i == 3 || i == 4 || i == 9 {
			w.hide(t, directory.SourceInvited, fmt.Sprintf("guest%d", i))
		}
	}
	for start := 1; start <= 11; start++ {
		page := w.list(t, scim.Users, fmt.Sprintf("startIndex=%d&count=3", start))
		if want := visible[min(start-1, 10):min(start+2, 10)]; page.TotalResults != 10 || !slices.Equal(ids(page), want) {
			t.Errorf("startIndex %d gives %v of %d, want %v", start, ids(page), page.TotalResults, want)
		}
	}
	for _, raw := range []string{
		filterOf(`userName eq "root"`), filterOf(`userName eq "GUEST3"`), filterOf(`id eq "` + string(root) + `"`),
		filterOf(`userName sw "guest"`), filterOf(`userName co "oo"`), "sortBy=userName&startIndex=11",
	} {
		if page := w.list(t, scim.Users, raw); len(page.Resources) != 0 {
			t.Errorf("%s shows %v", raw, ids(page))
		}
	}
	for _, order := range []string{"ascending", "descending"} {
		page := w.list(t, scim.Users, "sortBy=userName&count=4&startIndex=2&sortOrder="+order)
		want := slices.Clone(visible)
		if order == "descending" {
			slices.Reverse(want)
		}
		if page.TotalResults != 10 || !slices.Equal(ids(page), want[1:5]) {
			t.Errorf("%s gives %v, want %v", order, ids(page), want[1:5])
		}
	}
	id := string(root)
	_, getErr := w.Get(t.Context(), w.actor, scim.Users, id, scim.Query{}, scim.Conditions{})
	_, putErr := w.Replace(t.Context(), w.actor, scim.Users, id, []byte(user("x")), scim.Query{}, scim.Conditions{})
	_, deleteErr := w.Delete(t.Context(), w.actor, scim.Users, id, scim.Conditions{})
	for _, err := range []error{getErr, putErr, deleteErr} {
		if err == nil || scim.FaultOf(err).Status != 404 {
			t.Errorf("the root user answers %v", err)
		}
	}
	if _, err := w.Create(t.Context(), w.actor, scim.Groups, []byte(group("g", visible[0], id)), scim.Query{}); scim.FaultOf(err).ScimType != "invalidValue" {
		t.Errorf("the root user became a member: %v", err)
	}
	_, err := w.Create(t.Context(), w.actor, scim.Users, []byte(user("ROOT")), scim.Query{})
	if fault := scim.FaultOf(err); fault.Status != 409 || strings.Contains(fault.Detail, id) || !strings.Contains(fault.Detail, "not provisioned") {
		t.Errorf("a taken name answers %+v", fault)
	}
}

// The quick path, the parser and a scan must find the same.
func TestFilters(t *testing.T) {
	w := newWorld(t)
	body := func(name, external, email string, active bool) string {
		return fmt.Sprintf(`{"schemas":[%q],"userName":%q,"externalId":%q,"active":%t,"title":"T %s","emails":[{"value":%q,"type":"work"}]}`,
			userURN, name, external, active, name, email)
	}
	a := w.create(t, scim.Users, body("Anna", "E1", "anna@example.com", true))
	b := w.create(t, scim.Users, body("bert", "e1", "Bert@Example.com", false))
	c := w.create(t, scim.Users, body("Čeněk", "e1", "c@example.com", true))
	g := w.create(t, scim.Groups, group("Outer"))
	h := w.create(t, scim.Groups, group("Inner", a, b))
	w.create(t, scim.Groups, group("Empty"))
	w.patch(t, scim.Groups, g, `{"op":"add","path":"members","value":[{"value":"`+h+`"},{"value":"`+c+`"}]}`)

	for text, want := range map[string][]string{
		`userName eq "ANNA"`:                                               {a},
		`USERNAME EQ "anna"`:                                               {a},
		`userName eq "čeněk"`:                                              {c},
		`userName eq "an\u006ea"`:                                          {a},
		`userName eq anna`:                                                 {a},
		`userName eq ""`:                                                   {},
		`externalId eq "e1"`:                                               {b, c},
		`externalId eq "E1"`:                                               {a},
		`emails.value eq "bert@example.com"`:                               {b},
		`emails eq "BERT@example.com"`:                                     {b},
		`emails[type eq "work"].value eq "anna@example.com"`:               {a},
		`emails[type eq "home" and value eq "anna@example.com"]`:           {},
		`id eq "` + a + `"`:                                                {a},
		`id eq "` + a + `" and active eq true`:                             {a},
		`id eq "` + a + `" and active eq false`:                            {},
		`active eq false`:                                                  {b},
		`not (active eq false)`:                                            {a, c},
		`externalId eq "e1" and userName sw "b"`:                           {b},
		`userName sw "b" or userName sw "a"`:                               {a, b},
		`userName sw "a"`:                                                  {a},
		`title eq "t anna"`:                                                {a},
		`title pr and meta.resourceType eq "User"`:                         {a, b, c},
		`groups.value eq "` + h + `"`:                                      {a, b},
		`groups.value eq "` + g + `"`:                                      {a, b, c},
		`groups.display eq "inner"`:                                        {a, b},
		`groups[value eq "` + g + `" and type eq "direct"]`:                {c},
		`urn:ietf:params:scim:schemas:core:2.0:User:userName eq "bert"`:    {b},
		`urn:ietf:params:scim:schemas:core:2.0:User:userName eq "nobody "`: {},
	} {
		page := w.list(t, scim.Users, filterOf(text))
		if got := append([]string{}, ids(page)...); !slices.Equal(got, want) || page.TotalResults != len(want) {
			t.Errorf("%s gives %v, want %v", text, got, want)
		}
		all, err := scim.ParseQuery(filterOf(text))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "groups") || strings.Contains(text, "urn:") {
			continue
		}
		r, err := w.ListAll(t.Context(), w.actor, all)
		if err != nil {
			t.Errorf("%s on the root: %v", text, err)
			continue
		}
		for _, id := range want {
			if !slices.Contains(ids(read(t, r)), id) {
				t.Errorf("%s on the root lacks %s", text, id)
			}
			break
		}
	}
	for text, want := range map[string][]string{
		`displayName eq "inner"`:                                      {h},
		`members.value eq "` + a + `"`:                                {h},
		`members eq "` + h + `"`:                                      {g},
		`members[value eq "` + a + `"]`:                               {h},
		`members[type eq "Group"]`:                                    {g},
		`id eq "` + h + `" and members eq "` + a + `"`:                {h},
		`id eq "` + g + `" and members eq "` + a + `"`:                {},
		`members eq "` + a + `" and members eq "` + b + `"`:           {h},
		`members eq "` + a + `" and members eq "` + c + `"`:           {},
		`displayName sw "e" or members.display eq "Čeněk"`:            {g, w.byName(t, "Empty")},
		`members eq "nobody"`:                                         {},
		`displayName sw "" and not (members pr)`:                      {w.byName(t, "Empty")},
		`displayName eq "Outer" and members.value co "` + h[:9] + `"`: {g},
	} {
		page := w.list(t, scim.Groups, filterOf(text))
		if got := append([]string{}, ids(page)...); !slices.Equal(got, want) || page.TotalResults != len(want) {
			t.Errorf("%s gives %v, want %v", text, got, want)
		}
	}
	anna := w.get(t, scim.Users, a)
	if len(anna.Groups) != 2 || anna.Groups[0].Value != h || anna.Groups[0].Type != "direct" ||
		anna.Groups[1].Value != g || anna.Groups[1].Type != "indirect" || anna.Groups[1].Ref != w.Base(w.org)+"/Groups/"+g {
		t.Errorf("the groups of a user are %+v", anna.Groups)
	}
}

func (w *world) byName(t testing.TB, name string) string {
	t.Helper()
	return ids(w.list(t, scim.Groups, filterOf(`displayName eq "`+name+`"`)))[0]
}

// Walking by cursor shows everything that was there all the time exactly once, whatever comes and goes meanwhile.
func TestCursors(t *testing.T) {
	for _, order := range []string{"", "&sortBy=userName", "&sortBy=title&sortOrder=descending", "&" + filterOf("active eq true")} {
		t.Run(order, func(t *testing.T) {
			w := newWorld(t)
			var all []string
			for i := range 20 {
				body := fmt.Sprintf(`{"schemas":[%q],"userName":"u%02d"`, userURN, (i*7)%20)
				if i%4 != 0 {
					body += fmt.Sprintf(`,"title":"t%d"`, i%3)
				}
				all = append(all, w.create(t, scim.Users, body+"}"))
			}
			seen, next := []string{}, ""
			for page := 0; ; page++ {
				a := w.list(t, scim.Users, "count=3&cursor="+next+order)
				seen = append(seen, ids(a)...)
				if next = a.NextCursor; next == "" {
					break
				}
				gone := seen[len(seen)-1] // even the one that the cursor stands on
				if _, err := w.Delete(t.Context(), w.actor, scim.Users, gone, scim.Conditions{}); err != nil {
					t.Fatal(err)
				}
				if page > 20 {
					t.Fatal("the walk does not end")
				}
			}
			slices.Sort(seen)
			slices.Sort(all)
			if !slices.Equal(seen, all) {
				t.Errorf("the walk saw %d of %d", len(seen), len(all))
			}
		})
	}
}

func TestCursors_refused(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.create(t, scim.Users, user(fmt.Sprintf("u%d", i)))
	}
	next := w.list(t, scim.Users, "cursor=&count=2").NextCursor
	secret, hash := seal.MintToken("dom_us_")
	w.ledger.Must(w.org, &command.CreateToken{Tokens: []command.NewToken{{ID: "second", Hash: directory.Hash(hash), Name: "n", Hint: "h"}}})
	second, err := w.Authenticate(t.Context(), w.org, bearer(secret.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	try := func(actor scim.Actor, kind scim.Kind, raw string) string {
		q, err := scim.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.List(t.Context(), actor, kind, q)
		if err == nil {
			return ""
		}
		return scim.FaultOf(err).ScimType
	}
	for name, c := range map[string]struct {
		actor scim.Actor
		kind  scim.Kind
		raw   string
		want  string
	}{
		"as it was":      {w.actor, scim.Users, "count=2&cursor=" + next, ""},
		"another token":  {second, scim.Users, "count=2&cursor=" + next, "invalidCursor"},
		"another kind":   {w.actor, scim.Groups, "count=2&cursor=" + next, "invalidCursor"},
		"another filter": {w.actor, scim.Users, "count=2&filter=active+pr&cursor=" + next, "invalidCursor"},
		"another order":  {w.actor, scim.Users, "count=2&sortBy=title&cursor=" + next, "invalidCursor"},
		"another count":  {w.actor, scim.Users, "count=3&cursor=" + next, "invalidCount"},
		"cut":            {w.actor, scim.Users, "count=2&cursor=" + next[1:], "invalidCursor"},
		"nonsense":       {w.actor, scim.Users, "count=2&cursor=@", "invalidCursor"},
	} {
		if got := try(c.actor, c.kind, c.raw); got != c.want {
			t.Errorf("%s gives %q, want %q", name, got, c.want)
		}
	}
	w.ledger.Advance(3601e9)
	if got := try(w.actor, scim.Users, "count=2&cursor="+next); got != "expiredCursor" {
		t.Errorf("after an hour: %q", got)
	}
}

// A root query walks over users and then groups, by index and by cursor.
func TestListAll(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 4 {
		want = append(want, w.create(t, scim.Users, user(fmt.Sprintf("u%d", i))))
	}
	for i := range 3 {
		want = append(want, w.create(t, scim.Groups, group(fmt.Sprintf("g%d", i))))
	}
	ask := func(raw string) answer {
		q, err := scim.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.ListAll(t.Context(), w.actor, q)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		return read(t, r)
	}
	for start := range 8 {
		page := ask(fmt.Sprintf("count=3&startIndex=%d", start+1))
		if page.TotalResults != 7 || !slices.Equal(ids(page), want[start:min(start+3, 7)]) {
			t.Errorf("startIndex %d gives %v", start+1, ids(page))
		}
	}
	for _, order := range []string{"", "&sortBy=id", "&sortBy=userName", "&sortBy=displayName&sortOrder=descending"} {
		var seen []string
		for next, first := "", true; first || next != ""; first = false {
			page := ask("count=2&cursor=" + next + order)
			seen, next = append(seen, ids(page)...), page.NextCursor
		}
		slices.Sort(seen)
		if sorted := slices.Sorted(slices.Values(want)); !slices.Equal(seen, sorted) {
			t.Errorf("by cursor%s: %v, want %v", order, seen, sorted)
		}
	}
	if page := ask("sortBy=displayName&count=1"); page.Resources[0].DisplayName != "g0" {
		t.Errorf("users, who have no displayName, come before %v", page.Resources)
	}
	q, _ := scim.ParseQuery("sortBy=nothing")
	if _, err := w.ListAll(t.Context(), w.actor, q); err == nil {
		t.Error("an order by an unknown attribute was accepted")
	}
}

// What is spliced and what is decoded must say the same.
func TestProjection_agrees(t *testing.T) {
	w := newWorld(t)
	u := w.create(t, scim.Users, fmt.Sprintf(benchUser, 1))
	g := w.create(t, scim.Groups, group("g", u))
	for kind, id := range map[scim.Kind]string{scim.Users: u, scim.Groups: g} {
		var trees [2]map[string]any
		for i, q := range []scim.Query{{}, {Excluded: []string{"nickName"}}} {
			r, err := w.Get(t.Context(), w.actor, kind, id, q, scim.Conditions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(r.Body, &trees[i]); err != nil {
				t.Fatal(err)
			}
			r.Release()
		}
		if a, b := fmt.Sprint(trees[0]), fmt.Sprint(trees[1]); a != b {
			t.Errorf("%s\nand\n%s", a, b)
		}
	}
}
