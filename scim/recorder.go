package scim

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// Bounds of a Recorder.
const (
	maxFailures       = 2000     // rows that wait
	failureBatch      = 200      // rows that are not kept waiting for the next tick
	failureBytes      = 96 << 10 // of one command's rows, about; an entry of the log has room for one such command
	failuresPerSecond = 20       // rows of one organization on one node; the rest is counted
	maxUsedTokens     = 20_000   // tokens whose use is remembered at a time

	recorderTick  = time.Second
	ticksPerCycle = 60
	// patience bounds one flush, also the last: a region that runs takes it in milliseconds, and a node that stops must not
	// wait for one that does not.
	patience = 500 * time.Millisecond
)

// recorderActor is who wrote what no actor did.
const recorderActor = "scim"

// Recorder brings to the ledger what no write of an identity provider carries: when its tokens were used, and what was
// refused. It gathers, so that a use costs no write of its own and a provider that fails in a loop does not fill the log.
// What it holds is lost with the process. All methods may be called on nil, and all at once.
type Recorder struct {
	proposer command.Proposer
	now      func() time.Time
	metrics  recorderMetrics
	hurry    chan struct{} // has room for one: there is enough to flush early

	mu       sync.Mutex // guards what follows; never held across a flush
	uses     map[directory.TokenID]*tokenUse
	fresh    int // uses of tokens that were not reported lately
	failures map[directory.OrganizationID]*failures
	waiting  int // rows of all organizations

	flushing sync.Mutex // guards what follows; held across a flush, so there is one at a time
	unsent   []command.Command
}

// tokenUse is the last use of a token. A token is reported at the end of each cycle in which it was used. A token that was
// idle before may be reported early, where many come at once; then it is held until the cycle after that.
type tokenUse struct {
	command.TokenUse
	fresh bool // not reported in the last cycle
	news  bool // used since it was reported
	held  bool // reported early in this cycle
}

// failures are the rows of one organization that wait, and its share of this second.
type failures struct {
	rows   []directory.SyncRow
	second int64 // unix
	count  int   // rows of that second
	over   directory.SyncRow
	more   int // rows over the share, the last of which is over
}

// NewRecorder makes a Recorder; reg may be nil. Nothing is written before Run or Flush.
func NewRecorder(proposer command.Proposer, now func() time.Time, reg prometheus.Registerer) *Recorder {
	return &Recorder{
		proposer: proposer, now: now, metrics: newRecorderMetrics(reg), hurry: make(chan struct{}, 1),
		uses:     make(map[directory.TokenID]*tokenUse),
		failures: make(map[directory.OrganizationID]*failures),
	}
}

// Used notes that a token of the organization was used at a time from an address. It never blocks.
func (r *Recorder) Used(org directory.OrganizationID, token directory.TokenID, at directory.Time, ip string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	use, known := r.uses[token]
	if !known {
		if len(r.uses) >= maxUsedTokens {
			r.metrics.drop(recordUse, 1)
			return
		}
		use = &tokenUse{TokenUse: command.TokenUse{Organization: org, ID: token}, fresh: true}
		r.uses[token] = use
		if r.fresh++; r.fresh >= command.MaxTokenUses {
			r.urge()
		}
	}
	if at > use.At {
		use.At, use.IP, use.news = at, ip, true
	}
}

// Fail puts a failure into the organization's sync log. A row without a time gets the present one. It never blocks: over
// the bounds, rows are only counted.
func (r *Recorder) Fail(org directory.OrganizationID, row directory.SyncRow) {
	if r == nil {
		return
	}
	now := r.now()
	if row.At == 0 {
		row.At = directory.Time(now.UnixMicro())
	}
	row = row.Fit()
	r.mu.Lock()
	defer r.mu.Unlock()
	f, known := r.failures[org]
	if !known {
		f = new(failures)
		r.failures[org] = f
	}
	if second := now.Unix(); f.second != second {
		f.second, f.count = second, 0
	}
	switch {
	case f.count >= failuresPerSecond:
		f.over, f.more = row, f.more+1
	case r.waiting >= maxFailures:
		r.metrics.drop(recordFailure, 1)
	default:
		f.rows, f.count = append(f.rows, row), f.count+1
		if r.waiting++; r.waiting >= failureBatch {
			r.urge()
		}
	}
}

// urge asks Run for a flush before its time.
func (r *Recorder) urge() {
	select {
	case r.hurry <- struct{}{}:
	default:
	}
}

// Run flushes failures every second and uses every minute, or sooner when many wait, until ctx ends; then everything once
// more.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(recorderTick)
	defer ticker.Stop()
	for ticks := 1; ; {
		select {
		case <-ctx.Done():
			r.Flush(context.WithoutCancel(ctx))
			return
		case <-r.hurry:
			r.flush(ctx, false)
		case <-ticker.C:
			r.flush(ctx, ticks%ticksPerCycle == 0)
			ticks++
		}
	}
}

// Flush writes what waits as at the end of a cycle.
func (r *Recorder) Flush(ctx context.Context) {
	if r != nil {
		r.flush(ctx, true)
	}
}

// flush sends what is due; at the end of a cycle that is every use. What the ledger cannot take now is sent again under the
// same request id before anything newer, so that no row is written twice while the ledger remembers it.
func (r *Recorder) flush(ctx context.Context, cycle bool) {
	r.flushing.Lock()
	defer r.flushing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !r.send(ctx) {
		return
	}
	r.take(cycle)
	r.send(ctx)
}

