package telemetry

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultBufferBytes = 1 << 20
	defaultFlushEvery  = 250 * time.Millisecond
	maxFlushEvery      = time.Second
)

// errWriterClosed is returned by Write after Close.
var errWriterClosed = errors.New("log writer is closed")

// WriterConfig sizes a BufferedWriter; the zero value is usable.
type WriterConfig struct {
	Bytes      int           // buffered bytes before lines are dropped; 0 = 1 MiB
	FlushEvery time.Duration // longest time a line waits; 0 = 250 ms, at most 1 s
}

// BufferedWriter collects lines in memory and writes them to a sink from its
// own goroutine, so that a request never waits for a disk or a pipe. When the
// sink falls behind by more than the buffer, whole lines are dropped and
// counted. Safe for concurrent use.
type BufferedWriter struct {
	sink    io.Writer
	limit   int
	every   time.Duration
	dropped atomic.Uint64

	wake  chan struct{} // the buffer is no longer empty
	hurry chan struct{} // flush without waiting out the interval
	stop  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	pending []byte // guarded by mu
	closed  bool   // guarded by mu

	flushMu sync.Mutex
	spare   []byte // guarded by flushMu
	err     error  // first sink error; guarded by flushMu
}

// NewBufferedWriter starts the goroutine that drains into sink. Close it to
// write what is left.
func NewBufferedWriter(sink io.Writer, cfg WriterConfig) *BufferedWriter {
	if cfg.Bytes <= 0 {
		cfg.Bytes = defaultBufferBytes
	}
	if cfg.FlushEvery <= 0 {
		cfg.FlushEvery = defaultFlushEvery
	}
	w := &BufferedWriter{
		sink:  sink,
		limit: cfg.Bytes,
		every: min(cfg.FlushEvery, maxFlushEvery),
		wake:  make(chan struct{}, 1),
		hurry: make(chan struct{}, 1),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	go w.run()
	return w
}

// Write buffers one line. It never blocks on the sink; a line that does not
// fit is dropped whole, counted, and reported as written.
func (w *BufferedWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return 0, errWriterClosed
	}
	if len(w.pending)+len(line) > w.limit {
		w.mu.Unlock()
		w.dropped.Add(1)
		signal(w.hurry)
		return len(line), nil
	}
	first := len(w.pending) == 0
	w.pending = append(w.pending, line...)
	half := len(w.pending) > w.limit/2
	w.mu.Unlock()

	if first {
		signal(w.wake)
	}
	if half {
		signal(w.hurry)
	}
	return len(line), nil
}

// Dropped counts the lines lost because the sink was too slow.
func (w *BufferedWriter) Dropped() uint64 { return w.dropped.Load() }

// Flush writes everything buffered so far and returns the first error that
// the sink ever gave.
func (w *BufferedWriter) Flush() error {
	w.flushMu.Lock()
	defer w.flushMu.Unlock()

	w.mu.Lock()
	lines := w.pending
	w.pending = w.spare[:0]
	w.mu.Unlock()

	w.spare = lines
	if len(lines) == 0 {
		return w.err
	}
	if _, err := w.sink.Write(lines); err != nil && w.err == nil {
		w.err = err
	}
	return w.err
}

// Close writes what is left, waiting for the sink, and stops the goroutine.
// Later writes fail. It does not close the sink.
func (w *BufferedWriter) Close() error {
	w.mu.Lock()
	already := w.closed
	w.closed = true
	w.mu.Unlock()
	if !already {
		close(w.stop)
	}
	<-w.done
	return w.Flush()
}

func (w *BufferedWriter) run() {
	defer close(w.done)
	for {
		select {
		case <-w.stop:
			return
		case <-w.wake:
		}
		wait := time.NewTimer(w.every)
		select {
		case <-w.stop:
			wait.Stop()
			return
		case <-w.hurry:
		case <-wait.C:
		}
		wait.Stop()
		_ = w.Flush() // kept in w.err and returned by Close
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
