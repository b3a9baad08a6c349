package filter

import (
	"errors"
	"strings"
	"testing"

	"domicile/scim/schema"
)

const enterprise = schema.EnterpriseURN

func scimType(err error) string {
	var e *schema.Error
	if errors.As(err, &e) {
		return e.ScimType
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestParse(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", `userName eq "a"`, `userName eq "a"`},
		{"letter case", `USERNAME Eq "a" AND Active EQ true`, `userName eq "a" and active eq true`},
		{"precedence", `title pr or userName eq "a" and not (active eq true)`, `title pr or userName eq "a" and not (active eq true)`},
		{"grouping", `(title pr or userName eq "a") and active eq true`, `(title pr or userName eq "a") and active eq true`},
		{"needless grouping", `((title pr))`, `title pr`},
		{"nested and", `title pr and (userType pr and locale pr)`, `title pr and (userType pr and locale pr)`},
		{"not without space", `not(title pr)`, `not (title pr)`},
		{"spaces", "  title  pr \t", `title pr`},
		{"value path", `emails[type eq "work" and value co "@x"]`, `emails[type eq "work" and value co "@x"]`},
		{"sub-attribute after brackets", `emails[type eq "work"].value eq "x"`, `emails[type eq "work" and value eq "x"]`},
		{"presence after brackets", `emails[type eq "work" or type eq "home"].value pr`, `emails[(type eq "work" or type eq "home") and value pr]`},
		{"complex means value", `emails co "x" or ` + enterprise + `:manager eq "m"`, `emails.value co "x" or ` + enterprise + `:manager.value eq "m"`},
		{"complex presence", `name pr`, `name pr`},
		{"qualified", `urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`, `userName sw "J"`},
		{"common", `schemas eq "urn:x" and id eq "1" and meta.resourceType eq "User"`, `schemas eq "urn:x" and id eq "1" and meta.resourceType eq "User"`},
		{"dollar name", `groups.$ref eq "x"`, `groups.$ref eq "x"`},
		{"escapes", `userName eq "a\"b\\\u00e9\n"`, `userName eq "a\"b\\é\n"`},
		{"null", `title eq null`, `title eq null`},
		{"unquoted", `externalId eq 3fa8-11 and userName sw J`, `externalId eq "3fa8-11" and userName sw "J"`},
		{"unquoted in brackets", `emails[type eq work]`, `emails[type eq "work"]`},
		{"number for text", `externalId eq 007 or externalId eq 7`, `externalId eq "007" or externalId eq "7"`},
		{"word for text", `userName eq true`, `userName eq "true"`},
		{"text for boolean", `roles[primary eq "True"]`, `roles[primary eq true]`},
		{"date", `meta.lastModified ge "2011-05-13T04:42:34+02:00"`, `meta.lastModified ge "2011-05-13T04:42:34+02:00"`},
		{"date as text", `meta.created sw "2011-05"`, `meta.created sw "2011-05"`},
		{"attribute that starts like a word", `not (nickName pr)`, `not (nickName pr)`},
	}
	rt := schema.User()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, _, err := Parse(rt, test.text, schema.Interop())
			if err != nil {
				t.Fatal(err)
			}
			if n.String() != test.want {
				t.Errorf("got %s, want %s", n, test.want)
			}
			again, _, err := Parse(rt, n.String(), schema.Strict())
			if err != nil || again.String() != n.String() {
				t.Errorf("%s does not round-trip: %v, %v", n, again, err)
			}
		})
	}
}

