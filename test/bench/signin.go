package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"domicile/test/region"
)

const (
	signInPeople  = 2_000
	signInClients = 16
	trials        = 1_000 // of deactivation
)

// door is what signs people of the bench's organization in.
type door struct {
	*product
	idp        *idp
	connection string
}

// measureSignIn prints how long sign-ins take, how many there are in a second, and how long it takes from a deactivation to
// the refusal of its user's session on the other nodes.
func measureSignIn(ctx context.Context, p *product) error {
	provider, err := startIDP()
	if err != nil {
		return err
	}
	d := &door{product: p, idp: provider}
	var made struct {
		ID string `json:"id"`
	}
	fields := map[string]any{"issuer": provider.issuer, "client_id": "bench", "client_secret": "bench"}
	if err := p.Admin(ctx, p.Nodes[0], http.MethodPost, "/organizations/"+p.org.ID+"/connections", fields, &made); err != nil {
		return err
	}
	d.connection = made.ID
	for _, row := range []struct {
		clients int
		d       time.Duration
	}{{1, 5 * time.Second}, {4, 5 * time.Second}, {signInClients, 10 * time.Second}} {
		if err := d.signIns(ctx, row.clients, row.d); err != nil {
			return err
		}
	}
	return d.deactivations(ctx)
}

// visit is one browser.
type visit struct {
	*door
	client *http.Client
	start  *region.Node
	finish *region.Node
}

func (d *door) visit(n int) (*visit, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &visit{
		door: d, start: d.Nodes[n%3], finish: d.Nodes[(n+1)%3],
		client: &http.Client{
			Jar: jar, Transport: d.Client.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// signIn signs a person in, begun at one node and finished at another, and gives how long our part took: both requests,
// with our call of the provider's token endpoint.
func (v *visit) signIn(ctx context.Context, email string) (time.Duration, error) {
	form := url.Values{"email": {email}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.start.URL+"/login/start", bytes.NewBufferString(form.Encode()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", v.Nodes[0].URL)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	began := time.Now()
	answer, err := v.send(request)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	at, err := answer.Location()
	if err != nil {
		return 0, fmt.Errorf("start: status %d: %w", answer.StatusCode, err)
	}
	query := at.Query()
	back := url.Values{"code": {v.idp.code(email, query.Get("nonce"))}, "state": {query.Get("state")}}
	request, err = http.NewRequestWithContext(ctx, http.MethodGet, v.finish.URL+"/signin-oidc/"+v.connection+"?"+back.Encode(), nil)
	if err != nil {
		return 0, err
	}
	began = time.Now()
	answer, err = v.send(request)
	took += time.Since(began)
	if err == nil && answer.StatusCode != http.StatusSeeOther {
		err = fmt.Errorf("finish: status %d", answer.StatusCode)
	}
	return took, err
}

// send reads the whole answer.
func (v *visit) send(request *http.Request) (*http.Response, error) {
	answer, err := v.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer, err
}

func personOf(n int) string { return fmt.Sprintf("u%07d@bench.example", n) }

// signIns signs people in for a while and prints a line.
func (d *door) signIns(ctx context.Context, clients int, period time.Duration) error {
	var (
		mu    sync.Mutex
		took  []time.Duration
		fault error
		wait  sync.WaitGroup
		next  atomic.Int64
	)
	d.idp.spent.Store(0)
	before := cpuOf(d.pids)()
	began := time.Now()
	for range clients {
		wait.Go(func() {
			for time.Since(began) < period && ctx.Err() == nil {
				n := int(next.Add(1))
				v, err := d.visit(n)
				if err == nil {
					var t time.Duration
					t, err = v.signIn(ctx, personOf(n%signInPeople))
					mu.Lock()
					took = append(took, t)
					mu.Unlock()
				}
				if err != nil {
					mu.Lock()
					fault = errors.Join(fault, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	wait.Wait()
	if fault != nil {
		return fault
	}
	elapsed, cpu := time.Since(began), cpuOf(d.pids)()-before
	slices.Sort(took)
	n := len(took)
	provider := time.Duration(d.idp.spent.Load() / int64(n))
	fmt.Printf("sign-ins, %2d clients: %5.0f/s; our part p50 %.2f ms, p99 %.2f ms, of which the provider's token endpoint %.2f ms on average; CPU %d µs each, all nodes\n",
		clients, float64(n)/elapsed.Seconds(), ms(took[n/2]-provider), ms(took[n*99/100]-provider), ms(provider), cpu.Microseconds()/int64(n))
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// deactivations deactivates one signed-in person after the other and measures until both other nodes refuse the session.
func (d *door) deactivations(ctx context.Context) error {
	var fromSent, fromAnswer []time.Duration
	for n := range trials {
		v, err := d.visit(n)
		if err != nil {
			return err
		}
		if _, err := v.signIn(ctx, personOf(n%signInPeople)); err != nil {
			return err
		}
		for _, node := range d.Nodes { // each knows the session
			if status, err := v.session(ctx, node); err != nil || status != http.StatusOK {
				return fmt.Errorf("session at %s: %d %w", node.Name, status, err)
			}
		}
		sent, answered, refused, err := d.deactivate(ctx, v, n)
		if err != nil {
			return err
		}
		fromSent = append(fromSent, refused.Sub(sent))
		fromAnswer = append(fromAnswer, max(0, refused.Sub(answered)))
		if err := d.activate(ctx, n, true); err != nil {
			return err
		}
	}
	slices.Sort(fromSent)
	slices.Sort(fromAnswer)
	fmt.Printf("deactivation to refusal on all nodes, %d trials: from the request p50 %.2f ms, p99 %.2f ms, worst %.2f ms; from the answer p50 %.2f ms, p99 %.2f ms, worst %.2f ms\n",
		trials, ms(fromSent[trials/2]), ms(fromSent[trials*99/100]), ms(fromSent[trials-1]),
		ms(fromAnswer[trials/2]), ms(fromAnswer[trials*99/100]), ms(fromAnswer[trials-1]))
	return nil
}

// deactivate turns a person off at one node, while every node is asked about the session each millisecond.
func (d *door) deactivate(ctx context.Context, v *visit, n int) (sent, answered, refused time.Time, err error) {
	var wait sync.WaitGroup
	ends, faults := make([]time.Time, len(d.Nodes)), make([]error, len(d.Nodes))
	for i, node := range d.Nodes {
		wait.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
				status, err := v.session(ctx, node)
				if err != nil || status != http.StatusOK {
					ends[i], faults[i] = time.Now(), err
					if err == nil && status != http.StatusUnauthorized {
						faults[i] = fmt.Errorf("session at %s: %d", node.Name, status)
					}
					return
				}
			}
		})
	}
	sent = time.Now()
	err = d.activate(ctx, n, false)
	answered = time.Now()
	wait.Wait()
	return sent, answered, slices.MaxFunc(ends, time.Time.Compare), errors.Join(append(faults, err)...)
}

func (v *visit) session(ctx context.Context, node *region.Node) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, node.URL+"/api/v1/session", nil)
	if err != nil {
		return 0, err
	}
	answer, err := v.send(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, nil
}

// activate turns a person on or off.
func (d *door) activate(ctx context.Context, n int, active bool) error {
	c := &conn{address: d.host(n)}
	body := fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":%t}}]}`, active)
	status, answer, err := c.do(request(http.MethodPatch, c.address, d.path("/Users/"+d.users[n%signInPeople]), d.org.Token, body))
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return statusError("activate", status, answer)
	}
	return nil
}
