package schema_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"domicile/scim/filter"
	"domicile/scim/patch"
	"domicile/scim/schema"
	"domicile/scim/scimtest"
)

// byDoor are granted by the door, by what the directory holds; the conversations test what they do.
var byDoor = []schema.Tolerance{schema.RestoreInactive, schema.KeepExternalID}

// Every row says all that a row has to say, and its conversations use it.
func TestTolerances_rows(t *testing.T) {
	conversations, err := scimtest.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range schema.Tolerances() {
		tolerance := schema.Tolerance(i)
		if named, ok := schema.ToleranceNamed(row.Name); !ok || named != tolerance {
			t.Errorf("%d: the name %q is not its own", i, row.Name)
		}
		if row.Tolerated == "" || row.Needs == "" || row.Shown == "" || len(row.Fixtures) == 0 || tolerance.Explain() != row.Tolerated {
			t.Errorf("%s: the row has gaps", row.Name)
		}
		for _, id := range row.Fixtures {
			at := slices.IndexFunc(conversations, func(c scimtest.Conversation) bool { return c.ID == id })
			if at < 0 {
				t.Errorf("%s: there is no conversation %s", row.Name, id)
			} else if !slices.Contains(byDoor, tolerance) && !usedBy(conversations[at])[tolerance] {
				t.Errorf("%s: the conversation %s does not use it", row.Name, id)
			}
		}
	}
	if _, ok := schema.ToleranceNamed("nothing"); ok {
		t.Error("there is a tolerance of no name")
	}
}

// usedBy collects what the texts of a conversation make use of, as far as it can be told without a directory.
func usedBy(c scimtest.Conversation) map[schema.Tolerance]bool {
	seeds := scimtest.ReadSeeds([]scimtest.Conversation{c})
	var asked []ask
	for _, body := range seeds.Users {
		asked = append(asked, ask{post, body})
	}
	for _, body := range seeds.Groups {
		asked = append(asked, ask{postGroup, body})
	}
	for _, text := range seeds.Filters {
		asked = append(asked, ask{find, text})
	}
	for _, body := range seeds.Patches {
		asked = append(asked, ask{patchUser, body}, ask{patchGroup, body})
	}
	used := map[schema.Tolerance]bool{}
	for _, a := range asked {
		_, courtesies, _ := a.of(a.text, schema.Entra()) // some are there to be refused
		for _, courtesy := range courtesies {
			used[courtesy.Tolerance] = true
		}
	}
	return used
}

// ask is a text that a client sends, and what reads it: what was understood, and what was tolerated.
type ask struct {
	of   func(text string, d schema.Dialect) (string, []schema.Courtesy, error)
	text string
}

func post(body string, d schema.Dialect) (string, []schema.Courtesy, error) {
	o, list, err := schema.Parse(schema.User(), []byte(body), d)
	return string(schema.Marshal(schema.User(), o)), list, err
}

func postGroup(body string, d schema.Dialect) (string, []schema.Courtesy, error) {
	o, list, err := schema.Parse(schema.Group(), []byte(body), d)
	return string(schema.Marshal(schema.Group(), o)), list, err
}

func find(text string, d schema.Dialect) (string, []schema.Courtesy, error) {
	n, list, err := filter.Parse(schema.User(), text, d)
	return fmt.Sprint(n), list, err
}

func patchUser(body string, d schema.Dialect) (string, []schema.Courtesy, error) {
	return patched(schema.User(), body, schema.Object{"userName": "u", "title": "T", "emails": []any{
		schema.Object{"value": "a", "type": "first"}, schema.Object{"value": "b", "type": "second"}}}, d)
}

func patchGroup(body string, d schema.Dialect) (string, []schema.Courtesy, error) {
	return patched(schema.Group(), body, schema.Object{"displayName": "g"}, d)
}

func patched(rt *schema.ResourceType, body string, current schema.Object, d schema.Dialect) (string, []schema.Courtesy, error) {
	change, err := patch.Compile(rt, []byte(body), current, d)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("%s %v", schema.Encode(rt, change.Attributes), change.Members), change.Courtesies, nil
}

