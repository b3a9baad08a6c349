package seal

import (
	"bytes"
	"errors"
	"sync"
	"testing"
)

func TestBox_roundTrip(t *testing.T) {
	ring := GenerateKeyring()
	box := ring.Box("log", "us", "c1")
	other := ring.Box("log", "us", "c1") // as after a restart
	prefix := []byte("prefix")
	for _, size := range []int{0, 1, 15, 16, 17, 1024, 128 << 10} {
		plain := bytes.Repeat([]byte{7}, size)
		sealed := box.Seal(bytes.Clone(prefix), plain, []byte("entry 1"))
		if len(sealed) != len(prefix)+size+Overhead || !bytes.HasPrefix(sealed, prefix) {
			t.Fatalf("sealed %d bytes into %d", size, len(sealed))
		}
		for _, opener := range []*Box{box, other} {
			got, err := opener.Open(bytes.Clone(prefix), sealed[len(prefix):], []byte("entry 1"))
			if err != nil || !bytes.Equal(got, append(bytes.Clone(prefix), plain...)) {
				t.Fatalf("%d bytes: %v", size, err)
			}
		}
	}
}

func TestBox_refusesOtherBoxes(t *testing.T) {
	ring := GenerateKeyring()
	sealed := ring.Box("log", "us", "c1").Seal(nil, []byte("x"), []byte("a"))
	for name, box := range map[string]*Box{
		"purpose":          ring.Box("cookie", "us", "c1"),
		"identity":         ring.Box("log", "eu", "c1"),
		"less identity":    ring.Box("log", "us"),
		"no identity":      ring.Box("log"),
		"identity cut":     ring.Box("log", "us", "c", "1"),
		"identity shifted": ring.Box("logus", "c1"),
	} {
		if _, err := box.Open(nil, sealed, []byte("a")); !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if _, err := ring.Box("log", "us", "c1").Open(nil, sealed, []byte("b")); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("another aad: %v", err)
	}
	if _, err := GenerateKeyring().Box("log", "us", "c1").Open(nil, sealed, []byte("a")); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("another ring: %v", err)
	}
}

func TestBox_refusesEveryAlteredByte(t *testing.T) {
	box := GenerateKeyring().Box("log")
	sealed := box.Seal(nil, []byte("some log entry"), nil)
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i]++
		if _, err := box.Open(nil, altered, nil); err == nil {
			t.Errorf("byte %d altered: opened", i)
		}
	}
	if len(box.openers) != 0 {
		t.Errorf("remembers %d keys of messages that were not authentic", len(box.openers))
	}
}

func TestBox_changesSalt(t *testing.T) {
	box := GenerateKeyring().Box("log")
	box.limit = 10
	salts := map[header]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 250 {
				sealed := box.Seal(nil, []byte("x"), nil)
				if _, err := box.Open(nil, sealed, nil); err != nil {
					t.Error(err)
				}
				mu.Lock()
				salts[header(sealed)]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	// A few messages may share a fresh salt beyond the limit while callers race to replace it; never many.
	for _, n := range salts {
		if n > int(box.limit)+4 {
			t.Errorf("%d messages under one salt, want at most %d", n, box.limit)
		}
	}
	if len(salts) < 1000/14 {
		t.Errorf("only %d salts for 1000 messages", len(salts))
	}
}

func TestBox_boundsItsMemory(t *testing.T) {
	ring := GenerateKeyring()
	box := ring.Box("cookie")
	for range maxOpeners + 50 {
		sealed := ring.Box("cookie").Seal(nil, []byte("x"), nil)
		if _, err := box.Open(nil, sealed, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(box.openers) != maxOpeners {
		t.Errorf("remembers %d keys, want %d", len(box.openers), maxOpeners)
	}
}

func TestBox_allocatesNothing(t *testing.T) {
	box := GenerateKeyring().Box("log")
	plain, aad := make([]byte, 1024), []byte("entry 1")
	sealed := make([]byte, 0, len(plain)+Overhead)
	opened := make([]byte, 0, len(plain))
	allocs := testing.AllocsPerRun(100, func() {
		sealed = box.Seal(sealed[:0], plain, aad)
		if _, err := box.Open(opened, sealed, aad); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for sealing and opening, want 0", allocs)
	}
}

func FuzzBoxOpen(f *testing.F) {
	ring := GenerateKeyring()
	box := ring.Box("cookie", "us")
	f.Add(box.Seal(nil, []byte("cookie"), nil))
	f.Add([]byte{boxFormat})
	f.Add(make([]byte, Overhead))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		// The keys are new in every process, so whatever opens here was forged, unless it is the first seed.
		got, err := box.Open(nil, sealed, nil)
		if err == nil && string(got) != "cookie" {
			t.Fatalf("opened a forgery: %q", got)
		}
		if _, err := ring.Open(testPlace, sealed); err == nil {
			t.Fatal("opened a cookie as a row")
		}
	})
}

func BenchmarkBox_Seal1KB(b *testing.B) {
	box := GenerateKeyring().Box("log")
	plain, dst := make([]byte, 1024), make([]byte, 0, 1024+Overhead)
	b.SetBytes(1024)
	b.ReportAllocs()
	for b.Loop() {
		dst = box.Seal(dst[:0], plain, nil)
	}
}

func BenchmarkBox_Open1KB(b *testing.B) {
	box := GenerateKeyring().Box("log")
	sealed, dst := box.Seal(nil, make([]byte, 1024), nil), make([]byte, 0, 1024)
	b.SetBytes(1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := box.Open(dst, sealed, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBox_OpenUnknownSalt(b *testing.B) {
	box := GenerateKeyring().Box("log")
	sealed := box.Seal(nil, make([]byte, 1024), nil)
	sealed[headerSize-1] ^= 1
	b.ReportAllocs()
	for b.Loop() {
		_, _ = box.Open(nil, sealed, nil)
	}
}

func BenchmarkKeyring_Open(b *testing.B) {
	ring := GenerateKeyring()
	sealed := mustSeal(b, ring, hidden)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Open(testPlace, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
