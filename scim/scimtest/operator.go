package scimtest

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// operators tells of each operator of FORMAT.md whether it holds for the nodes
// of a path.
func operators() map[string]func(list []any, want any) (bool, error) {
	some := func(test func(node, want any) bool) func([]any, any) (bool, error) {
		return func(list []any, want any) (bool, error) {
			return slices.ContainsFunc(list, func(node any) bool { return test(node, want) }), nil
		}
	}
	none := func(test func(node, want any) bool) func([]any, any) (bool, error) {
		return func(list []any, want any) (bool, error) {
			return len(list) > 0 && !slices.ContainsFunc(list, func(node any) bool { return test(node, want) }), nil
		}
	}
	return map[string]func([]any, any) (bool, error){
		"eq":          some(reflect.DeepEqual),
		"ne":          none(reflect.DeepEqual),
		"ieq":         some(equalFold),
		"contains":    some(holds),
		"notContains": none(holds),
		"startsWith":  some(startsWith),
		"type":        some(hasType),
		"gte":         some(func(node, want any) bool { return compare(node, want, func(a, b float64) bool { return a >= b }) }),
		"lte":         some(func(node, want any) bool { return compare(node, want, func(a, b float64) bool { return a <= b }) }),
		"in":          some(func(node, want any) bool { return holds(want, node) }),
		"matches":     matches,
		"exists":      func(list []any, want any) (bool, error) { return (len(list) > 0) == (want == true), nil },
		"absent":      func(list []any, _ any) (bool, error) { return !slices.ContainsFunc(list, isValue), nil },
		"len": func(list []any, want any) (bool, error) {
			return len(list) == 1 && length(list[0]) == want, nil
		},
		"count": func(list []any, want any) (bool, error) { return float64(len(list)) == want, nil },
	}
}

// check tells what is wrong with the nodes of a path, or "".
func check(path string, list []any, operator string, want any) string {
	test, ok := operators()[operator]
	if !ok {
		return fmt.Sprintf("%s: the operator %q is unknown", path, operator)
	}
	holds, err := test(list, want)
	switch {
	case err != nil:
		return fmt.Sprintf("%s: %v", path, err)
	case holds:
		return ""
	case operator == "absent":
		return fmt.Sprintf("%s is %s, want it absent", path, show(list))
	}
	return fmt.Sprintf("%s is %s, want %s %s", path, show(list), operator, shorten(fmt.Sprintf("%#v", want)))
}

func show(list []any) string {
	if len(list) == 0 {
		return "absent"
	}
	return shorten(fmt.Sprintf("%#v", list))
}

func equalFold(node, want any) bool {
	a, ok1 := node.(string)
	b, ok2 := want.(string)
	return ok1 && ok2 && strings.EqualFold(a, b)
}

func holds(node, want any) bool {
	switch node := node.(type) {
	case []any:
		return slices.ContainsFunc(node, func(element any) bool { return reflect.DeepEqual(element, want) })
	case string:
		part, ok := want.(string)
		return ok && strings.Contains(node, part)
	}
	return false
}

func startsWith(node, want any) bool {
	text, ok1 := node.(string)
	prefix, ok2 := want.(string)
	return ok1 && ok2 && strings.HasPrefix(text, prefix)
}

func hasType(node, want any) bool {
	switch node.(type) {
	case string:
		return want == "string"
	case float64:
		return want == "number"
	case bool:
		return want == "boolean"
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	}
	return false
}

func compare(node, want any, test func(a, b float64) bool) bool {
	a, ok1 := node.(float64)
	b, ok2 := want.(float64)
	return ok1 && ok2 && test(a, b)
}

// isValue tells whether a node is more than null or [], which mean the same as
// absence (RFC 7643 §2.5).
func isValue(node any) bool {
	list, isList := node.([]any)
	return node != nil && (!isList || len(list) > 0)
}

func length(node any) any {
	switch node := node.(type) {
	case []any:
		return float64(len(node))
	case string:
		return float64(utf8.RuneCountInString(node))
	}
	return nil
}

// matches searches for a regular expression. Go's have no look-ahead; the one
// form that scripts use, "no character starts this word", is done by hand.
func matches(list []any, want any) (bool, error) {
	pattern, _ := want.(string)
	if word, ok := strings.CutPrefix(pattern, "^((?!"); ok {
		if word, ok = strings.CutSuffix(word, ").)+$"); ok && regexp.QuoteMeta(word) == word {
			return slices.ContainsFunc(list, func(node any) bool {
				text, _ := node.(string)
				return text != "" && !strings.Contains(text, word)
			}), nil
		}
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(list, func(node any) bool {
		text, ok := node.(string)
		return ok && expression.MatchString(text)
	}), nil
}