// Granting a tolerance is what makes the difference: with it alone more is understood than with all the others, and it is
// noted.
func TestTolerances_grant(t *testing.T) {
	const (
		userHead  = `{"schemas":["` + schema.UserURN + `"],"userName":"u"`
		patchHead = `{"schemas":["` + patch.URN + `"],"Operations":[`
	)
	examples := map[schema.Tolerance][]ask{
		schema.MissingSchemas:          {{post, `{"userName":"u"}`}, {patchUser, `{"Operations":[{"op":"remove","path":"title"}]}`}},
		schema.ForeignSchemas:          {{post, `{"schemas":["urn:scim:schemas:core:2.0"],"userName":"u"}`}, {patchUser, `{"schemas":["x"],"Operations":[{"op":"remove","path":"title"}]}`}},
		schema.TextForBoolean:          {{post, userHead + `,"active":"False"}`}, {find, `active eq "True"`}},
		schema.NumberForText:           {{post, userHead + `,"title":7}`}},
		schema.SingleForList:           {{post, userHead + `,"emails":{"value":"x"}}`}, {patchUser, `{"schemas":["` + patch.URN + `"],"Operations":{"op":"remove","path":"title"}}`}},
		schema.ListForSingle:           {{post, userHead + `,"title":["x"]}`}},
		schema.ObjectForText:           {{post, userHead + `,"title":{"value":"x"}}`}},
		schema.TextForObject:           {{post, userHead + `,"emails":["x"]}`}},
		schema.JSONText:                {{post, userHead + `,"name":"{\"givenName\":\"x\"}"}`}},
		schema.RootExtensionName:       {{post, userHead + `,"department":"x"}`}, {patchUser, patchHead + `{"op":"add","value":{"department":"x"}}]}`}},
		schema.UnquotedLiteral:         {{find, `userName eq J`}, {find, `title eq 7`}, {patchUser, patchHead + `{"op":"remove","path":"emails[type eq work]"}]}`}},
		schema.SubAttributeAfterFilter: {{find, `emails[type eq "work"].value eq "x"`}},
		schema.OperationCase:           {{patchUser, patchHead + `{"op":"Remove","path":"title"}]}`}, {patchUser, `{"schemas":["` + patch.URN + `"],"operations":[{"op":"remove","path":"title"}]}`}},
		schema.ExtraMember:             {{patchUser, `{"schemas":["` + patch.URN + `"],"id":"x","Operations":[{"op":"remove","path":"title"}]}`}},
		schema.QualifiedKey:            {{patchUser, patchHead + `{"op":"replace","value":{"name.givenName":"x"}}]}`}},
		schema.UpsertOnAdd:             {{patchUser, patchHead + `{"op":"add","path":"ims[type eq \"x\"].value","value":"y"}]}`}},
		schema.UpsertOnReplace:         {{patchUser, patchHead + `{"op":"replace","path":"ims[type eq \"x\"].value","value":"y"}]}`}},
		schema.RemoveByValue:           {{patchUser, patchHead + `{"op":"remove","path":"emails","value":[{"value":"a"}]}]}`}, {patchGroup, patchHead + `{"op":"remove","path":"members","value":[{"value":"a"}]}]}`}},
		schema.UnknownAttribute:        {{post, userHead + `,"colour":"red"}`}, {post, userHead + `,"emails":[{"value":"x","colour":"red"}]}`}, {patchUser, patchHead + `{"op":"add","value":{"colour":"red"}}]}`}},
		schema.DuplicateValue:          {{post, userHead + `,"emails":[{"value":"x"},{"value":"X"}]}`}},
	}
	for i, row := range schema.Tolerances() {
		tolerance := schema.Tolerance(i)
		if len(examples[tolerance]) == 0 && !slices.Contains(byDoor, tolerance) {
			t.Errorf("%s: there is no example", row.Name)
		}
		for _, example := range examples[tolerance] {
			alone, courtesies, err := example.of(example.text, schema.Dialect{}.With(tolerance))
			if err != nil || len(courtesies) != 1 || courtesies[0].Tolerance != tolerance || courtesies[0].Path == "" {
				t.Errorf("%s alone: %s: %v, %v", row.Name, example.text, courtesies, err)
			}
			others, courtesies, err := example.of(example.text, schema.Entra().Without(tolerance))
			if err == nil && others == alone {
				t.Errorf("%s makes no difference to %s", row.Name, example.text)
			}
			if slices.ContainsFunc(courtesies, func(c schema.Courtesy) bool { return c.Tolerance == tolerance }) {
				t.Errorf("%s was noted, but not granted: %s", row.Name, example.text)
			}
		}
	}
}

