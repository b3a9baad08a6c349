package scimtest

import (
	"fmt"
	"strings"
)

// Input is one text that a server must refuse or bear, quickly and without much
// memory. It is named for what is wrong with it.
type Input struct{ Name, Text string }

// HostileFilters are attacks on a reader of filters on users: depth, length,
// number of terms, broken quotes and brackets. All must be refused.
func HostileFilters() []Input {
	return []Input{
		{"10,000 terms", `title eq "a"` + strings.Repeat(` or title eq "a"`, 9_999)},
		{"10,000 ands", `title pr` + strings.Repeat(` and title pr`, 9_999)},
		{"101 terms", `title pr` + strings.Repeat(` or title pr`, 100)},
		{"32 levels", strings.Repeat("(", 32) + `title pr` + strings.Repeat(")", 32)},
		{"100,000 levels", strings.Repeat("(", 100_000)},
		{"10,000 negations", strings.Repeat("not (", 10_000) + `title pr` + strings.Repeat(")", 10_000)},
		{"brackets within brackets", `emails[emails[emails[type eq "work"]]]`},
		{"an open bracket", `emails[type eq "work"`},
		{"a closing bracket", `emails type] eq "work"`},
		{"an open quote", `userName eq "jo`},
		{"an escaped end", `userName eq "jo\"`},
		{"a lone quote", `"`},
		{"quotes within quotes", `userName eq "a"b"`},
		{"single quotes", `userName eq 'jo'`},
		{"an open parenthesis", `(userName eq "jo"`},
		{"a closing parenthesis", `userName eq "jo")`},
		{"invalid UTF-8", "userName eq \"\xff\xfe\""},
		{"invalid UTF-8 in a name", "user\xc3Name eq \"jo\""},
		{"NUL", "userName eq \"a\x00b\""},
		{"a lone surrogate", `userName eq "\ud800"`},
		{"an unknown escape", `userName eq "\q"`},
		{"a line break", "userName eq\n\"jo\""},
		{"a deep path", `name` + strings.Repeat(`.givenName`, 500) + ` pr`},
		{"a long name", strings.Repeat("a", 8_000) + ` pr`},
		{"a long value", `userName eq "` + strings.Repeat("a", 100_000) + `"`},
		{"an operator too many", `userName eq eq "jo"`},
		{"an unknown operator", `userName like "jo%"`},
		{"an unknown attribute", `shoeSize eq 43`},
		{"a secret", `password eq "secret"`},
		{"order of a boolean", `active gt true`},
		{"order of nothing", `userName gt null`},
		{"no date", `meta.created gt "yesterday"`},
		{"a URN and no attribute", `urn:ietf:params:scim:schemas:core:2.0:User: eq "x"`},
		{"a foreign URN", `urn:example:1.0:Thing:name eq "x"`},
		{"only blanks", "   "},
		{"nothing", ""},
		{"only a keyword", "and"},
		{"dangling and", `userName pr and`},
		{"another language", `userName eq "x" or 1=1 --`},
		{"right-to-left", "userName eq \u202e\"jo\""},
	}
}

// BearableFilters are filters that look bad and are none the less good: they
// must be answered, quickly.
func BearableFilters() []Input {
	return []Input{
		{"a nested quantifier", `userName co "` + strings.Repeat("(a+)+", 1_000) + `$"`},
		{"a long needle", `userName co "` + strings.Repeat("a", 4_000) + `b"`},
		{"a huge number", `title eq ` + strings.Repeat("9", 5_000)},
		{"a huge exponent", `title eq 1e999999999`},
		{"100 terms", `title pr` + strings.Repeat(` or title pr`, 99)},
		{"16 levels", strings.Repeat("(", 16) + `title pr` + strings.Repeat(")", 16)},
		{"another language", `userName eq "'; DROP TABLE users; --"`},
	}
}

