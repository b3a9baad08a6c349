package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/jobs/post"
)

// How errands are delivered.
const (
	errandPause    = time.Second      // between looks at what waits
	laneWidth      = 4                // deliveries to one receiver at once
	againMin       = time.Second      // between tries, while a receiver is in trouble
	againMax       = 10 * time.Minute // likewise
	logoutPatience = 15 * time.Second // for an application to answer
	refusedTries   = 3                // until a mail that the mail server refuses is given up: at once, after 1 h and 2 h more
)

// errands delivers what the ledger wants delivered, at least once, and strikes it off afterwards. Each receiver has a lane of
// its own, so that a slow one keeps nobody else waiting. Tries and pauses are remembered here only: another leader begins
// anew.
type errands struct {
	Deps
	work sync.WaitGroup // deliveries under way

	mu    sync.Mutex // guards what follows, and what is in it
	known map[directory.ErrandID]*parcel
	lanes map[laneID]*lane
}

// laneID is the application that a lane leads to; empty: the mail server.
type laneID = directory.ApplicationID

// lane is the way to one receiver.
type lane struct {
	queue []*parcel // that may be delivered now, oldest first
	busy  int       // deliveries under way
	backoff
}

// parcel is an errand on its way.
type parcel struct {
	*directory.Errand
	phase phase
	backoff
	refusals int
	told     []string // addresses whose mail was taken
}

type phase uint8

const (
	waits phase = iota
	underWay
	settled // to be struck off
)

// backoff is when the next try may be, and the pause before it.
type backoff struct {
	due  time.Time
	wait time.Duration
}

// later doubles the pause, within bounds.
func (b *backoff) later(now time.Time, least, most time.Duration) {
	b.wait = min(max(2*b.wait, least), most)
	b.due = now.Add(jitter(b.wait))
}

func newErrands(deps Deps) *errands {
	return &errands{Deps: deps, lanes: make(map[laneID]*lane)}
}

// run strikes off what was delivered and begins what may be delivered now. It does not wait for the receivers.
func (e *errands) run(ctx context.Context) error {
	local, err := e.Viewer.View(ctx, state.Local())
	if err != nil {
		return fmt.Errorf("look for errands: %w", err)
	}
	if local.ErrandCount() == 0 && e.idle() {
		return nil
	}
	if err := e.strikeOff(ctx); err != nil {
		return err
	}
	view, err := e.Viewer.View(ctx, state.Confirmed()) // what another leader delivered counts
	if err != nil {
		return fmt.Errorf("look for errands: %w", err)
	}
	e.sort(view)
	e.begin(ctx)
	return nil
}

// wait waits for the deliveries that are under way.
func (e *errands) wait() { e.work.Wait() }

func (e *errands) idle() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.known) == 0
}

// strikeOff tells the ledger what was delivered, or given up.
func (e *errands) strikeOff(ctx context.Context) error {
	for ids := range slices.Chunk(e.settled(), command.MaxErrandIDs) {
		if err := e.propose(ctx, "", &command.FinishErrands{IDs: ids}); err != nil {
			return fmt.Errorf("strike off errands: %w", err)
		}
	}
	return nil
}

func (e *errands) settled() []directory.ErrandID {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []directory.ErrandID
	for id, p := range e.known {
		if p.phase == settled {
			ids = append(ids, id)
		}
	}
	return ids
}

// sort puts what may be delivered now into lanes, and forgets what the ledger does not know any more.
func (e *errands) sort(view *state.View) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.Now()
	for _, l := range e.lanes {
		l.queue = nil
	}
	known := make(map[directory.ErrandID]*parcel, view.ErrandCount())
	for errand := range view.Errands() {
		id := directory.ErrandID{Seq: errand.Seq, Ordinal: errand.Ordinal}
		p := e.known[id]
		if p == nil {
			p = &parcel{Errand: errand}
		}
		known[id] = p
		if p.phase != waits || now.Before(p.due) {
			continue
		}
		l := e.lanes[errand.Application]
		if l == nil {
			l = new(lane)
			e.lanes[errand.Application] = l
		}
		l.queue = append(l.queue, p)
	}
	e.known = known
}

// begin sets as many to work on each lane as there is work for, within its width.
func (e *errands) begin(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.Now()
	for id, l := range e.lanes {
		if len(l.queue) == 0 && l.busy == 0 && !now.Before(l.due) {
			delete(e.lanes, id)
		}
		for range min(len(l.queue), laneWidth-l.busy) {
			l.busy++
			e.work.Go(func() { e.serve(ctx, l) })
		}
	}
}