// Every row of the table is asked for by the code, and the code asks for nothing but rows: no identity provider has its own
// branch.
func TestTolerances_used(t *testing.T) {
	constants := constantsOf(t, "dialect.go")
	if len(constants) != len(schema.Tolerances()) {
		t.Fatalf("%d constants, %d rows", len(constants), len(schema.Tolerances()))
	}
	for i, row := range schema.Tolerances() {
		if !strings.EqualFold(constants[i], row.Name) {
			t.Errorf("%s is called %s in the table", constants[i], row.Name)
		}
	}
	asked := map[string]bool{}
	for _, room := range []string{".", "../filter", "../patch", ".."} {
		files, err := filepath.Glob(room + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") || name == "dialect.go" {
				continue
			}
			for _, word := range identifiers(t, name) {
				asked[word] = true
				for _, provider := range []string{"entra", "okta", "onelogin", "jumpcloud", "keycloak", "authentik", "azure"} {
					if strings.Contains(strings.ToLower(word), provider) && !slices.Contains([]string{"Entra", "ProfileEntra"}, word) {
						t.Errorf("%s: %s looks like a case for one identity provider; make it a tolerance", name, word)
					}
				}
			}
		}
	}
	for _, name := range constants {
		if !asked[name] {
			t.Errorf("no code asks for %s", name)
		}
	}
}

// constantsOf lists the exported constants of the first constant declaration of a file.
func constantsOf(t *testing.T, name string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			for _, ident := range spec.(*ast.ValueSpec).Names {
				if ident.IsExported() {
					names = append(names, ident.Name)
				}
			}
		}
		break
	}
	return names
}

func identifiers(t *testing.T, name string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	ast.Inspect(file, func(n ast.Node) bool {
		if ident, ok := n.(*ast.Ident); ok {
			words = append(words, ident.Name)
		}
		return true
	})
	return words
}

func TestDialects(t *testing.T) {
	interop, strict, entra := schema.Interop(), schema.Strict(), schema.Entra()
	for i, row := range schema.Tolerances() {
		tolerance := schema.Tolerance(i)
		if !entra.Allows(tolerance) || interop.Allows(tolerance) == row.EntraOnly || strict.Allows(tolerance) != row.Strict {
			t.Errorf("%s: %t in interop, %t in strict, %t in entra", row.Name, interop.Allows(tolerance), strict.Allows(tolerance), entra.Allows(tolerance))
		}
		if (schema.Dialect{}).Allows(tolerance) || entra.Without(tolerance).Allows(tolerance) || entra.Without(tolerance).With(tolerance) != entra {
			t.Errorf("%s: With and Without", row.Name)
		}
	}
	if got := (schema.Dialect{}).With(schema.JSONText).With(schema.MissingSchemas).String(); got != "missingSchemas jsonText" {
		t.Errorf("got %q", got)
	}
}

// What is granted is noted once for each place.
func TestCourtesies(t *testing.T) {
	var l schema.Lenience
	if l.Grant(schema.JSONText, "x") || len(l.Courtesies) != 0 {
		t.Error("the zero dialect grants something")
	}
	l.Dialect = schema.Interop()
	for range 2 {
		if !l.Grant(schema.JSONText, "x") {
			t.Error("not granted")
		}
	}
	l.Courtesies.Add([]schema.Courtesy{{Tolerance: schema.JSONText, Path: "x"}, {Tolerance: schema.JSONText, Path: "y"}})
	if len(l.Courtesies) != 2 || l.Courtesies[1].Explain() != schema.JSONText.Explain() {
		t.Errorf("got %v", l.Courtesies)
	}
}
