package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
)

const sealedChunk = chunkSize + tagSize

func TestStream_roundTrip(t *testing.T) {
	box := GenerateKeyring().Box("snapshot", "us")
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 3*chunkSize + 5} {
		plain := pattern(size)
		sealed := sealStream(t, box, plain)
		chunks := max(1, (size+chunkSize-1)/chunkSize)
		if want := headerSize + size + chunks*tagSize; len(sealed) != want {
			t.Errorf("%d bytes sealed into %d, want %d", size, len(sealed), want)
		}
		for name, r := range map[string]io.Reader{
			"whole":  bytes.NewReader(sealed),
			"halves": iotest.HalfReader(bytes.NewReader(sealed)),
			"eof":    iotest.DataErrReader(bytes.NewReader(sealed)),
		} {
			got, err := openStream(box, r)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes, %s: got %d bytes, %v", size, name, len(got), err)
			}
		}
	}
}

func TestStream_passesReaderTest(t *testing.T) {
	box := GenerateKeyring().Box("snapshot")
	plain := pattern(chunkSize + 100)
	r, err := box.NewReader(bytes.NewReader(sealStream(t, box, plain)), []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, plain); err != nil {
		t.Error(err)
	}
}

func TestStream_refusesSurgery(t *testing.T) {
	box := GenerateKeyring().Box("snapshot")
	sealed := sealStream(t, box, pattern(3*chunkSize+100))
	short := sealStream(t, box, pattern(100))
	other := sealStream(t, box, pattern(3*chunkSize+100))
	chunk := func(from []byte, i int) []byte {
		begin := headerSize + i*sealedChunk
		return from[begin:min(begin+sealedChunk, len(from))]
	}
	head := sealed[:headerSize]
	tests := map[string][]byte{
		"first chunks swapped":         join(head, chunk(sealed, 1), chunk(sealed, 0), chunk(sealed, 2), chunk(sealed, 3)),
		"a chunk missing":              join(head, chunk(sealed, 0), chunk(sealed, 2), chunk(sealed, 3)),
		"a chunk repeated":             join(head, chunk(sealed, 0), chunk(sealed, 0), chunk(sealed, 1), chunk(sealed, 2), chunk(sealed, 3)),
		"last chunk first":             join(head, chunk(sealed, 3), chunk(sealed, 0), chunk(sealed, 1), chunk(sealed, 2)),
		"chunk of another stream":      join(head, chunk(other, 0), chunk(sealed, 1), chunk(sealed, 2), chunk(sealed, 3)),
		"header of another stream":     join(other[:headerSize], sealed[headerSize:]),
		"a byte added":                 join(sealed, []byte{0}),
		"a chunk added":                join(sealed, chunk(sealed, 3)),
		"another stream added":         join(sealed, short),
		"a chunk of zeros added":       join(sealed, make([]byte, sealedChunk)),
		"last tag added":               join(sealed, sealed[len(sealed)-tagSize:]),
		"cut at a chunk":               sealed[:headerSize+2*sealedChunk],
		"cut before the last chunk":    sealed[:headerSize+3*sealedChunk],
		"cut in a chunk":               sealed[:headerSize+sealedChunk+77],
		"cut by a byte":                sealed[:len(sealed)-1],
		"only the header":              head,
		"half a header":                head[:10],
		"nothing":                      nil,
		"message in place of a stream": box.Seal(nil, pattern(100), []byte("aad")),
	}
	for name, altered := range tests {
		got, err := openStream(box, bytes.NewReader(altered))
		if !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
		if !bytes.HasPrefix(pattern(4*chunkSize), got) {
			t.Errorf("%s: handed out bytes that are not the stream's beginning", name)
		}
	}
}

func TestStream_refusesEveryAlteredByte(t *testing.T) {
	box := GenerateKeyring().Box("snapshot")
	sealed := sealStream(t, box, pattern(100))
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := openStream(box, bytes.NewReader(altered)); err == nil {
			t.Errorf("byte %d altered: opened", i)
		}
		if _, err := openStream(box, bytes.NewReader(sealed[:i])); !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestStream_boundToAADAndKey(t *testing.T) {
	ring := GenerateKeyring()
	box := ring.Box("snapshot", "us")
	sealed := sealStream(t, box, pattern(10))
	r, err := box.NewReader(bytes.NewReader(sealed), []byte("other"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("another aad: %v", err)
	}
	if _, err := openStream(ring.Box("snapshot", "eu"), bytes.NewReader(sealed)); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("another identity: %v", err)
	}
	if _, err := openStream(GenerateKeyring().Box("snapshot", "us"), bytes.NewReader(sealed)); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("another ring: %v", err)
	}
	if _, err := openStream(ring.Rotate().Box("snapshot", "us"), bytes.NewReader(sealed)); err != nil {
		t.Errorf("rotated ring: %v", err)
	}
	if _, err := box.Open(nil, sealed, []byte("aad")); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("stream as a message: %v", err)
	}
}