func TestParse_errors(t *testing.T) {
	tests := []struct{ name, text, mention string }{
		{"empty", ``, "empty"},
		{"blank", `  `, "empty"},
		{"unknown operator", `userName regex "a.*"`, `character 10`},
		{"missing operator", `userName`, "operator"},
		{"missing value", `userName eq`, "value is expected"},
		{"unbalanced", `(userName eq "a"`, `"(" is not closed`},
		{"unbalanced bracket", `emails[type eq "a"`, `"[" is not closed`},
		{"unterminated string", `userName eq "a`, "not closed"},
		{"unterminated escape", `userName eq "a\`, "not closed"},
		{"bad escape", `userName eq "a\q"`, "escapes"},
		{"order of booleans", `active gt true`, "boolean"},
		{"part of a boolean", `active co true`, "boolean"},
		{"word for boolean", `active eq "perhaps"`, "true or false"},
		{"order of binaries", `x509Certificates.value gt "a"`, "binary"},
		{"bad date", `meta.created gt "yesterday"`, "date"},
		{"order of null", `title gt null`, "null"},
		{"trailing garbage", `userName eq "a" "b"`, `\"b\"`},
		{"trailing parenthesis", `userName eq "a")`, "character 16"},
		{"two filters", `title pr title pr`, "and, or"},
		{"unknown attribute", `favouriteColour eq "red"`, `favouriteColour`},
		{"unknown sub-attribute", `emails[colour eq "red"]`, `emails has no sub-attribute`},
		{"unknown URN", `urn:x:User:userName eq "a"`, "no attribute"},
		{"complex without value", `name eq "a"`, "name a sub-attribute"},
		{"nested brackets", `emails[type[x eq "1"]]`, "brackets"},
		{"brackets on a sub-attribute", `emails.type[x eq "1"]`, "brackets"},
		{"not without parentheses", `not title pr`, "no attribute"},
		{"single quotes", `userName eq 'a'`, "double quotes"},
		{"dangling and", `title pr and`, "attribute name"},
		{"dangling or", `or title pr`, "no attribute"},
		{"too deep", strings.Repeat("(", MaxDepth+1) + "title pr" + strings.Repeat(")", MaxDepth+1), "levels"},
		{"too many terms", strings.Repeat("title pr and ", MaxTerms) + "title pr", "comparisons"},
		{"too long", `userName eq "` + strings.Repeat("x", MaxLength) + `"`, "bytes"},
		{"invalid UTF-8", "userName eq \"\xff\"", "UTF-8"},
		{"control character", "userName eq a\x01", "control character"},
		{"whole extension", enterprise + ` pr`, "no attribute"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := Parse(schema.User(), test.text, schema.Interop())
			if scimType(err) != schema.InvalidFilter {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), test.mention) {
				t.Errorf("%q does not mention %q", err, test.mention)
			}
		})
	}
	if _, _, err := Parse(schema.User(), `password eq "x"`, schema.Interop()); scimType(err) != schema.Sensitive {
		t.Errorf("password: %v", err)
	}
	for _, text := range []string{`userName eq J`, `userName eq 7`, `emails[type eq work]`} {
		if _, _, err := Parse(schema.User(), text, schema.Strict()); scimType(err) != schema.InvalidFilter {
			t.Errorf("strict accepts %s: %v", text, err)
		}
	}
	if _, _, err := Parse(schema.User(), `emails[type eq "work"].value eq "x"`, schema.Dialect{}); scimType(err) != schema.InvalidFilter {
		t.Errorf("the zero dialect accepts a sub-attribute after brackets: %v", err)
	}
}

func TestParseRoot(t *testing.T) {
	types := []*schema.ResourceType{schema.User(), schema.Group()}
	nodes, _, err := ParseRoot(types, `displayName sw "a" or userName sw "a"`, schema.Interop())
	if err != nil {
		t.Fatal(err)
	}
	group := schema.Object{"displayName": "abc"}
	user := schema.Object{"userName": "abc"}
	if !Match(nodes[0], user) || !Match(nodes[1], group) || Match(nodes[1], schema.Object{"displayName": "x"}) {
		t.Error("root filter")
	}
	if nodes, _, err = ParseRoot(types, `userName ne "x"`, schema.Interop()); err != nil || !Match(nodes[1], group) {
		t.Errorf("an attribute of another type has no value: %v", err)
	}
	if _, _, err = ParseRoot(types, `nope eq "x"`, schema.Interop()); scimType(err) != schema.InvalidFilter {
		t.Errorf("unknown everywhere: %v", err)
	}
	if len(types) != 2 || types[0].Name != "User" || types[1].Name != "Group" {
		t.Error("the list of types was changed")
	}
}

