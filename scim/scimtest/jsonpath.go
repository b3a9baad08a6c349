package scimtest

import (
	"fmt"
	"strconv"
	"strings"
)

// nodes evaluates the JSONPath subset of FORMAT.md: $, .key, ['any key'], [n],
// [*] and [?key=value].
func nodes(document any, path string) ([]any, error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, fmt.Errorf("the path %q does not start with $", path)
	}
	list := []any{document}
	for rest != "" {
		selector, after, err := cutSelector(rest)
		if err != nil {
			return nil, fmt.Errorf("the path %q: %w", path, err)
		}
		var next []any
		for _, node := range list {
			next = append(next, selector(node)...)
		}
		list, rest = next, after
	}
	return list, nil
}

// selector gives the nodes below a node.
type selector func(node any) []any

func cutSelector(path string) (selector, string, error) {
	if name, ok := strings.CutPrefix(path, "."); ok {
		end := strings.IndexAny(name, ".[")
		if end < 0 {
			end = len(name)
		}
		return byKey(name[:end]), name[end:], nil
	}
	if quoted, ok := strings.CutPrefix(path, "['"); ok {
		key, rest, closed := strings.Cut(quoted, "']")
		if !closed {
			return nil, "", fmt.Errorf("%q is not closed", path)
		}
		return byKey(key), rest, nil
	}
	inner, ok := strings.CutPrefix(path, "[")
	inner, rest, closed := strings.Cut(inner, "]")
	if !ok || !closed {
		return nil, "", fmt.Errorf("%q is not understood", path)
	}
	if inner == "*" {
		return elements, rest, nil
	}
	if condition, ok := strings.CutPrefix(inner, "?"); ok {
		key, value, _ := strings.Cut(condition, "=")
		return where(key, value), rest, nil
	}
	n, err := strconv.Atoi(inner)
	if err != nil {
		return nil, "", fmt.Errorf("[%s] is not understood", inner)
	}
	return func(node any) []any {
		if list := elements(node); n >= 0 && n < len(list) {
			return list[n : n+1]
		}
		return nil
	}, rest, nil
}

func byKey(key string) selector {
	return func(node any) []any {
		object, _ := node.(map[string]any)
		if value, ok := object[key]; ok {
			return []any{value}
		}
		return nil
	}
}

func elements(node any) []any {
	list, _ := node.([]any)
	return list
}

func where(key, value string) selector {
	return func(node any) []any {
		var kept []any
		for _, element := range elements(node) {
			object, _ := element.(map[string]any)
			if found, ok := object[key]; ok && strings.EqualFold(plain(found), value) {
				kept = append(kept, element)
			}
		}
		return kept
	}
}