// An empty last chunk after full ones is validly sealed but not what a writer writes: a stream has one sealed form.
func TestStream_refusesEmptyLastChunk(t *testing.T) {
	box := GenerateKeyring().Box("snapshot")
	var out bytes.Buffer
	w, err := box.NewWriter(&out, []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	sw := w.(*streamWriter)
	if _, err := sw.Write(pattern(chunkSize)); err != nil {
		t.Fatal(err)
	}
	sw.flush(false)
	sw.flush(true)
	if _, err := openStream(box, &out); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("got %v", err)
	}
}

func TestStream_unclosedDoesNotOpen(t *testing.T) {
	box := GenerateKeyring().Box("snapshot")
	var out bytes.Buffer
	w, err := box.NewWriter(&out, []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(3 * chunkSize)); err != nil {
		t.Fatal(err)
	}
	if _, err := openStream(box, &out); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("got %v", err)
	}
}

func TestStream_closesOnce(t *testing.T) {
	box := GenerateKeyring().Box("snapshot")
	var out bytes.Buffer
	w, err := box.NewWriter(&out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("wrote after Close")
	}
	if out.Len() != headerSize+tagSize {
		t.Errorf("an empty stream has %d bytes", out.Len())
	}
}

// failing takes n bytes and then fails.
type failing struct{ n int }

var errDisk = errors.New("disk full")

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.n {
		return f.n, errDisk
	}
	f.n -= len(p)
	return len(p), nil
}

func TestStream_reportsIOErrors(t *testing.T) {
	box := GenerateKeyring().Box("snapshot")
	if _, err := box.NewWriter(&failing{}, nil); !errors.Is(err, errDisk) {
		t.Errorf("header: %v", err)
	}
	w, err := box.NewWriter(&failing{n: headerSize + sealedChunk}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(3 * chunkSize)); !errors.Is(err, errDisk) {
		t.Errorf("write: %v", err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, errDisk) {
		t.Errorf("write again: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errDisk) {
		t.Errorf("close: %v", err)
	}

	sealed := sealStream(t, box, pattern(2*chunkSize))
	for _, n := range []int{5, headerSize, headerSize + 5, headerSize + sealedChunk} {
		r := io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(errDisk))
		if _, err := openStream(box, r); !errors.Is(err, errDisk) || errors.Is(err, ErrNotAuthentic) {
			t.Errorf("read failing at %d: %v", n, err)
		}
	}
}

func FuzzStreamReader(f *testing.F) {
	box := GenerateKeyring().Box("snapshot")
	seeds := [][]byte{pattern(0), pattern(100), pattern(chunkSize), pattern(chunkSize + 1)}
	for _, seed := range seeds {
		f.Add(sealStream(f, box, seed))
	}
	f.Fuzz(func(t *testing.T, sealed []byte) {
		got, err := openStream(box, bytes.NewReader(sealed))
		if !bytes.HasPrefix(pattern(2*chunkSize), got) {
			t.Fatal("handed out bytes that nobody sealed")
		}
		if err != nil {
			return
		}
		for _, seed := range seeds {
			if bytes.Equal(got, seed) {
				return
			}
		}
		t.Fatalf("opened a forgery of %d bytes", len(got))
	})
}

func BenchmarkStream(b *testing.B) {
	box := GenerateKeyring().Box("snapshot")
	plain := pattern(1 << 20)
	sealed := sealStream(b, box, plain)
	b.Run("seal 1 MB", func(b *testing.B) {
		b.SetBytes(1 << 20)
		for b.Loop() {
			w, _ := box.NewWriter(io.Discard, nil)
			_, _ = w.Write(plain)
			_ = w.Close()
		}
	})
	b.Run("open 1 MB", func(b *testing.B) {
		b.SetBytes(1 << 20)
		for b.Loop() {
			r, _ := box.NewReader(bytes.NewReader(sealed), []byte("aad"))
			if _, err := io.Copy(io.Discard, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// pattern returns bytes that differ from place to place; each is a prefix of the longer ones.
func pattern(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return out
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func sealStream(t testing.TB, box *Box, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := box.NewWriter(&out, []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	for piece := range pieces(plain) {
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pieces cuts b into parts that do not line up with chunks.
func pieces(b []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(len(b), 50_001)
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

func openStream(box *Box, r io.Reader) ([]byte, error) {
	opened, err := box.NewReader(r, []byte("aad"))
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return io.ReadAll(opened)
}
