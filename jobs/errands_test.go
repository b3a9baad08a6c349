package jobs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"domicile/directory"
	"domicile/fsm/command"
)

// receiver is an application's back-channel on loopback. It keeps the sids that it took.
type receiver struct {
	*httptest.Server
	broken atomic.Bool   // it answers 500
	stuck  chan struct{} // if set, it answers nobody before this is closed
	asked  atomic.Int64

	mu   sync.Mutex
	sids []string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := new(receiver)
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.asked.Add(1)
	if r.stuck != nil {
		select {
		case <-r.stuck:
		case <-req.Context().Done():
			return
		}
	}
	if r.broken.Load() {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sids = append(r.sids, req.FormValue("sid"))
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.sids))
}

// logoutTo posts logouts to the receivers of their applications.
func logoutTo(receivers map[directory.ApplicationID]*receiver) func(context.Context, *directory.Errand) error {
	return func(ctx context.Context, e *directory.Errand) error {
		form := url.Values{"sid": {e.Detail}}.Encode()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, receivers[e.Application].URL, strings.NewReader(form))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("answered %d", resp.StatusCode)
		}
		return nil
	}
}

// errandsWith gives the duty of one node, without the clockwork around it.
func (w *world) errandsWith(change func(*Deps)) *errands {
	w.Helper()
	deps := w.deps()
	if change != nil {
		change(&deps)
	}
	return newErrands(deps)
}

// round is one look and all that comes of it.
func (w *world) round(e *errands) {
	w.Helper()
	if err := e.run(w.Context()); err != nil {
		w.Errorf("the duty failed: %v", err)
	}
	e.wait()
}

func (w *world) waiting() int { return w.FSM.View().ErrandCount() }

func (w *world) breakGlass(org directory.OrganizationID, root string, addresses ...string) {
	w.Helper()
	w.Must(org, &command.UpdateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: string(org), Name: "The " + string(org), RootEmail: root, Profile: directory.ProfileInterop,
		Domains: []string{string(org) + ".example"}, BreakGlass: addresses,
	}})
}

// hasty is a clockwork of errands that looks all the time.
func hasty(deps Deps) *Clockwork {
	c := New(deps)
	c.duties = c.duties[:1]
	c.duties[0].every = 5 * time.Millisecond
	return c
}

// The addresses before a change hear of it, too, and each once; then the errand is struck off.
func TestErrands_mailedOnceToAll(t *testing.T) {
	w := newWorld(t)
	defer w.serveMail()()
	w.organization("acme", "rosa@acme.example")
	e := w.errandsWith(nil)
	w.breakGlass("acme", "rosa@acme.example", "ana@acme.example", "rosa@acme.example")
	w.breakGlass("acme", "rosa@acme.example", "bo@acme.example")
	for range 5 {
		w.round(e)
		w.Advance(time.Second)
	}
	// Once about the first list, to those of the present one, and once about the second, to those of the first as well.
	w.mailed("in the end", "ana@acme.example", "bo@acme.example", "bo@acme.example", "rosa@acme.example", "rosa@acme.example")
	if w.waiting() != 0 || len(e.known) != 0 || w.finishes.Load() != 1 {
		t.Errorf("%d errands wait, %d are remembered, %d commands struck them off", w.waiting(), len(e.known), w.finishes.Load())
	}
	if n := counted(t, e.Metrics.errands.WithLabelValues("break_glass_list", outcomeDelivered)); n != 2 {
		t.Errorf("%v counted as delivered", n)
	}
}