func TestParsePath(t *testing.T) {
	tests := []struct{ text, want, scimType string }{
		{"userName", "userName", ""},
		{"NAME.givenname", "name.givenName", ""},
		{" title ", "title", ""},
		{`emails[type eq "work"]`, `emails[type eq "work"]`, ""},
		{`emails[type eq "work"].Value`, `emails[type eq "work"].value`, ""},
		{`emails[type eq "a]b"].value`, `emails[type eq "a]b"].value`, ""},
		{`addresses[type eq work and streetAddress sw "1"]`, `addresses[type eq "work" and streetAddress sw "1"]`, ""},
		{enterprise + ":department", enterprise + ":department", ""},
		{strings.ToUpper(enterprise) + ":Manager.VALUE", enterprise + ":manager.value", ""},
		{enterprise, enterprise, ""},
		{schema.UserURN + `:emails[type eq "x"]`, `emails[type eq "x"]`, ""},
		{"", "", schema.InvalidPath},
		{" ", "", schema.InvalidPath},
		{"nope", "", schema.InvalidPath},
		{"name.nope", "", schema.InvalidPath},
		{"emails]", "", schema.InvalidPath},
		{"emails[", "", schema.InvalidFilter},
		{"emails[]", "", schema.InvalidFilter},
		{"emails[broken!!!filter", "", schema.InvalidFilter},
		{`emails[type eq "x"`, "", schema.InvalidFilter},
		{`emails[type eq "x"]value`, "", schema.InvalidPath},
		{`emails[type eq "x"].nope`, "", schema.InvalidPath},
		{`emails[type eq "x"].value.x`, "", schema.InvalidPath},
		{`name[givenName eq "x"]`, "", schema.InvalidPath},
		{`emails.type[value eq "x"]`, "", schema.InvalidPath},
		{"urn:example:nope:User:x", "", schema.InvalidPath},
		{schema.UserURN, "", schema.InvalidPath},
		{"/userName", "", schema.InvalidPath},
		{"userName eq", "", schema.InvalidPath},
	}
	rt := schema.User()
	for _, test := range tests {
		path, _, err := ParsePath(rt, test.text, schema.Interop())
		if scimType(err) != test.scimType {
			t.Errorf("%q: got %v, want %q", test.text, err, test.scimType)
			continue
		}
		if err == nil && path.String() != test.want {
			t.Errorf("%q: got %s, want %s", test.text, path, test.want)
		}
	}
	alias, _, err := ParsePath(schema.Group(), `members[value eq "x"].displayName`, schema.Interop())
	if err != nil || alias.Sub.Name != "display" {
		t.Errorf("members.displayName: %v", err)
	}
}

func TestEquality(t *testing.T) {
	tests := []struct {
		text        string
		paths       []string
		path, value string
	}{
		{`userName eq "A"`, nil, "userName", "A"},
		{`active eq true and externalId eq "e" and userName eq "u"`, nil, "externalId", "e"},
		{`active eq true and externalId eq "e" and userName eq "u"`, []string{"id", "userName", "externalId"}, "userName", "u"},
		{`emails eq "x"`, []string{"emails.value"}, "emails.value", "x"},
		{`emails[type eq "work"].value eq "x"`, []string{"emails.value"}, "emails.value", "x"},
		{`emails[type eq "work" and (value eq "x" and display pr)]`, []string{"emails.value"}, "emails.value", "x"},
		{enterprise + `:manager eq "m"`, nil, enterprise + ":manager.value", "m"},
		{`userName eq "a" or userName eq "b"`, nil, "", ""},
		{`not (userName eq "a")`, nil, "", ""},
		{`userName sw "a"`, nil, "", ""},
		{`active eq true`, nil, "", ""},
		{`userName eq "a"`, []string{"id"}, "", ""},
	}
	for _, test := range tests {
		n, _, err := Parse(schema.User(), test.text, schema.Interop())
		if err != nil {
			t.Fatal(err)
		}
		path, value, ok := Equality(n, test.paths...)
		if path != test.path || value != test.value || ok != (test.path != "") {
			t.Errorf("%s: got %q %q %v", test.text, path, value, ok)
		}
	}
}

func TestMentions(t *testing.T) {
	for text, want := range map[string]bool{
		`members eq "x"`: true, `members[value eq "x"]`: true, `not (displayName eq "x" or members pr)`: true, `id eq "1" and members.value eq "x"`: true,
		`displayName eq "members"`: false, `id eq "1"`: false,
	} {
		n, _, err := Parse(schema.Group(), text, schema.Interop())
		if err != nil {
			t.Fatal(err)
		}
		if got := Mentions(n, "members"); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]string{
		`value eq "a"`: "a", `value eq "a" or (value eq "b" or value eq "c")`: "a b c", `value eq "a" and value eq "b"`: "", `type eq "x"`: "", `value eq "a" or type eq "x"`: "", `value sw "a"`: "",
	} {
		path, _, err := ParsePath(schema.Group(), "members["+text+"]", schema.Interop())
		if err != nil {
			t.Fatal(err)
		}
		values, ok := Values(path.Filter, "value")
		if got := strings.Join(values, " "); got != want && ok || ok != (want != "") {
			t.Errorf("%s: %q %v", text, got, ok)
		}
	}
}
