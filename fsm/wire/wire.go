package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrMalformed is what every decoding failure wraps.
var ErrMalformed = errors.New("malformed bytes")

// Writer appends fields to a buffer. The zero value writes to a fresh buffer.
type Writer struct {
	buf   []byte
	later bool
}

// NewWriter appends to buf.
func NewWriter(buf []byte) *Writer { return &Writer{buf: buf} }

// Bytes gives what was written; it shares the writer's memory.
func (w *Writer) Bytes() []byte { return w.buf }

// Reset empties the writer and keeps its memory.
func (w *Writer) Reset() { w.buf, w.later = w.buf[:0], false }

// Uint writes an unsigned varint.
func (w *Writer) Uint(v uint64) { w.buf = binary.AppendUvarint(w.buf, v) }

// Int writes a signed (zigzag) varint.
func (w *Writer) Int(v int64) { w.buf = binary.AppendVarint(w.buf, v) }

// Bool writes one byte, 0 or 1.
func (w *Writer) Bool(v bool) {
	if v {
		w.buf = append(w.buf, 1)
		return
	}
	w.buf = append(w.buf, 0)
}

// Text writes a length and the bytes of s.
func (w *Writer) Text(s string) {
	w.Uint(uint64(len(s)))
	w.buf = append(w.buf, s...)
}

// TextIn writes s, as its place in whole where it occurs there: the reader then shares the memory of whole.
func (w *Writer) TextIn(whole, s string) {
	at := strings.Index(whole, s)
	w.Uint(uint64(at + 1)) //nolint:gosec // at is at least -1
	if at < 0 {
		w.Text(s)
		return
	}
	w.Uint(uint64(len(s)))
}

// Blob writes a length and b.
func (w *Writer) Blob(b []byte) {
	w.Uint(uint64(len(b)))
	w.buf = append(w.buf, b...)
}

// Fixed writes b without a length; the reader must know it.
func (w *Writer) Fixed(b []byte) { w.buf = append(w.buf, b...) }

// Texts writes a count and each text.
func Texts[T ~string](w *Writer, list []T) {
	w.Uint(uint64(len(list)))
	for _, s := range list {
		w.Text(string(s))
	}
}

// Part writes a length and what write writes, so that more fields may be appended to it later.
func (w *Writer) Part(write func(*Writer)) {
	var part Writer
	write(&part)
	w.Blob(part.buf)
}

// Later writes the fields that a later release appended to a record, and nothing while all of them are zero: an older release
// can then read the record. Fields of a still later release are appended by another Later inside of it.
func (w *Writer) Later(write func(*Writer)) {
	begin := len(w.buf)
	write(w)
	for _, b := range w.buf[begin:] {
		if b != 0 {
			w.later = true
			return
		}
	}
	w.buf = w.buf[:begin]
}

// HasLater tells whether something that a Later wrote was kept.
func (w *Writer) HasLater() bool { return w.later }

// List writes a count and each record behind its length, so that the fields of a record may be appended to.
func List[T any](w *Writer, list []T, write func(*Writer, *T)) {
	w.Uint(uint64(len(list)))
	var record Writer
	for i := range list {
		record.Reset()
		write(&record, &list[i])
		w.Blob(record.Bytes())
	}
}

// Reader reads fields from a text without copying: the texts that it returns share the memory of its input, so that a
// decoded record is one allocation. The first failure sticks; later reads give zero values. A field that begins exactly at
// the end of the input was not written by an older release and reads as zero.
type Reader struct {
	rest string
	err  error
}

// NewReader reads from s.
func NewReader(s string) *Reader { return &Reader{rest: s} }

// Err gives the first failure, or nil.
func (r *Reader) Err() error { return r.err }

// Done fails unless everything was read, and gives the first failure.
func (r *Reader) Done() error {
	if r.err == nil && r.rest != "" {
		r.fail("%d bytes left over", len(r.rest))
	}
	return r.err
}

// Own copies what is left, so that the texts read from now on keep nothing else alive.
func (r *Reader) Own() { r.rest = strings.Clone(r.rest) }

// Len gives the number of bytes left.
func (r *Reader) Len() int { return len(r.rest) }

func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
	r.rest = ""
}

// Uint reads an unsigned varint.
func (r *Reader) Uint() uint64 {
	if r.rest == "" {
		return 0
	}
	var v uint64
	for i := range min(len(r.rest), binary.MaxVarintLen64) {
		c := r.rest[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.rest = r.rest[i+1:]
			return v
		}
	}
	r.fail("bad varint")
	return 0
}

// Int reads a signed (zigzag) varint.
func (r *Reader) Int() int64 {
	v := r.Uint()
	return int64(v>>1) ^ -int64(v&1)
}

// Bool reads one byte, 0 or 1.
func (r *Reader) Bool() bool {
	if r.rest == "" {
		return false
	}
	c := r.rest[0]
	if c > 1 {
		r.fail("bad boolean %d", c)
		return false
	}
	r.rest = r.rest[1:]
	return c == 1
}

// Text reads a length and that many bytes.
func (r *Reader) Text() string {
	n := r.Uint()
	if n > uint64(len(r.rest)) {
		r.fail("text of %d bytes where %d are left", n, len(r.rest))
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// Blob reads what Writer.Blob wrote, into memory of its own; none is nil.
func (r *Reader) Blob() []byte {
	if text := r.Text(); text != "" {
		return []byte(text)
	}
	return nil
}

// TextIn reads what Writer.TextIn wrote beside the same whole.
func (r *Reader) TextIn(whole string) string {
	at := r.Uint()
	if at == 0 {
		return r.Text()
	}
	n := r.Uint()
	if at--; at > uint64(len(whole)) || n > uint64(len(whole))-at {
		r.fail("text of %d bytes at %d in one of %d", n, at, len(whole))
		return ""
	}
	return whole[at : at+n]
}

// Fixed copies len(b) bytes into b. At the end of the input b stays as it is.
func (r *Reader) Fixed(b []byte) {
	if r.rest == "" {
		return
	}
	if len(r.rest) < len(b) {
		r.fail("%d fixed bytes where %d are left", len(b), len(r.rest))
		return
	}
	copy(b, r.rest)
	r.rest = r.rest[len(b):]
}

// Count reads the length of a list whose elements take at least one byte each, so that a hostile count cannot make the
// caller allocate more than the input is long.
func (r *Reader) Count() int {
	n := r.Uint()
	if n > uint64(len(r.rest)) {
		r.fail("list of %d where %d bytes are left", n, len(r.rest))
		return 0
	}
	return int(n)
}

// Part reads what Writer.Part wrote, to its own end.
func (r *Reader) Part(read func(*Reader)) {
	part := Reader{rest: r.Text()}
	read(&part)
	if err := part.Done(); err != nil && r.err == nil {
		r.rest, r.err = "", err
	}
}

// ReadList reads what List wrote; an empty list is nil. Each record is read to its own end.
func ReadList[T any](r *Reader, read func(*Reader, *T)) []T {
	n := r.Count()
	if n == 0 {
		return nil
	}
	list := make([]T, n)
	for i := range list {
		r.Part(func(part *Reader) { read(part, &list[i]) })
	}
	if r.err != nil {
		return nil
	}
	return list
}

// ReadTexts reads what Texts wrote; an empty list is nil.
func ReadTexts[T ~string](r *Reader) []T {
	n := r.Count()
	if n == 0 {
		return nil
	}
	list := make([]T, 0, n)
	for range n {
		list = append(list, T(r.Text()))
	}
	if r.err != nil {
		return nil
	}
	return list
}
