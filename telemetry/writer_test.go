package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is a destination that can be held up and told to fail.
type sink struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	gate chan struct{} // nil: never held up
	err  error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	return s.buf.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// eventually polls until ok or 5 s have passed.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestBufferedWriter_flushesByItself(t *testing.T) {
	var s sink
	w := NewBufferedWriter(&s, WriterConfig{FlushEvery: 5 * time.Millisecond})
	defer w.Close()
	for i := range 3 {
		line := fmt.Sprintf("line %d\n", i)
		fmt.Fprint(w, line)
		eventually(t, line, func() bool { return strings.HasSuffix(s.String(), line) })
	}
}

func TestBufferedWriter_halfFullDoesNotWait(t *testing.T) {
	var s sink
	w := NewBufferedWriter(&s, WriterConfig{Bytes: 100, FlushEvery: time.Second})
	defer w.Close()
	begin := time.Now()
	fmt.Fprint(w, strings.Repeat("x", 60))
	eventually(t, "flush", func() bool { return len(s.String()) == 60 })
	if took := time.Since(begin); took > 900*time.Millisecond {
		t.Errorf("flushed after %s", took)
	}
}

func TestBufferedWriter_dropsWholeLines(t *testing.T) {
	s := sink{gate: make(chan struct{})}
	w := NewBufferedWriter(&s, WriterConfig{Bytes: 100, FlushEvery: time.Millisecond})
	line := strings.Repeat("x", 29) + "\n"
	for range 50 {
		if n, err := fmt.Fprint(w, line); n != len(line) || err != nil {
			t.Fatalf("write = %d, %v", n, err)
		}
	}
	if w.Dropped() < 40 {
		t.Errorf("dropped %d of 50", w.Dropped())
	}
	close(s.gate)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	kept := strings.Count(s.String(), line)
	if uint64(kept)+w.Dropped() != 50 || len(s.String()) != kept*len(line) {
		t.Errorf("kept %d, dropped %d, %d bytes", kept, w.Dropped(), len(s.String()))
	}
}

func TestBufferedWriter_close(t *testing.T) {
	var s sink
	w := NewBufferedWriter(&s, WriterConfig{FlushEvery: time.Second})
	fmt.Fprint(w, "last words\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if s.String() != "last words\n" {
		t.Errorf("sink has %q", s.String())
	}
	if _, err := fmt.Fprint(w, "too late"); err == nil {
		t.Error("write after close")
	}
	if err := w.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestBufferedWriter_sinkError(t *testing.T) {
	broken := errors.New("disk full")
	w := NewBufferedWriter(&sink{err: broken}, WriterConfig{})
	fmt.Fprint(w, "line\n")
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("close = %v", err)
	}
}

func TestBufferedWriter_concurrent(t *testing.T) {
	var s sink
	w := NewBufferedWriter(&s, WriterConfig{FlushEvery: time.Millisecond})
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for range 500 {
				fmt.Fprintf(w, "%d%s\n", i, strings.Repeat("x", 20))
			}
		})
	}
	writers.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(s.String(), "\n"), "\n")
	if len(lines) != 4000 || w.Dropped() != 0 {
		t.Fatalf("%d lines, %d dropped", len(lines), w.Dropped())
	}
	for _, line := range lines {
		if len(line) != 21 {
			t.Fatalf("torn line %q", line)
		}
	}
}
