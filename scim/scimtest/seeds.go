package scimtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// Seeds are what identity providers say, sorted by what it is: a corpus for fuzz
// targets. Each text occurs once.
type Seeds struct {
	Filters  []string
	Paths    []string // of PATCH operations
	Patches  []string // PATCH documents
	Users    []string // bodies of POST and PUT
	Groups   []string
	Bulks    []string
	Searches []string // bodies of .search
	Queries  []string // query strings, still escaped
}

// ReadSeeds collects the texts of conversations. Variables stand as plain words.
func ReadSeeds(conversations []Conversation) Seeds {
	var s Seeds
	for _, c := range conversations {
		s.steps(c.Steps)
	}
	for _, list := range []*[]string{&s.Filters, &s.Paths, &s.Patches, &s.Users, &s.Groups, &s.Bulks, &s.Searches, &s.Queries} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return s
}

func (s *Seeds) steps(list []Step) {
	for _, step := range list {
		s.steps(step.Parallel)
		s.query(step)
		if body := step.text(); body != "" {
			s.body(step, body)
		}
	}
}

func (s *Seeds) query(step Step) {
	var raw []string
	for _, parameter := range step.Query {
		value := settled(parameter.Value)
		raw = append(raw, encode(parameter.Name, step.Encoding)+"="+encode(value, step.Encoding))
		if strings.EqualFold(parameter.Name, "filter") {
			s.Filters = append(s.Filters, value)
		}
	}
	if raw != nil {
		s.Queries = append(s.Queries, strings.Join(raw, "&"))
	}
}

// text is the body of a step as it is written in the script.
func (step Step) text() string {
	if step.RawBody != nil {
		return settled(*step.RawBody)
	}
	return settled(string(step.Body))
}

func (s *Seeds) body(step Step, body string) {
	switch {
	case strings.HasSuffix(step.Path, "/.search"):
		s.Searches = append(s.Searches, body)
	case strings.EqualFold(step.Path, "/Bulk"):
		s.Bulks = append(s.Bulks, body)
	case step.Method == "PATCH":
		s.Patches = append(s.Patches, body)
		s.paths(body)
	case strings.HasPrefix(step.Path, "/Groups"):
		s.Groups = append(s.Groups, body)
	default:
		s.Users = append(s.Users, body)
	}
}

func (s *Seeds) paths(body string) {
	var document struct{ Operations []struct{ Path string } }
	if json.Unmarshal([]byte(body), &document) != nil {
		return // a script may send what is no document
	}
	for _, operation := range document.Operations {
		if operation.Path != "" {
			s.Paths = append(s.Paths, operation.Path)
		}
	}
}

// settled replaces every variable by its name.
func settled(text string) string { return reference.ReplaceAllString(text, "$1") }

// Corpus gives the seeds of the conversations that travel with the project.
func Corpus(t testing.TB) Seeds {
	t.Helper()
	conversations, err := Conversations()
	if err != nil {
		t.Fatal(err)
	}
	return ReadSeeds(conversations)
}

// patience is far more than any input of a legal size may take, even on a busy
// machine.
const patience = 5 * time.Second

// Within fails a test if more than a few seconds pass until the function that it
// gives is called: defer scimtest.Within(t, input)().
func Within(t testing.TB, input string) func() {
	t.Helper()
	start := time.Now()
	return func() {
		t.Helper()
		if took := time.Since(start); took > patience {
			t.Errorf("%.200q took %s", input, took)
		}
	}
}
