package wire_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"domicile/fsm/wire"
)

func TestWriter_roundTrip(t *testing.T) {
	fixed := [4]byte{1, 2, 3, 4}
	w := wire.NewWriter(nil)
	for _, v := range []uint64{0, 1, 127, 128, 300, math.MaxUint32, math.MaxUint64} {
		w.Uint(v)
	}
	for _, v := range []int64{0, -1, 1, -64, 64, math.MinInt64, math.MaxInt64} {
		w.Int(v)
	}
	w.Bool(true)
	w.Bool(false)
	w.Text("grüße")
	w.Blob([]byte{0, 255})
	w.Fixed(fixed[:])
	wire.Texts(w, []string{"a", "", "b"})
	wire.Texts(w, []string(nil))

	r := wire.NewReader(string(w.Bytes()))
	for _, want := range []uint64{0, 1, 127, 128, 300, math.MaxUint32, math.MaxUint64} {
		if got := r.Uint(); got != want {
			t.Errorf("Uint is %d, want %d", got, want)
		}
	}
	for _, want := range []int64{0, -1, 1, -64, 64, math.MinInt64, math.MaxInt64} {
		if got := r.Int(); got != want {
			t.Errorf("Int is %d, want %d", got, want)
		}
	}
	if !r.Bool() || r.Bool() {
		t.Error("booleans changed")
	}
	if got := r.Text(); got != "grüße" {
		t.Errorf("Text is %q", got)
	}
	if got := r.Blob(); string(got) != "\x00\xff" {
		t.Errorf("Blob is %q", got)
	}
	var back [4]byte
	if r.Fixed(back[:]); back != fixed {
		t.Errorf("Fixed is %v", back)
	}
	if got := wire.ReadTexts[string](r); !slices.Equal(got, []string{"a", "", "b"}) {
		t.Errorf("Texts are %q", got)
	}
	if got := wire.ReadTexts[string](r); got != nil {
		t.Errorf("an empty list is %q, want nil", got)
	}
	if err := r.Done(); err != nil {
		t.Error(err)
	}
}

// A record of an older release ends before the fields that were appended since: they read as zero.
func TestReader_olderRecord(t *testing.T) {
	w := wire.NewWriter(nil)
	w.Uint(7)
	r := wire.NewReader(string(w.Bytes()))
	kept := [2]byte{8, 9}
	if r.Uint() != 7 || r.Uint() != 0 || r.Int() != 0 || r.Bool() || r.Text() != "" || r.Count() != 0 ||
		wire.ReadTexts[string](r) != nil {
		t.Error("a missing field is not zero")
	}
	if r.Fixed(kept[:]); kept != [2]byte{8, 9} {
		t.Error("a missing fixed field was overwritten")
	}
	if err := r.Done(); err != nil {
		t.Error(err)
	}
}

func TestReader_malformed(t *testing.T) {
	long := bytes.Repeat([]byte{0x80}, 10)
	cases := map[string]struct {
		input string
		read  func(*wire.Reader)
	}{
		"varint cut":            {"\x80", func(r *wire.Reader) { r.Uint() }},
		"varint of 11 bytes":    {string(long) + "\x01", func(r *wire.Reader) { r.Uint() }},
		"varint above 64 bits":  {string(long[:9]) + "\x02", func(r *wire.Reader) { r.Uint() }},
		"boolean 2":             {"\x02", func(r *wire.Reader) { r.Bool() }},
		"text too long":         {"\x05abc", func(r *wire.Reader) { r.Text() }},
		"text of 2^64-1":        {string(bytes.Repeat([]byte{0xff}, 9)) + "\x01", func(r *wire.Reader) { r.Text() }},
		"fixed cut":             {"abc", func(r *wire.Reader) { r.Fixed(make([]byte, 4)) }},
		"count above the input": {"\x7fabc", func(r *wire.Reader) { r.Count() }},
		"list cut":              {"\x02\x05ab", func(r *wire.Reader) { wire.ReadTexts[string](r) }},
		"left over":             {"\x01\x01", func(r *wire.Reader) { r.Uint() }},
		"record cut":            {"\x01\x01\x80", readPoints},
		"record left over":      {"\x01\x03\x01\x02\x03", readPoints},
		"records cut":           {"\x02\x02\x01\x02\x05", readPoints},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := wire.NewReader(c.input)
			c.read(r)
			if err := r.Done(); !errors.Is(err, wire.ErrMalformed) {
				t.Errorf("error is %v, want ErrMalformed", err)
			}
			if r.Uint() != 0 || r.Text() != "" || r.Len() != 0 {
				t.Error("a failed reader still reads")
			}
		})
	}
}

type point struct{ x, y uint64 }

func writePoint(w *wire.Writer, p *point) { w.Uint(p.x); w.Uint(p.y) }
func readPoint(r *wire.Reader, p *point)  { p.x, p.y = r.Uint(), r.Uint() }
func readPoints(r *wire.Reader)           { wire.ReadList(r, readPoint) }

func TestList(t *testing.T) {
	points := []point{{1, 300}, {0, 0}, {7, 8}}
	w := wire.NewWriter(nil)
	wire.List(w, points, writePoint)
	wire.List(w, nil, writePoint)
	wire.List(w, points, func(w *wire.Writer, p *point) { w.Uint(p.x) }) // as an older release wrote them
	r := wire.NewReader(string(w.Bytes()))
	if got := wire.ReadList(r, readPoint); !slices.Equal(got, points) {
		t.Errorf("list %v", got)
	}
	if got := wire.ReadList(r, readPoint); got != nil {
		t.Errorf("an empty list is %v, want nil", got)
	}
	if got := wire.ReadList(r, readPoint); !slices.Equal(got, []point{{1, 0}, {0, 0}, {7, 0}}) {
		t.Errorf("a list of older records is %v", got)
	}
	if err := r.Done(); err != nil {
		t.Error(err)
	}
}

// FuzzWire lets the input choose what is read from it: nothing panics, and what was read is written back and read again
// the same.
func FuzzWire(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5}, []byte("\x01\x02\x01\x03abc\x04wxyz\x01\x01a"))
	f.Add([]byte{6, 0}, []byte("\x02\x02\x01\x02\x01\x03\x09"))
	f.Add([]byte{5, 5, 5}, bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, plan, input []byte) {
		first, w := replay(plan, wire.NewReader(string(input)))
		if first == nil {
			return
		}
		again, _ := replay(plan, wire.NewReader(string(w.Bytes())))
		if !slices.Equal(first, again) {
			t.Errorf("read %q, after writing it back %q", first, again)
		}
	})
}

// replay reads fields as plan says and gives them as bytes, with a writer that wrote the same fields; nil when malformed.
func replay(plan []byte, r *wire.Reader) ([]string, *wire.Writer) {
	w := wire.NewWriter(nil)
	fields := []string{}
	for _, step := range plan {
		start := len(w.Bytes())
		switch step % 7 {
		case 0:
			w.Uint(r.Uint())
		case 1:
			w.Int(r.Int())
		case 2:
			w.Bool(r.Bool())
		case 3:
			w.Text(r.Text())
		case 4:
			var b [4]byte
			r.Fixed(b[:])
			w.Fixed(b[:])
		case 5:
			wire.Texts(w, wire.ReadTexts[string](r))
		case 6:
			wire.List(w, wire.ReadList(r, readPoint), writePoint)
		}
		fields = append(fields, string(w.Bytes()[start:]))
	}
	if r.Err() != nil {
		return nil, nil
	}
	return fields, w
}
