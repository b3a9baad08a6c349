package post

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
	"unicode"
)

// Letter is one mail to one person.
type Letter struct {
	// ID becomes the left side of the Message-ID. A letter that is sent again has the ID that it had, so that mail programs
	// show it once. Letters, digits, '.' and '-' only.
	ID      string
	To      string // an address without a name
	Subject string // any text: control characters become spaces
	Text    string // any text, lines end with \n: control characters become spaces
}

// maxSubject bounds a subject, in characters.
const maxSubject = 200

// compose gives the message in the form of RFC 5322. to is checked by the caller.
func (l *Letter) compose(from *mail.Address, to string, at time.Time) ([]byte, error) {
	if l.ID == "" || strings.Trim(l.ID, idCharacters) != "" {
		return nil, fmt.Errorf("%q cannot be part of a Message-ID", l.ID)
	}
	var message bytes.Buffer
	for _, field := range [][2]string{
		{"From", from.String()},
		{"To", (&mail.Address{Address: to}).String()},
		{"Subject", mime.QEncoding.Encode("utf-8", clean(l.Subject, maxSubject))},
		{"Date", at.Format(time.RFC1123Z)},
		{"Message-ID", "<" + l.ID + "@" + domainOf(from.Address) + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: nobody's absence is to answer
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&message, "%s: %s\r\n", field[0], field[1])
	}
	message.WriteString("\r\n")
	body := quotedprintable.NewWriter(&message)
	for line := range strings.Lines(l.Text) {
		_, _ = body.Write([]byte(clean(strings.TrimRight(line, "\r\n"), len(line)) + "\r\n")) // memory does not fail
	}
	_ = body.Close()
	return message.Bytes(), nil
}

const idCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

// clean gives at most n characters of a text on one line.
func clean(text string, n int) string {
	var line strings.Builder
	for _, c := range text { // what is not UTF-8 comes as U+FFFD
		if n--; n < 0 {
			break
		}
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			c = ' '
		}
		line.WriteRune(c)
	}
	return line.String()
}

// ParseAddress reads one bare address that is safe in an SMTP command: no name, no white space, no brackets.
func ParseAddress(address string) (string, error) {
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || strings.ContainsFunc(address, unsafe) || domainOf(address) == "" {
		return "", fmt.Errorf("this is not a plain mail address")
	}
	return address, nil
}

func unsafe(c rune) bool {
	return unicode.IsControl(c) || unicode.IsSpace(c) || c == '<' || c == '>' || c == unicode.ReplacementChar
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return domain
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c > unicode.MaxASCII })
}
