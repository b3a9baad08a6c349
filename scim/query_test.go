package scim_test

import (
	"reflect"
	"strings"
	"testing"

	"domicile/scim"
)

func TestParseQuery(t *testing.T) {
	for raw, want := range map[string]scim.Query{
		"":                                {},
		"&&":                              {},
		"x=1":                             {},
		"filter=userName+eq+%22a%2Bb%22&": {Filter: `userName eq "a+b"`, HasFilter: true},
		"FILTER=a%20pr&excludedattributes=members": {Filter: "a pr", HasFilter: true, Excluded: []string{"members"}},
		"filter=":                    {HasFilter: true},
		"startIndex=-5&count=0":      {StartIndex: -5, HasCount: true},
		"count=99999999999999999999": {Count: 1 << 30, HasCount: true},
		"cursor":                     {HasCursor: true},
		"cursor=abc&count=2":         {HasCursor: true, Cursor: "abc", HasCount: true, Count: 2},
		"attributes=a,b&attributes=c&sortBy=x&sortOrder=y":  {Attributes: []string{"a,b", "c"}, SortBy: "x", SortOrder: "y"},
		"%66ilter=a%20pr&unknown=%zz&aadOptscim062020&=&==": {Filter: "a pr", HasFilter: true},
	} {
		got, err := scim.ParseQuery(raw)
		if strings.Contains(raw, "%zz") {
			if err == nil {
				t.Errorf("%s: a broken escape passed", raw)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s gives %+v (%v), want %+v", raw, got, err, want)
		}
	}
	for raw, want := range map[string]string{
		"count=ten":                             "invalidValue",
		"startIndex=1.5":                        "invalidValue",
		"count=":                                "invalidValue",
		"filter=%2":                             "invalidFilter",
		"filter=" + strings.Repeat("a", 20_000): "invalidValue",
	} {
		_, err := scim.ParseQuery(raw)
		if err == nil || scim.FaultOf(err).ScimType != want || scim.FaultOf(err).Status != 400 {
			t.Errorf("%.20s gives %v, want %s", raw, err, want)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("filter=userName+eq+%22a%22&count=2")
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := scim.ParseQuery(raw); err != nil && scim.FaultOf(err).Status != 400 {
			t.Fatal(err)
		}
	})
}
