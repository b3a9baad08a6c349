package scimtest

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func TestConversations(t *testing.T) {
	conversations, err := Conversations()
	if err != nil {
		t.Fatal(err)
	}
	if len(conversations) != 58 {
		t.Errorf("%d conversations, want 58", len(conversations))
	}
	known := operators()
	for _, c := range conversations {
		if len(c.Steps) == 0 || c.IdP == "" || c.Profile == "" {
			t.Errorf("%s is incomplete", c.ID)
		}
		for _, s := range c.Steps {
			if s.Method == "" || len(s.Expect.Status) == 0 {
				t.Errorf("%s, %s: no method or status", c.ID, s.Name)
			}
			for _, a := range s.Expect.JSON {
				if _, ok := known[a.Operator]; !ok {
					t.Errorf("%s, %s: unknown operator %q", c.ID, s.Name, a.Operator)
				}
				if _, err := nodes(nil, a.Path); err != nil {
					t.Errorf("%s, %s: %v", c.ID, s.Name, err)
				}
				if a.Operator == "matches" {
					if _, err := matches(nil, a.Value); err != nil {
						t.Errorf("%s, %s: %v", c.ID, s.Name, err)
					}
				}
			}
		}
	}
}

func TestLoad_errors(t *testing.T) {
	for name, text := range map[string]string{
		"other id":          `{"id":"y","steps":[]}`,
		"unknown key":       `{"id":"x","stepps":[]}`,
		"unknown step key":  `{"id":"x","steps":[{"naem":"s"}]}`,
		"short assertion":   `{"id":"x","steps":[{"expect":{"json":[["$"]]}}]}`,
		"assertion of what": `{"id":"x","steps":[{"expect":{"json":[[1,2,3]]}}]}`,
		"number in a query": `{"id":"x","steps":[{"query":{"count":1}}]}`,
		"status in words":   `{"id":"x","steps":[{"expect":{"status":"ok"}}]}`,
		"no JSON":           `{`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Load(fstest.MapFS{"d/x.json": {Data: []byte(text)}}, "d"); err == nil {
				t.Error("no error")
			} else if !strings.Contains(err.Error(), "d/x.json") {
				t.Errorf("%v does not name the file", err)
			}
		})
	}
}

func TestRandomUUID(t *testing.T) {
	if id := randomUUID(); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Error(id)
	}
}