// HostilePaths are paths of PATCH operations on users that must be refused.
func HostilePaths() []Input {
	return []Input{
		{"nothing but a bracket", `[`},
		{"an open bracket", `emails[type eq "work"`},
		{"an empty filter", `emails[].value`},
		{"two filters", `emails[type eq "work"][primary eq true].value`},
		{"brackets within brackets", strings.Repeat(`emails[`, 100) + `value pr` + strings.Repeat(`]`, 100)},
		{"an open quote", `emails[type eq "work].value`},
		{"a deep path", `name` + strings.Repeat(`.givenName`, 1_000)},
		{"dots", `....`},
		{"colons", `::::`},
		{"a dangling dot", `name.`},
		{"a misspelt name", `memebers`},
		{"a long name", strings.Repeat("a", 100_000)},
		{"10,000 terms", `emails[type eq "a"` + strings.Repeat(` or type eq "a"`, 9_999) + `].value`},
		{"invalid UTF-8", "emails[type eq \"\xff\"].value"},
		{"a pointer", `/emails/0/value`},
		{"an index", `emails[0].value`},
		{"a wildcard", `emails[*].value`},
		{"a filter on a single value", `userName[value eq "a"]`},
		{"readOnly", `id`},
		{"readOnly, deep", `meta.version`},
		{"a foreign URN", `urn:example:1.0:Thing:name`},
	}
}

// HostileJSON are bodies that are no JSON, or JSON that nobody means well with.
// None of them is a resource, a PATCH document or a Bulk request.
func HostileJSON() []Input {
	return []Input{
		{"nothing", ""},
		{"blanks", " \n\t"},
		{"null", "null"},
		{"a number", "1"},
		{"a text", `"{}"`},
		{"an array", "[]"},
		{"33 arrays", strings.Repeat("[", 33) + strings.Repeat("]", 33)},
		{"33 objects", strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)},
		{"300,000 open arrays", strings.Repeat("[", 300_000)},
		{"100,000 open objects", strings.Repeat(`{"a":`, 100_000)},
		{"200,000 empty objects", "[" + strings.Repeat("{},", 200_000) + "{}]"},
		{"200,000 numbers", "[" + strings.Repeat("0,", 200_000) + "0]"},
		{"50,000 names", "{" + manyNames(50_000) + "}"},
		{"a repeated name", `{"schemas":[],"userName":"a","userName":"b"}`},
		{"a repeated name, deep", `{"name":{"givenName":"a","givenName":"b"}}`},
		{"an unclosed object", `{"userName":"a"`},
		{"an unclosed text", `{"userName":"a`},
		{"two bodies", `{"userName":"a"}{"userName":"b"}`},
		{"a trailing comma", `{"userName":"a",}`},
		{"a comment", `{"userName":"a"/* b */}`},
		{"single quotes", `{'userName':'a'}`},
		{"no quotes", `{userName:"a"}`},
		{"NaN", `{"userName":NaN}`},
		{"a leading zero", `{"userName":01}`},
		{"a bare minus", `{"userName":-}`},
		{"invalid UTF-8", "{\"userName\":\"\xff\xfe\"}"},
		{"a cut rune", "{\"userName\":\"\xe2\x82\"}"},
		{"an overlong NUL", "{\"userName\":\"\xc0\x80\"}"},
		{"an encoded surrogate", "{\"userName\":\"\xed\xa0\x80\"}"},
		{"a lone surrogate", `{"userName":"\ud800"}`},
		{"swapped surrogates", `{"userName":"\udc00\ud800"}`},
		{"an escaped NUL", `{"userName":"a\u0000b"}`},
		{"a NUL", "{\"userName\":\"a\x00b\"}"},
		{"a line break in a text", "{\"userName\":\"a\nb\"}"},
		{"UTF-16", "{\x00\"\x00u\x00\"\x00:\x001\x00}\x00"},
		{"XML", `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "a">]><x>&a;</x>`},
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"a%d":0,`, i)
	}
	return b.String() + `"z":0`
}

// Short gives the inputs that are small enough to be mutated: seeds for fuzz
// targets.
func Short(inputs []Input) []string {
	var texts []string
	for _, in := range inputs {
		if len(in.Text) <= 4<<10 {
			texts = append(texts, in.Text)
		}
	}
	return texts
}