// send proposes the commands in order and tells whether all are gone.
func (r *Recorder) send(ctx context.Context) bool {
	for len(r.unsent) > 0 {
		c := r.unsent[0]
		_, err := r.proposer.Propose(ctx, c)
		kind := directory.KindOf(err)
		if kind == directory.KindUnavailable || kind == directory.KindExpired || ctx.Err() != nil && err != nil {
			r.metrics.flush(c, "failed")
			return false
		}
		outcome := "ok"
		if err != nil { // the organization is gone, say
			outcome = "refused"
		}
		r.metrics.flush(c, outcome)
		r.unsent = r.unsent[1:]
		r.sent(c)
	}
	r.unsent = nil
	return true
}

// sent makes room for as many rows as the command had.
func (r *Recorder) sent(c command.Command) {
	rows, ok := c.Payload.(*command.AppendSyncLog)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting -= len(rows.Rows)
}

// take makes commands of what is due.
func (r *Recorder) take(cycle bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takeFailures()
	if cycle || r.fresh >= command.MaxTokenUses {
		r.takeUses(cycle)
	}
}

func (r *Recorder) takeFailures() {
	second := r.now().Unix()
	for org, f := range r.failures {
		r.tellMore(f, second)
		for rows := f.rows; len(rows) > 0; {
			n := batchOf(rows)
			r.prepare(org, &command.AppendSyncLog{Rows: rows[:n:n]})
			rows = rows[n:]
		}
		f.rows = nil
		if f.second != second && f.more == 0 {
			delete(r.failures, org)
		}
	}
}

// tellMore says in the last row how many more there were. Where that row is gone already, the last of those that were over
// gets its place in the next second.
func (r *Recorder) tellMore(f *failures, second int64) {
	if f.more == 0 {
		return
	}
	if len(f.rows) == 0 {
		if f.second == second {
			return
		}
		f.rows, f.second, f.count, f.more = append(f.rows, f.over), second, 1, f.more-1
		r.waiting++
	}
	if f.more > 0 {
		last := &f.rows[len(f.rows)-1]
		last.Detail = withMore(last.Detail, f.more)
	}
	f.over, f.more = directory.SyncRow{}, 0
}

// withMore appends a count to a detail; the detail gives way.
func withMore(detail string, n int) string {
	more := fmt.Sprintf(" (and %d more like it)", n)
	if room := maxDetail - len(more); len(detail) > room {
		detail = strings.ToValidUTF8(detail[:room], "")
	}
	return detail + more
}

// maxDetail is what the ledger keeps of a row's detail, in bytes.
const maxDetail = 500

// batchOf counts the first rows that fit into a command.
func batchOf(rows []directory.SyncRow) int {
	size := 0
	for i := range rows {
		size += rows[i].Text() + len(rows[i].Detail)
		if i > 0 && size > failureBytes || i == directory.MaxSyncBatch {
			return i
		}
	}
	return len(rows)
}

func (r *Recorder) takeUses(cycle bool) {
	var uses []command.TokenUse
	for id, use := range r.uses {
		due := use.news && (cycle && !use.held || use.fresh)
		switch {
		case due:
			uses = append(uses, use.TokenUse)
			use.news, use.fresh, use.held = false, false, !cycle
		case cycle && !use.news && !use.held:
			delete(r.uses, id) // idle for a cycle
		case cycle:
			use.held = false
		}
	}
	r.fresh = 0
	for len(uses) > 0 {
		n := min(len(uses), command.MaxTokenUses)
		r.prepare("", &command.TouchTokens{Uses: uses[:n:n]})
		uses = uses[n:]
	}
}

func (r *Recorder) prepare(org directory.OrganizationID, p command.Payload) {
	r.unsent = append(r.unsent, command.Command{
		RequestID: command.RequestID(seal.NewRequestID()), Organization: org, Actor: recorderActor, Payload: p,
	})
}

// What is recorded, as labels.
const (
	recordUse     = "use"
	recordFailure = "failure"
)

type recorderMetrics struct {
	dropped *prometheus.CounterVec
	flushes *prometheus.CounterVec
}

func newRecorderMetrics(reg prometheus.Registerer) recorderMetrics {
	m := recorderMetrics{
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_scim_recorder_dropped_total",
			Help: "Token uses and failures that were not recorded because too many waited, by what (use, failure).",
		}, []string{"what"}),
		flushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_scim_recorder_flushes_total",
			Help: "Commands that record token uses and failures, by what (use, failure) and outcome (ok, refused, failed: sent again).",
		}, []string{"what", "outcome"}),
	}
	for _, what := range []string{recordUse, recordFailure} { // so that an alert sees the first one too
		m.drop(what, 0)
	}
	if reg != nil {
		reg.MustRegister(m.dropped, m.flushes)
	}
	return m
}

func (m recorderMetrics) drop(what string, n int) { m.dropped.WithLabelValues(what).Add(float64(n)) }

func (m recorderMetrics) flush(c command.Command, outcome string) {
	what := recordUse
	if c.Payload.Kind() == command.KindAppendSyncLog {
		what = recordFailure
	}
	m.flushes.WithLabelValues(what, outcome).Inc()
}
