package directory

import "strings"

// MaxConvert bounds the users that one command converts.
const MaxConvert = 3000

// Rename is one step of converting user names to e-mail addresses.
type Rename struct {
	User *User
	To   string // the folded address, which becomes userName and its key
}

// RenameCollision is why a user cannot be renamed: With keeps, or is about to get, the address.
type RenameCollision struct {
	Address string
	User    *User
	With    *User
}

// RenameTarget gives the address that the user would be called by, and false where there is nothing to do: the name is the
// primary address already, there is no address, or it is the root user.
func (u *User) RenameTarget() (string, bool) {
	to := u.Email()
	return to, to != "" && to != u.UserNameKey && u.Source != SourceRoot
}

// ReplaceUserName gives a canonical SCIM document with another userName at its top level, and false (and the document as
// it is) where it has none or is not a JSON object.
func ReplaceUserName(attributes, name string) (string, bool) {
	depth := 0
	for i := 0; i < len(attributes); {
		switch c := attributes[i]; c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := textEnd(attributes, i)
			if depth == 1 && attributes[i:end] == `"userName"` {
				if from, to, ok := textValue(attributes, end); ok {
					return attributes[:from] + quote(name) + attributes[to:], true
				}
			}
			i = end
			continue
		}
		i++
	}
	return attributes, false
}

// textEnd gives the place after the JSON string that begins at start.
func textEnd(s string, start int) int {
	for i := start + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// textValue finds the JSON string that follows a key which ends at i.
func textValue(s string, i int) (from, to int, ok bool) {
	rest := strings.TrimLeft(s[i:], " \t\r\n")
	if !strings.HasPrefix(rest, ":") {
		return 0, 0, false
	}
	rest = strings.TrimLeft(rest[1:], " \t\r\n")
	from = len(s) - len(rest)
	if !strings.HasPrefix(rest, `"`) {
		return 0, 0, false
	}
	return from, textEnd(s, from), true
}

// quote gives a JSON string in which only what JSON demands is escaped, as canonical documents have them.
func quote(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < 0x20:
			b.WriteString(`\u00`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
