package schema

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold maps a text to the form in which attributes that are not caseExact are
// compared: full case folding over normalization form KC. It is the rule by
// which the ledger finds names and addresses (directory.Fold), so that a filter
// means the same whether an index answers it or not. It costs nothing for ASCII
// text without capitals.
func Fold(s string) string {
	if plain, lower := ascii(s); plain {
		if lower {
			return s
		}
		return lowerASCII(s)
	}
	// cases.Fold swaps the two cases of Cherokee; the lower-casing makes them one.
	return strings.ToLower(cases.Fold().String(norm.NFKC.String(s)))
}

// foldNarrow is Fold for telling whether a list holds a value already. It keeps
// apart what only looks alike, such as x² and x2: to find too much is harmless,
// but of two values that were taken for one, one is lost.
func foldNarrow(s string) string {
	if plain, _ := ascii(s); plain {
		return Fold(s)
	}
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

func ascii(s string) (plain, lower bool) {
	lower = true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 0x80:
			return false, false
		case 'A' <= c && c <= 'Z':
			lower = false
		}
	}
	return true, lower
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}
