package main

import (
	"bufio"
	"fmt"
	"os"
	"sync"
	"time"
)

// op is one finished request.
type op struct {
	client  string
	sticky  bool // the client stays with its node; it does not follow /readyz
	kind    string
	key     string
	version int64 // of a write; 0 for a read
	place   *place
	began   time.Time
	ended   time.Time
	answer  answer
	good    bool // an answer that the client can accept
}

// ack is an acknowledged write.
type ack struct {
	at     time.Time
	struck bool // by a node that was struck then
}

// tally is what happened during one kind of strike.
type tally struct {
	acks     []ack
	reads    int
	refused  int // 503 from nodes that were not struck
	excused  int // 503 from struck nodes
	own      int // connections lost by clients of struck nodes
	slowest  time.Duration
	faults   int
	examples []string // of faults, the first few
}

// maxExamples is how many faults are told in words.
const maxExamples = 8

// boundedWait is how long the product waits for a leader before it refuses, less what a clock may be off.
const boundedWait = 4500 * time.Millisecond

// score judges every request of a region's clients as it ends, and keeps the history.
type score struct {
	mu      sync.Mutex
	now     *tally
	last    time.Time // when a node that was not struck last acknowledged a write
	began   time.Time
	file    *os.File
	history *bufio.Writer
}

func newScore(path string) (*score, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &score{now: new(tally), began: time.Now(), file: file, history: bufio.NewWriterSize(file, 1<<20)}, nil
}

func (s *score) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.history.Flush(); err != nil {
		return err
	}
	return s.file.Close()
}

// turn gives the tally so far and begins a new one.
func (s *score) turn() *tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.now
	s.now = new(tally)
	return old
}

// fault notes a broken promise.
func (s *score) fault(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faultLocked(format, args...)
}

func (s *score) faultLocked(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	at := time.Since(s.began).Seconds()
	fmt.Fprintf(s.history, "%.6f FAULT %s\n", at, text)
	s.now.faults++
	if s.now.faults <= maxExamples {
		s.now.examples = append(s.now.examples, fmt.Sprintf("at %.3f s: %s", at, text))
	}
}

// record takes a request and judges how it ended. What a read showed is judged by its register.
func (s *score) record(o op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	excused := o.place.excused(o.began)
	s.write(&o, excused)
	if excused == none {
		s.now.slowest = max(s.now.slowest, o.ended.Sub(o.began))
	}
	switch verdict := judge(&o, excused, s.last); {
	case verdict != "":
		s.faultLocked("%s %s of %s at %s: %s", o.client, o.kind, o.key, o.place.node.Name, verdict)
	case o.answer.outcome == refused && excused == none:
		s.now.refused++
	case o.answer.outcome == refused:
		s.now.excused++
	case o.answer.outcome != answered:
		s.now.own++
	case o.version == 0:
		s.now.reads++
	default:
		if excused == none {
			s.last = o.ended
		}
		s.now.acks = append(s.now.acks, ack{o.ended, excused != none})
	}
}

// judge says what is wrong with how a request ended, "" when nothing is. A node that was not struck may refuse once the
// request itself, or the whole region since its last acknowledgement, has waited for long enough.
func judge(o *op, excused excuse, last time.Time) string {
	waited := o.ended.Sub(o.began)
	if !last.IsZero() {
		waited = max(waited, o.ended.Sub(last))
	}
	switch o.answer.outcome {
	case answered:
		if !o.good {
			return fmt.Sprintf("unexpected status %d: %.300s", o.answer.status, o.answer.body)
		}
	case refused:
		if o.answer.retryAfter < 0 {
			return fmt.Sprintf("503 without Retry-After: %.300s", o.answer.body)
		}
		if (excused == none || excused == closes && !o.sticky) && waited < boundedWait {
			return fmt.Sprintf("503 after %s, long before the bounded wait is over: %.300s", o.ended.Sub(o.began).Round(time.Millisecond), o.answer.body)
		}
	case lost:
		if excused == vanishes || excused == closes && o.sticky {
			return ""
		}
		return fmt.Sprintf("no answer after %s: %v", o.ended.Sub(o.began).Round(time.Millisecond), o.answer.err)
	case unreached:
		if excused < closes {
			return fmt.Sprintf("not reached: %v", o.answer.err)
		}
	}
	return ""
}

// write adds a line to the history: end and duration in seconds, client, node, kind, key, version, outcome, status.
func (s *score) write(o *op, excused excuse) {
	fmt.Fprintf(s.history, "%.6f %.6f %s %s %s %s %d %s %d %d\n", o.ended.Sub(s.began).Seconds(), o.ended.Sub(o.began).Seconds(),
		o.client, o.place.node.Name, o.kind, o.key, o.version, o.answer.outcome, o.answer.status, excused)
}

// span is from one moment to another.
type span struct{ from, to time.Time }

// gap is the longest time between two acknowledgements that touches a span. Acknowledgements of struck nodes count only
// when everyone says so.
func gap(acks []ack, during span, everyone bool) time.Duration {
	last, longest := time.Time{}, time.Duration(0)
	for _, a := range acks {
		if a.struck && !everyone {
			continue
		}
		if a.at.After(during.to) {
			break
		}
		if a.at.After(during.from) && !last.IsZero() {
			longest = max(longest, a.at.Sub(last))
		}
		last = a.at
	}
	if last.Before(during.from) {
		last = during.from
	}
	return max(longest, during.to.Sub(last))
}
