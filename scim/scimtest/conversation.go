package scimtest

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed testdata/*.json
var embedded embed.FS

// Conversation is one script: the steps of one identity provider against one
// fresh, empty tenant.
type Conversation struct {
	ID       string   `json:"id"`
	IdP      string   `json:"idp"`
	Title    string   `json:"title"`
	Notes    string   `json:"notes"`
	Profile  string   `json:"profile"`
	Source   []string `json:"source"`
	Requires []string `json:"requires"`
	Steps    []Step   `json:"steps"`
}

// Step is one request and what is expected of its answer, or a set of steps
// that are sent at the same time.
type Step struct {
	Name      string             `json:"name"`
	Method    string             `json:"method"`
	Path      string             `json:"path"`
	Query     Query              `json:"query"`
	Encoding  string             `json:"encoding"`
	RawSuffix string             `json:"rawSuffix"`
	Headers   map[string]*string `json:"headers"`
	Body      json.RawMessage    `json:"body"`
	RawBody   *string            `json:"rawBody"`
	PadBytes  int                `json:"padBytes"`
	SleepMs   int                `json:"sleepMs"`
	Tenant    string             `json:"tenant"`
	Expect    Expect             `json:"expect"`
	Capture   map[string]string  `json:"capture"`
	Parallel  []Step             `json:"parallel"`
}

// Expect is what an answer must be.
type Expect struct {
	Status       Statuses                  `json:"status"`
	Headers      map[string]map[string]any `json:"headers"`
	NoBody       bool                      `json:"noBody"`
	JSONIfStatus int                       `json:"jsonIfStatus"`
	JSON         []Assertion               `json:"json"`
}

// Statuses are the allowed status codes; a script may write one number.
type Statuses []int

// UnmarshalJSON reads a number or a list of numbers.
func (s *Statuses) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]int)(s))
	}
	*s = make(Statuses, 1)
	return json.Unmarshal(data, &(*s)[0])
}

// Assertion is [path, operator, value]; absent needs no value.
type Assertion struct {
	Path     string
	Operator string
	Value    any
}

// UnmarshalJSON reads the list form.
func (a *Assertion) UnmarshalJSON(data []byte) error {
	var parts []any
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if len(parts) < 2 || len(parts) > 3 {
		return fmt.Errorf("an assertion is [path, operator, value], not %s", data)
	}
	var ok1, ok2 bool
	a.Path, ok1 = parts[0].(string)
	a.Operator, ok2 = parts[1].(string)
	if !ok1 || !ok2 {
		return fmt.Errorf("an assertion is [path, operator, value], not %s", data)
	}
	if len(parts) == 3 {
		a.Value = parts[2]
	}
	return nil
}

// Query is the parameters of a request in the order of the script.
type Query []Parameter

// Parameter is one name and value of a Query.
type Parameter struct{ Name, Value string }

// UnmarshalJSON reads an object and keeps its order.
func (q *Query) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value string
		if err := d.Decode(&value); err != nil {
			return err
		}
		*q = append(*q, Parameter{Name: fmt.Sprint(name), Value: value})
	}
	return nil
}

// Conversations gives the scripts that travel with the project, by file name.
func Conversations() ([]Conversation, error) {
	return Load(embedded, "testdata")
}

// Load reads all scripts (*.json) of a directory, by file name. A key that the
// format does not have is an error.
func Load(fsys fs.FS, dir string) ([]Conversation, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	conversations := make([]Conversation, len(names))
	for i, name := range names {
		if conversations[i], err = load(fsys, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return conversations, nil
}

func load(fsys fs.FS, name string) (Conversation, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return Conversation{}, err
	}
	var c Conversation
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Conversation{}, err
	}
	if want := strings.TrimSuffix(path.Base(name), ".json"); c.ID != want {
		return Conversation{}, fmt.Errorf("the id is %q, not %q", c.ID, want)
	}
	return c, nil
}