// Somebody who may sign in here from now on is mailed how, until the mail is taken; one who may not any more is not.
func TestErrands_setup(t *testing.T) {
	w := newWorld(t)
	defer w.serveMail()()
	var asked []string
	answers := []error{directory.Unavailable(time.Second, nil, "no mail server"), nil, directory.Errorf(directory.KindInvalid, "email", "a stranger")}
	e := w.errandsWith(func(d *Deps) {
		d.Setup = func(_ context.Context, organization directory.OrganizationID, address string) error {
			asked = append(asked, string(organization)+" "+address)
			return answers[len(asked)-1]
		}
	})
	w.organization("acme", "rosa@acme.example")
	eventually(t, "it is struck off", func() bool { w.round(e); w.Advance(time.Second); return w.waiting() == 0 })
	w.breakGlass("acme", "rosa@acme.example", "ana@acme.example")
	eventually(t, "that one too", func() bool { w.round(e); w.Advance(time.Second); return len(asked) == 3 })
	if want := []string{"acme rosa@acme.example", "acme rosa@acme.example", "acme ana@acme.example"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

// Without the means, or with nobody to tell, errands are counted and struck off, in commands of a bounded size.
func TestErrands_notSent(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "")
	for i := range command.MaxErrandIDs + 1 {
		w.breakGlass("acme", "", fmt.Sprintf("a%d@acme.example", i%2))
	}
	w.applications("shop")
	w.logouts("shop", 1)
	w.address = "127.0.0.1:1"
	e := w.errandsWith(func(d *Deps) { d.Post = nil })
	eventually(t, "all are struck off", func() bool { w.round(e); return w.waiting() == 0 })
	if w.finishes.Load() != 3 { // each new list comes with a mail to its new address
		t.Errorf("%d commands struck off %d errands", w.finishes.Load(), 2*(command.MaxErrandIDs+1)+1)
	}
	lists := counted(t, e.Metrics.errands.WithLabelValues("break_glass_list", outcomeNotSent))
	logouts := counted(t, e.Metrics.errands.WithLabelValues("logout", outcomeNotSent))
	if lists != command.MaxErrandIDs+1 || logouts != 1 {
		t.Errorf("%v lists and %v logouts counted as not sent", lists, logouts)
	}
}

// What one leader delivered and could not strike off the next one delivers again; nothing is lost, and nothing is delivered
// once it is struck off.
func TestErrands_leaderChange(t *testing.T) {
	w := newWorld(t)
	w.address = "127.0.0.1:1"
	shop := newReceiver(t)
	w.applications("shop")
	sids := w.logouts("shop", 20)
	var leader atomic.Int64
	node := func(number int64) *Clockwork {
		deps := w.deps()
		deps.Post, deps.Logout = nil, logoutTo(map[directory.ApplicationID]*receiver{"shop": shop, "wiki": shop})
		deps.Leads = func() bool { return leader.Load() == number }
		return hasty(deps)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for number := range int64(2) {
		running.Go(func() { node(number + 1).Run(ctx) })
	}
	w.Before(deaf)
	leader.Store(1)
	eventually(t, "the first leader delivers", func() bool { return len(shop.got()) == 20 })
	leader.Store(2)
	w.Before(nil)
	eventually(t, "the second leader strikes off", func() bool { return w.waiting() == 0 })
	twice := shop.got()
	if got := slices.Compact(slices.Clone(twice)); !slices.Equal(got, slices.Sorted(slices.Values(sids))) || len(twice) != 40 {
		t.Errorf("%d deliveries of %v", len(twice), got)
	}
	leader.Store(1)
	w.applications("wiki")
	w.logouts("wiki", 1)
	eventually(t, "the first leader leads again", func() bool { return w.waiting() == 0 })
	if n := len(shop.got()); n != 41 {
		t.Errorf("%d deliveries in the end", n)
	}
	cancel()
	running.Wait()
}

// An application that never answers holds up neither the others nor the mails, and lets the node stop.
func TestErrands_slowReceiver(t *testing.T) {
	w := newWorld(t)
	defer w.serveMail()()
	slow, quick := newReceiver(t), newReceiver(t)
	slow.stuck = make(chan struct{})
	w.applications("slow", "quick")
	w.logouts("slow", 50)
	sids := w.logouts("quick", 50)
	w.breakGlass("acme", "", "ana@acme.example")
	deps := w.deps()
	deps.Logout = logoutTo(map[directory.ApplicationID]*receiver{"slow": slow, "quick": quick})
	c := hasty(deps)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { c.Run(ctx); close(done) }()
	eventually(t, "the others are served", func() bool {
		return len(quick.got()) == len(sids) && len(w.sink.Letters()) == 1 && w.waiting() == 50
	})
	if asked := slow.asked.Load(); asked != laneWidth || len(slow.got()) != 0 {
		t.Errorf("the slow one was asked %d times at once", asked)
	}
	cancel()
	<-done
	close(slow.stuck)
}

// A receiver that fails is asked less and less, whatever waits for it, and gets all of it when it is back.
func TestErrands_brokenReceiver(t *testing.T) {
	w := newWorld(t)
	w.address = "127.0.0.1:1"
	shop := newReceiver(t)
	shop.broken.Store(true)
	w.applications("shop")
	sids := w.logouts("shop", 30)
	var log strings.Builder
	e := w.errandsWith(func(d *Deps) {
		d.Logout = logoutTo(map[directory.ApplicationID]*receiver{"shop": shop})
		d.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	for range 3600 {
		w.round(e)
		w.Advance(time.Second)
	}
	// At once (as many as a lane is wide), after 1, 2, 4 … 512 s, and then every ten minutes.
	if asked := shop.asked.Load(); asked < 12 || asked > 25 {
		t.Errorf("asked %d times in an hour", asked)
	}
	if n := counted(t, e.Metrics.errands.WithLabelValues("logout", outcomeFailed)); int64(n) != shop.asked.Load() {
		t.Errorf("%v failures counted of %d", n, shop.asked.Load())
	}
	shop.broken.Store(false)
	w.Advance(2 * againMax)
	for range 3 {
		w.round(e)
		w.Advance(time.Second)
	}
	if got := shop.got(); !slices.Equal(got, slices.Sorted(slices.Values(sids))) || w.waiting() != 0 {
		t.Errorf("%d of %d arrived, %d wait", len(got), len(sids), w.waiting())
	}
	if !strings.Contains(log.String(), "application=shop") || !strings.Contains(log.String(), "kind=logout") {
		t.Errorf("the log says\n%.1000s", log.String())
	}
}

// A mail server that is down loses nothing; nothing personal is in the log.
func TestErrands_mailServerDown(t *testing.T) {
	w := newWorld(t)
	stop := w.serveMail()
	stop()
	var log strings.Builder
	w.organization("acme", "rosa@acme.example")
	e := w.errandsWith(func(d *Deps) { d.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	w.breakGlass("acme", "rosa@acme.example", "ana@acme.example")
	for range 60 {
		w.round(e)
		w.Advance(time.Second)
	}
	defer w.serveMail()()
	w.Advance(2 * againMax)
	w.round(e)
	w.round(e)
	w.mailed("when the server is back", "ana@acme.example", "rosa@acme.example")
	if w.waiting() != 0 {
		t.Errorf("%d errands wait", w.waiting())
	}
	if text := log.String(); strings.Contains(text, "@") || strings.Contains(text, "The acme") || !strings.Contains(text, "organization=acme") {
		t.Errorf("the log says\n%.1000s", text)
	}
}

// An address that is refused keeps neither another address nor another errand waiting, and is given up in the end.
func TestErrands_refusedAddress(t *testing.T) {
	w := newWorld(t)
	refused := 0
	w.sink.Refuse = func(to string) *smtp.SMTPError {
		if to != "gone@acme.example" {
			return nil
		}
		refused++
		return &smtp.SMTPError{Code: 550, Message: "no such person as " + to}
	}
	defer w.serveMail()()
	w.organization("acme", "rosa@acme.example")
	var log strings.Builder
	e := w.errandsWith(func(d *Deps) { d.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	w.breakGlass("acme", "rosa@acme.example", "gone@acme.example")
	for range 24 * 6 {
		w.round(e)
		w.Advance(10 * time.Minute)
	}
	w.mailed("beside a refused address", "rosa@acme.example")
	if refused != refusedTries || w.waiting() != 0 {
		t.Errorf("tried %d times, %d errands wait", refused, w.waiting())
	}
	if n := counted(t, e.Metrics.errands.WithLabelValues("break_glass_list", outcomeGivenUp)); n != 1 {
		t.Errorf("%v counted as given up", n)
	}
	if strings.Contains(log.String(), "@") {
		t.Errorf("the log says\n%.1000s", log.String())
	}
}

// A receiver on which the delivery panics is one that fails.
func TestErrands_panic(t *testing.T) {
	w := newWorld(t)
	w.address = "127.0.0.1:1"
	w.applications("shop")
	w.logouts("shop", 1)
	broken := true
	e := w.errandsWith(func(d *Deps) {
		d.Logout = func(context.Context, *directory.Errand) error {
			if broken {
				panic("no")
			}
			return nil
		}
	})
	w.round(e)
	broken = false
	w.Advance(2 * time.Second)
	w.round(e)
	w.round(e)
	if w.waiting() != 0 {
		t.Error("the errand was not delivered after a panic")
	}
}
