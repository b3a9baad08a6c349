package scim

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"domicile/directory"
	"domicile/scim/schema"
)

// position is where a page ended: the last resource shown, and under an order its sort value as a small document.
type position struct {
	kind   Kind
	number directory.Number
	sorted []byte // nil without an order
}

// cursor is a place in the answer to one question (RFC 9865 §2). It is kept by the client, sealed, and bound by AAD to
// token and question, so it costs the service nothing and opens for nothing else.
type cursor struct {
	issued directory.Time
	count  int
	at     position
}

const (
	cursorFormat = 1
	// cursorLife is how long a cursor is good for.
	cursorLife = time.Hour
)

// encodeCursor seals a cursor; its alphabet is that of RFC 3986's unreserved characters.
func (e *Engine) encodeCursor(c cursor, question []byte) string {
	plain := make([]byte, 0, 32+len(c.at.sorted))
	plain = append(plain, cursorFormat, byte(c.at.kind))
	plain = binary.AppendUvarint(plain, uint64(c.issued))
	plain = binary.AppendUvarint(plain, uint64(c.count))
	plain = binary.AppendUvarint(plain, uint64(c.at.number))
	plain = append(plain, c.at.sorted...)
	return base64.RawURLEncoding.EncodeToString(e.Cursors.Seal(nil, plain, question))
}

// decodeCursor opens what encodeCursor made for the same token and question. Errors are those of RFC 9865 §2.1; a cursor
// of somebody else and one that never was look the same.
func (e *Engine) decodeCursor(text string, question []byte, count int) (cursor, error) {
	invalid := badRequest(schema.InvalidCursor, "the cursor is not one of this question; ask the question again from the start")
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != text { // the decoder skips line breaks and spare bits
		return cursor{}, invalid
	}
	plain, err := e.Cursors.Open(nil, sealed, question)
	if err != nil || len(plain) < 2 || plain[0] != cursorFormat || Kind(plain[1]) >= kinds {
		return cursor{}, invalid
	}
	c := cursor{at: position{kind: Kind(plain[1])}}
	rest := plain[2:]
	var fields [3]uint64
	for i := range fields {
		value, n := binary.Uvarint(rest)
		if n <= 0 {
			return cursor{}, invalid
		}
		fields[i], rest = value, rest[n:]
	}
	c.issued, c.count, c.at.number = directory.Time(fields[0]), int(fields[1]), directory.Number(fields[2])
	if len(rest) > 0 {
		c.at.sorted = rest
	}
	if e.now() > c.issued+directory.Time(cursorLife.Microseconds()) {
		return cursor{}, badRequest(schema.ExpiredCursor, "the cursor has expired after %s; ask the question again from the start", cursorLife)
	}
	if count != c.count {
		return cursor{}, badRequest(schema.InvalidCount, "count must stay what it was on the first page: %d, not %d", c.count, count)
	}
	return c, nil
}

// question is what a cursor is bound to: who asks, of what, and what exactly.
func (q *query) question(a Actor) []byte {
	out := make([]byte, 0, 256)
	for _, part := range []string{string(a.Organization), string(a.Token), q.scope, q.filterText, q.sortText} {
		out = binary.AppendUvarint(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out
}
