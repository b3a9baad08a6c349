package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"domicile/scim/schema"
)

// The limits of one filter or path. Beyond them it is refused, never cut.
const (
	MaxLength = 8 << 10 // bytes
	MaxDepth  = 16      // levels of ( ), not and [ ]
	MaxTerms  = 100     // comparisons
)

// lexer walks over the text of a filter or path.
type lexer struct {
	text     string
	pos      int
	scimType string // of errors: invalidFilter or invalidPath
	what     string // the word for the text in errors
}

func (l *lexer) fail(format string, args ...any) error {
	return l.failAt(l.pos, format, args...)
}

func (l *lexer) failAt(pos int, format string, args ...any) error {
	at := utf8.RuneCountInString(l.text[:pos]) + 1
	return schema.Fail(l.scimType, "", "%s, at character %d: %s", l.what, at, fmt.Sprintf(format, args...))
}

// check refuses a text that is too long, not UTF-8, or holds control characters,
// which a JSON string may only hold escaped.
func (l *lexer) check() error {
	if len(l.text) > MaxLength {
		return schema.Fail(l.scimType, "", "%s has %d bytes; at most %d are allowed", l.what, len(l.text), MaxLength)
	}
	if !utf8.ValidString(l.text) {
		return schema.Fail(l.scimType, "", "%s is not valid UTF-8", l.what)
	}
	if at := strings.IndexFunc(l.text, func(c rune) bool { return c < ' ' && c != '\t' }); at >= 0 {
		return l.failAt(at, "a control character")
	}
	return nil
}

func (l *lexer) space() {
	for l.pos < len(l.text) && (l.text[l.pos] == ' ' || l.text[l.pos] == '\t') {
		l.pos++
	}
}

func (l *lexer) end() bool { return l.pos == len(l.text) }

// accept takes the byte if it is next.
func (l *lexer) accept(c byte) bool {
	if l.pos < len(l.text) && l.text[l.pos] == c {
		l.pos++
		return true
	}
	return false
}

// keyword takes the word, in any letter case, if it is next as a whole word.
func (l *lexer) keyword(word string) bool {
	rest := l.text[l.pos:]
	if len(rest) < len(word) || !strings.EqualFold(rest[:len(word)], word) {
		return false
	}
	if len(rest) > len(word) && isNameByte(rest[len(word)]) {
		return false
	}
	l.pos += len(word)
	return true
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '_' || c == '-' || c == '$' || c == '.' || c == ':'
}

// name takes an attribute name, with its URN if rt knows it.
func (l *lexer) name(rt *schema.ResourceType) string {
	start := l.pos
	if rt != nil {
		if s, rest := rt.SplitURN(l.text[l.pos:]); s != nil {
			l.pos = len(l.text) - len(rest)
		}
	}
	for l.pos < len(l.text) && isNameByte(l.text[l.pos]) {
		l.pos++
	}
	return l.text[start:l.pos]
}

func (l *lexer) quoted() (v any, text string, err error) {
	start := l.pos
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch l.text[l.pos] {
		case '\\':
			l.pos++
		case '"':
			l.pos++
			decoded, err := schema.DecodeJSON([]byte(l.text[start:l.pos]))
			if err != nil {
				return nil, "", l.failAt(start, "the value is not a JSON string; check its escapes")
			}
			text, _ = decoded.(string)
			return text, text, nil
		}
	}
	l.pos = len(l.text)
	return nil, "", l.failAt(start, "the string is not closed by a double quote")
}
