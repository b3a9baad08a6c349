package patch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"domicile/scim/schema"
)

// model is a naive user: some simple attributes and one list of e-mails.
type model struct {
	simple map[string]string
	emails []email
}

type email struct {
	value, label string
	primary      string // "", "true" or "false"
}

// settle makes the element at i the only primary one and drops repetitions, as
// the RFCs demand after every operation.
func (m *model) settle(winner int) {
	for i := range m.emails {
		if winner >= 0 && i != winner && m.emails[i].primary == "true" {
			m.emails[i].primary = "false"
		}
	}
	var kept []email
	for _, e := range m.emails {
		if e == (email{}) {
			continue
		}
		at := slices.IndexFunc(kept, func(k email) bool { return same(k, e) })
		if at < 0 {
			kept = append(kept, e)
		} else if e.primary == "true" {
			kept[at].primary = "true"
		}
	}
	m.emails = kept
}

func same(a, b email) bool {
	if a.value == "" && b.value == "" {
		return a == b
	}
	return a.value == b.value && a.label == b.label
}

func (m *model) String() string {
	var b strings.Builder
	for _, name := range []string{"title", "nickName", "displayName"} {
		if v := m.simple[name]; v != "" {
			fmt.Fprintf(&b, "%s=%s ", name, v)
		}
	}
	for _, e := range m.emails {
		fmt.Fprintf(&b, "<%s %s %s>", e.value, e.label, e.primary)
	}
	return b.String()
}

// observe reads a document into the model's form.
func observe(o schema.Object) string {
	m := model{simple: map[string]string{}}
	for _, name := range []string{"title", "nickName", "displayName"} {
		m.simple[name] = schema.String(o, name)
	}
	list, _ := o["emails"].([]any)
	for _, element := range list {
		e := element.(schema.Object)
		primary := ""
		if p, ok := e["primary"].(bool); ok {
			primary = fmt.Sprint(p)
		}
		m.emails = append(m.emails, email{schema.String(e, "value"), schema.String(e, "type"), primary})
	}
	return m.String()
}

func TestApply_model(t *testing.T) {
	rt := schema.User()
	rng := rand.New(rand.NewPCG(7, 11))
	for round := range 3000 {
		m := model{simple: map[string]string{}}
		o := resource(t, rt, `{"userName":"u"}`)
		for range 4 {
			var operations []string
			for range 1 + rng.IntN(3) {
				operations = append(operations, m.operate(rng))
			}
			change, err := Compile(rt, document(strings.Join(operations, ",")), o, schema.Interop())
			if err != nil {
				t.Fatalf("round %d: %v: %v", round, operations, err)
			}
			if got, want := observe(change.Attributes), m.String(); got != want {
				t.Fatalf("round %d: %v\ngot  %s\nwant %s", round, operations, got, want)
			}
			stored := schema.Encode(rt, change.Attributes)
			if o, err = schema.Decode(rt, stored); err != nil {
				t.Fatal(err)
			}
			if again := schema.Encode(rt, o); string(again) != string(stored) {
				t.Fatalf("stored %s, then %s", stored, again)
			}
		}
	}
}

// operate performs a random operation on the model and writes it down.
func (m *model) operate(rng *rand.Rand) string {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	name, text, label := pick("title", "nickName", "displayName"), pick("x", "y"), pick("work", "home")
	fresh := email{value: pick("1", "2", "3"), label: label, primary: pick("", "true")}
	written := fmt.Sprintf(`{"value":%q,"type":%q`, fresh.value, fresh.label)
	if fresh.primary != "" {
		written += `,"primary":true`
	}
	written += "}"
	switch rng.IntN(8) {
	case 0:
		m.simple[name] = text
		return fmt.Sprintf(`{"op":%q,"path":%q,"value":%q}`, pick("add", "Replace"), name, text)
	case 1:
		m.simple[name] = ""
		return fmt.Sprintf(`{"op":"remove","path":%q}`, name)
	case 2:
		m.simple[name] = ""
		return fmt.Sprintf(`{"op":"replace","value":{%q:null}}`, name)
	case 3:
		m.add(fresh)
		return `{"op":"add","path":"emails","value":[` + written + `]}`
	case 4:
		m.emails = []email{fresh}
		return `{"op":"replace","value":{"emails":` + written + `}}`
	case 5:
		m.emails = slices.DeleteFunc(m.emails, func(e email) bool { return e.label == label })
		return fmt.Sprintf(`{"op":"remove","path":"emails[type eq \"%s\"]"}`, label)
	case 6:
		m.setValue(label, fresh.value)
		return fmt.Sprintf(`{"op":"Replace","path":"emails[type eq \"%s\"].value","value":%q}`, label, fresh.value)
	default:
		m.emails = slices.DeleteFunc(m.emails, func(e email) bool { return e.value == fresh.value && e.label == label })
		return fmt.Sprintf(`{"op":"remove","path":"emails","value":[{"value":%q,"type":%q}]}`, fresh.value, label)
	}
}

func (m *model) add(fresh email) {
	at := slices.IndexFunc(m.emails, func(e email) bool { return same(e, fresh) })
	if at < 0 {
		at = len(m.emails)
		m.emails = append(m.emails, fresh)
	} else if fresh.primary != "" {
		m.emails[at].primary = fresh.primary
	}
	if fresh.primary == "true" {
		m.settle(at)
	}
}

// setValue is replace of emails[type eq label].value: on every match, or on a
// new element.
func (m *model) setValue(label, value string) {
	found := false
	for i := range m.emails {
		if m.emails[i].label == label {
			m.emails[i].value = value
			found = true
		}
	}
	if !found {
		m.emails = append(m.emails, email{value: value, label: label})
	}
	m.settle(-1)
}
