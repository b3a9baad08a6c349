package scim

import (
	"strconv"
	"strings"
	"sync"

	"domicile/scim/schema"
)

// Response is an answer, ready to be written.
type Response struct {
	Status int
	// Body is JSON, or nil for an answer without a body. It belongs to a pool: Release it when it is written.
	Body []byte
	// ETag is the version of the one resource that the answer is about, empty for lists.
	ETag string
	// Location is the absolute URL of that resource.
	Location string
	// NoOp tells that a write changed nothing.
	NoOp bool
	// Courtesies is what was tolerated of the request.
	Courtesies []schema.Courtesy

	buffer *buffer
}

// Release gives Body back. Body must not be used afterwards; calling it again is harmless.
func (r *Response) Release() {
	if r.buffer == nil {
		return
	}
	r.buffer.bytes = r.Body[:0]
	r.buffer.free()
	r.buffer, r.Body = nil, nil
}

// buffer is memory that is used again: the bytes of an answer, and the records of its page. The largest are left to the
// collector.
type buffer struct {
	pool    *sync.Pool
	bytes   []byte
	records []record
}

const maxPooled = 1 << 20

func (e *Engine) newBuffer() *buffer {
	b, ok := e.buffers.Get().(*buffer)
	if !ok {
		b = &buffer{pool: &e.buffers, bytes: make([]byte, 0, 4<<10)}
	}
	b.bytes = b.bytes[:0]
	return b
}

func (b *buffer) free() {
	clear(b.records) // they would keep the ledger's past alive
	b.records = b.records[:0]
	if cap(b.bytes) <= maxPooled {
		b.pool.Put(b)
	}
}

// respond makes the buffer the body.
func (r *Response) respond(b *buffer) { r.buffer, r.Body = b, b.bytes }

// etag is the entity tag of a version (RFC 7644 §3.14): weak, as projections of one version differ in bytes.
func etag(version uint64) string { return string(appendTag(make([]byte, 0, 24), version)) }

func appendTag(out []byte, version uint64) []byte {
	out = append(out, 'W', '/', '"')
	out = strconv.AppendUint(out, version, 10)
	return append(out, '"')
}

// matches compares a header's list of tags weakly (RFC 9110 §8.8.3.2); * matches everything.
func matches(header string, version uint64) bool {
	present := strconv.FormatUint(version, 10)
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) == present {
			return true
		}
	}
	return false
}

// met refuses a write whose If-Match names another version.
func (c Conditions) met(version uint64) error {
	if c.IfMatch == "" || matches(c.IfMatch, version) {
		return nil
	}
	return &Fault{Status: statusPreconditionFailed,
		Detail: "the resource has changed: it is at version " + etag(version) + ", and If-Match wants " + cutTag(c.IfMatch)}
}

// cutTag gives the beginning of a header's list of tags, which has quotes of its own.
func cutTag(header string) string {
	const enough = 64
	if strings.ContainsFunc(header, unprintable) {
		return "another"
	}
	if len(header) > enough {
		return header[:enough] + "…"
	}
	return header
}

// prefers tells whether the Prefer header asks for a preference such as return=minimal.
func (c Conditions) prefers(preference string) bool {
	for part := range strings.SplitSeq(c.Prefer, ",") {
		part, _, _ = strings.Cut(part, ";")
		if strings.EqualFold(strings.ReplaceAll(part, " ", ""), preference) {
			return true
		}
	}
	return false
}