// serve delivers along a lane until there is nothing more to do.
func (e *errands) serve(ctx context.Context, l *lane) {
	for {
		p := e.next(ctx, l)
		if p == nil {
			return
		}
		var outcome string
		err := guard(ctx, func(ctx context.Context) (err error) {
			outcome, err = e.deliver(ctx, p)
			return err
		})
		e.settle(ctx, l, p, outcome, err)
	}
}

// next takes an errand off a lane's queue; nil ends a worker. While the receiver is in trouble one worker goes on, to see
// whether it still is.
func (e *errands) next(ctx context.Context, l *lane) *parcel {
	mine := ctx.Err() == nil && e.Leads() // else whoever leads now goes on
	e.mu.Lock()
	defer e.mu.Unlock()
	trouble := l.wait > 0 && (l.busy > 1 || e.Now().Before(l.due))
	if !mine || trouble || len(l.queue) == 0 {
		l.busy--
		return nil
	}
	p := l.queue[0]
	l.queue = l.queue[1:]
	p.phase = underWay
	return p
}

// deliver makes one try; without an error the errand is done, and the outcome says how.
func (e *errands) deliver(ctx context.Context, p *parcel) (outcome string, err error) {
	switch p.Kind {
	case directory.ErrandSetup:
		return e.deliverSetup(ctx, p)
	case directory.ErrandLogout:
	default:
		return e.deliverMails(ctx, p)
	}
	if e.Logout == nil {
		return outcomeNotSent, nil
	}
	ctx, cancel := context.WithTimeout(ctx, logoutPatience)
	defer cancel()
	return outcomeDelivered, e.Logout(ctx, p.Errand)
}

// deliverSetup mails one address, unless it may not sign in here by now.
func (e *errands) deliverSetup(ctx context.Context, p *parcel) (outcome string, err error) {
	if e.Post == nil || e.Setup == nil {
		return outcomeNotSent, nil
	}
	err = e.Setup(ctx, p.Organization, p.Subject)
	switch directory.KindOf(err) {
	case directory.KindInvalid, directory.KindNotFound:
		return outcomeNotSent, nil
	}
	return outcomeDelivered, err
}

// deliverMails mails everybody whom an errand concerns and who was not mailed by an earlier try. One whose mail is refused
// does not keep it from the others.
func (e *errands) deliverMails(ctx context.Context, p *parcel) (outcome string, err error) {
	view, err := e.Viewer.View(ctx, state.Local())
	if err != nil {
		return "", err
	}
	letters := teller{e.Region, e.Operators}.letters(view, p.Errand)
	if e.Post == nil || len(letters) == 0 {
		return outcomeNotSent, nil
	}
	var refusal error
	for _, l := range letters {
		if slices.Contains(p.told, l.To) {
			continue
		}
		switch err := e.mail(ctx, kindOf(p.Errand), l); {
		case err == nil:
			p.told = append(p.told, l.To)
		case errors.Is(err, post.ErrRefused):
			refusal = err
		default:
			return "", err
		}
	}
	return outcomeDelivered, refusal
}

// settle notes how a try ended.
func (e *errands) settle(ctx context.Context, l *lane, p *parcel, outcome string, err error) {
	if err != nil && ctx.Err() != nil { // this node stops; its successor tries
		return
	}
	if err != nil {
		outcome = e.putOff(l, p, err)
		e.Logger.LogAttrs(ctx, slog.LevelWarn, "an errand could not be delivered",
			slog.String("kind", kindOf(p.Errand)), slog.String("outcome", outcome), slog.Uint64("seq", p.Seq),
			slog.String("organization", string(p.Organization)), slog.String("application", string(p.Application)),
			slog.Any("error", err))
	} else {
		e.finish(l, p)
	}
	e.Metrics.errand(kindOf(p.Errand), outcome)
}

func (e *errands) finish(l *lane, p *parcel) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p.phase, l.backoff = settled, backoff{}
}

// putOff tries a parcel again later, and everything else of its lane too, unless the receiver is well and did not want this
// one.
func (e *errands) putOff(l *lane, p *parcel, err error) (outcome string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.Now()
	p.phase = waits
	if errors.Is(err, post.ErrRefused) {
		l.backoff = backoff{}
		p.later(now, betweenMails, refusedMax)
		if p.refusals++; p.refusals < refusedTries {
			return outcomeRefused
		}
		p.phase = settled
		return outcomeGivenUp
	}
	p.later(now, againMin, againMax)
	if !now.Before(l.due) { // those that failed together are one trouble
		l.later(now, againMin, againMax)
	}
	return outcomeFailed
}
