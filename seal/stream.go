package seal

import (
	"bufio"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A stream is a header and then chunks: chunkSize bytes of plaintext and a tag each, the last one shorter or full. The
// nonce of a chunk is its number and whether it is the last, so a chunk that is lost, moved, repeated or added does not
// open (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). A last chunk is empty only if the whole
// stream is, so a plaintext has one sealed length.
const chunkSize = 64 << 10

// errClosed answers a Write after Close.
var errClosed = errors.New("write to a closed sealed stream")

// NewWriter returns a writer that seals all it is given into w, in chunks of 64 KiB. Close writes the last chunk and does
// not close w; a stream that was not closed does not open to its end. aad is not stored: NewReader must be given the same.
// Not safe for concurrent use.
func (b *Box) NewWriter(w io.Writer, aad []byte) (io.WriteCloser, error) {
	s := b.newSealer(streamFormat)
	if _, err := w.Write(s.header[:]); err != nil {
		return nil, fmt.Errorf("write sealed stream: %w", err)
	}
	return &streamWriter{
		w:      w,
		chunks: chunks{aead: s.aead, aad: append([]byte(nil), aad...)},
		plain:  make([]byte, 0, chunkSize),
		sealed: make([]byte, 0, chunkSize+tagSize),
	}, nil
}

// NewReader returns a reader of what NewWriter sealed; it reads the header at once. r must end where the stream ends. The
// reader hands out a chunk only after it proved authentic, and io.EOF only after the last chunk did: until then the whole
// is not known to be complete. Errors: ErrUnknownKey, ErrNotAuthentic, or those of r. Not safe for concurrent use.
func (b *Box) NewReader(r io.Reader, aad []byte) (io.Reader, error) {
	var head header
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("read sealed stream: %w: too short", ErrNotAuthentic)
		}
		return nil, fmt.Errorf("read sealed stream: %w", err)
	}
	id, head, _, err := splitHeader(head[:], streamFormat)
	if err != nil {
		return nil, fmt.Errorf("read sealed stream: %w", err)
	}
	aead, err := b.derive(id, head)
	if err != nil {
		return nil, fmt.Errorf("read sealed stream: %w", err)
	}
	return &streamReader{
		r:      bufio.NewReaderSize(r, chunkSize+tagSize+1),
		chunks: chunks{aead: aead, aad: append([]byte(nil), aad...)},
		plain:  make([]byte, 0, chunkSize),
	}, nil
}

// chunks seals or opens one chunk after the other.
type chunks struct {
	aead  cipher.AEAD
	aad   []byte
	count uint64
}

// nonce returns the nonce of the next chunk: eight bytes of number, three of zero, one that marks the last.
func (c *chunks) nonce(last bool) []byte {
	var nonce [nonceSize]byte
	binary.BigEndian.PutUint64(nonce[:8], c.count)
	if last {
		nonce[nonceSize-1] = 1
	}
	c.count++
	return nonce[:]
}

type streamWriter struct {
	w io.Writer
	chunks
	plain  []byte // of the chunk being filled; full ones wait until it is known whether they are the last
	sealed []byte // scratch
	err    error  // sticky
}

// Write seals p.
func (s *streamWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && s.err == nil {
		if len(s.plain) == chunkSize {
			s.flush(false)
		}
		n := min(len(p), chunkSize-len(s.plain))
		s.plain = append(s.plain, p[:n]...)
		p = p[n:]
		written += n
	}
	return written, s.err
}

// Close seals the last chunk. A second Close does nothing.
func (s *streamWriter) Close() error {
	if errors.Is(s.err, errClosed) {
		return nil
	}
	if s.err != nil {
		return s.err
	}
	s.flush(true)
	if s.err != nil {
		return s.err
	}
	s.err = errClosed
	return nil
}

func (s *streamWriter) flush(last bool) {
	s.sealed = s.aead.Seal(s.sealed[:0], s.nonce(last), s.plain, s.aad)
	s.plain = s.plain[:0]
	if _, err := s.w.Write(s.sealed); err != nil {
		s.err = fmt.Errorf("write sealed stream: %w", err)
	}
}

type streamReader struct {
	r *bufio.Reader
	chunks
	plain []byte // of the present chunk
	rest  []byte // part of plain that is not handed out yet
	err   error  // sticky; io.EOF after the last chunk
}

// Read hands out plaintext.
func (s *streamReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(s.rest) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.fill()
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// fill opens the next chunk. It looks one byte beyond the chunk: where nothing follows, the chunk must be marked last.
func (s *streamReader) fill() {
	ahead, err := s.r.Peek(chunkSize + tagSize + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = fmt.Errorf("read sealed stream: %w", err)
		return
	}
	last := err != nil
	sealed := ahead[:min(len(ahead), chunkSize+tagSize)]
	number := s.count
	plain, err := s.aead.Open(s.plain[:0], s.nonce(last), sealed, s.aad)
	if err != nil || (last && len(plain) == 0 && number > 0) {
		s.err = fmt.Errorf("read sealed stream: %w: chunk %d is altered, misplaced or cut", ErrNotAuthentic, number)
		return
	}
	s.rest = plain
	if last {
		s.err = io.EOF
		return
	}
	_, s.err = s.r.Discard(len(sealed))
}
