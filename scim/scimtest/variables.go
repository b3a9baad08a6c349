package scimtest

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
)

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// variables are what ${name} stands for. Parallel steps share them.
type variables struct {
	mu     sync.Mutex
	values map[string]any
}

func (v *variables) set(name string, value any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.values[name] = value
}

func (v *variables) get(name string) (any, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	value, ok := v.values[name]
	if !ok {
		return nil, fmt.Errorf("the variable ${%s} is not defined", name)
	}
	return value, nil
}

// text replaces the variables in a text.
func (v *variables) text(s string) (string, error) {
	value, err := v.splice(s)
	if err != nil {
		return "", err
	}
	return plain(value), nil
}

// plain writes a JSON value as text; numbers as they are commonly written.
func plain(value any) string {
	if number, ok := value.(float64); ok {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// splice replaces the variables in a text. A text that is nothing but one
// variable takes its type.
func (v *variables) splice(s string) (any, error) {
	if at := reference.FindStringSubmatchIndex(s); at != nil && at[0] == 0 && at[1] == len(s) {
		return v.get(s[at[2]:at[3]])
	}
	var failed error
	out := reference.ReplaceAllStringFunc(s, func(found string) string {
		value, err := v.get(found[2 : len(found)-1])
		if err != nil && failed == nil {
			failed = err
		}
		return plain(value)
	})
	return out, failed
}

// deep replaces the variables in all texts of a JSON value, keys included.
func (v *variables) deep(value any) (any, error) {
	switch value := value.(type) {
	case string:
		return v.splice(value)
	case []any:
		out := make([]any, len(value))
		for i := range value {
			var err error
			if out[i], err = v.deep(value[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, inner := range value {
			name, err := v.text(key)
			if err != nil {
				return nil, err
			}
			if out[name], err = v.deep(inner); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return value, nil
}
