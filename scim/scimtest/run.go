package scimtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tenant is one empty connection of a SCIM server: the base URL without a
// trailing slash, such as https://host/scim/v2, and a bearer token.
type Tenant struct {
	Base  string
	Token string
}

// Provider makes a fresh, empty tenant with the profile "default", "entra" or
// "strict".
type Provider func(ctx context.Context, profile string) (Tenant, error)

// Runner replays conversations. Tenant is required.
type Runner struct {
	Tenant Provider
	// Client sends the requests; nil means one with a timeout of 30 seconds.
	// Redirects are not followed in either case.
	Client *http.Client
	// Lacks names the capabilities that the server does not offer, such as
	// "bulk". Conversations that require one are skipped.
	Lacks []string
	// Profile, if set, is used in place of every conversation's own.
	Profile string
	// Unchanged makes it a failure that a request was refused and yet changed
	// something: what /Users and /Groups list is read before and after.
	Unchanged bool
}

// maxAnswer bounds how much of an answer is read.
const maxAnswer = 16 << 20

// Run replays one conversation on fresh tenants.
func (r *Runner) Run(ctx context.Context, c Conversation) Result {
	result := Result{ID: c.ID, IdP: c.IdP}
	for _, capability := range c.Requires {
		if slices.Contains(r.Lacks, capability) {
			result.Skipped = capability
			return result
		}
	}
	p := player{ctx: ctx, tenants: map[string]Tenant{}, unchanged: r.Unchanged}
	p.vars.values = map[string]any{"run": randomHex(4)}
	for i := 1; i <= 9; i++ {
		p.vars.values[fmt.Sprintf("uuid%d", i)] = randomUUID()
	}
	p.client = http.Client{Timeout: 30 * time.Second}
	if r.Client != nil {
		p.client = *r.Client
	}
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if err := r.open(&p, c); err != nil {
		result.Failures = []Failure{{Conversation: c.ID, Step: "setup", Text: err.Error()}}
		return result
	}
	for _, step := range c.Steps {
		for _, done := range p.play(step) {
			result.Steps++
			for _, text := range done.failures {
				result.Failures = append(result.Failures, Failure{Conversation: c.ID, Step: done.name, Text: text, Answer: done.answer})
			}
		}
	}
	return result
}

// open makes the tenants that the conversation needs: "a", and "b" if a step is
// sent there.
func (r *Runner) open(p *player, c Conversation) error {
	profile := c.Profile
	if r.Profile != "" {
		profile = r.Profile
	}
	names := []string{"a"}
	if sendsTo(c.Steps, "b") {
		names = append(names, "b")
	}
	for _, name := range names {
		t, err := r.Tenant(p.ctx, profile)
		if err != nil {
			return fmt.Errorf("no tenant %s: %w", name, err)
		}
		t.Base = strings.TrimSuffix(t.Base, "/")
		p.tenants[name] = t
		suffix := "." + name
		if name == "a" {
			suffix = ""
		}
		p.vars.set("base"+suffix, t.Base)
		p.vars.set("token"+suffix, t.Token)
	}
	return nil
}

func sendsTo(steps []Step, tenant string) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return s.Tenant == tenant || sendsTo(s.Parallel, tenant) })
}

// RunAll replays conversations one after the other.
func (r *Runner) RunAll(ctx context.Context, conversations []Conversation) Report {
	report := make(Report, 0, len(conversations))
	for _, c := range conversations {
		report = append(report, r.Run(ctx, c))
	}
	return report
}

// The scripts only need names that differ; nothing secret is made of these.
func randomHex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.IntN(256))
	}
	return hex.EncodeToString(b)
}

func randomUUID() string {
	h := randomHex(16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// player holds the state of one conversation.
type player struct {
	ctx     context.Context // of the one Run this player lives for
	client  http.Client
	vars    variables
	tenants map[string]Tenant

	unchanged bool
}

type outcome struct {
	name     string
	failures []string
	answer   Answer
}

// play performs a step, or all parallel ones of it.
func (p *player) play(s Step) []outcome {
	if len(s.Parallel) == 0 {
		return []outcome{p.alone(s)}
	}
	done := make([]outcome, len(s.Parallel))
	var all sync.WaitGroup
	for i, part := range s.Parallel {
		all.Go(func() {
			done[i] = p.exchange(part)
			done[i].name = strings.TrimPrefix(s.Name+" / "+part.Name, " / ")
		})
	}
	all.Wait()
	return done
}

// exchange sends one request and gives what is wrong with the answer.
func (p *player) exchange(s Step) outcome {
	wrong := func(text string) outcome { return outcome{name: s.Name, failures: []string{text}} }
	if err := pause(p.ctx, time.Duration(s.SleepMs)*time.Millisecond); err != nil {
		return wrong(err.Error())
	}
	request, err := p.request(s)
	if err != nil {
		return wrong(err.Error())
	}
	response, err := p.client.Do(request)
	if err != nil {
		return wrong(err.Error())
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return wrong("the answer cannot be read: " + err.Error())
	}
	return outcome{name: s.Name, failures: p.judge(s, response, body), answer: answerOf(response.StatusCode, body)}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *player) request(s Step) (*http.Request, error) {
	t := p.tenants[cmp.Or(s.Tenant, "a")]
	address, err := p.address(t, s)
	if err != nil {
		return nil, err
	}
	body, has, err := p.body(s)
	if err != nil {
		return nil, err
	}
	var reader io.Reader
	if has {
		reader = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(p.ctx, s.Method, address, reader)
	if err != nil {
		return nil, err
	}
	h := request.Header
	h.Set("Authorization", "Bearer "+t.Token)
	h.Set("Accept", "application/scim+json")
	h.Set("User-Agent", "") // none, unless the script names one
	if has {
		h.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	for name, value := range s.Headers {
		if value == nil {
			h.Del(name)
			continue
		}
		text, err := p.vars.text(*value)
		if err != nil {
			return nil, err
		}
		h.Set(name, text)
	}
	return request, nil
}

func (p *player) address(t Tenant, s Step) (string, error) {
	path, err := p.vars.text(s.Path)
	if err != nil {
		return "", err
	}
	var query []string
	for _, parameter := range s.Query {
		value, err := p.vars.text(parameter.Value)
		if err != nil {
			return "", err
		}
		query = append(query, encode(parameter.Name, s.Encoding)+"="+encode(value, s.Encoding))
	}
	address := t.Base + path
	if len(query) > 0 {
		address += "?" + strings.Join(query, "&")
	}
	return address + s.RawSuffix, nil
}

func encode(text, encoding string) string {
	escaped := url.QueryEscape(text)
	if encoding == "plus" {
		return escaped
	}
	return strings.ReplaceAll(escaped, "+", "%20")
}

func (p *player) body(s Step) (body []byte, has bool, err error) {
	switch {
	case s.RawBody != nil:
		text, err := p.vars.text(*s.RawBody)
		if err != nil {
			return nil, false, err
		}
		body = []byte(text)
	case s.Body != nil:
		var value any
		if err := json.Unmarshal(s.Body, &value); err != nil {
			return nil, false, err
		}
		if value, err = p.vars.deep(value); err != nil {
			return nil, false, err
		}
		if body, err = json.Marshal(value); err != nil {
			return nil, false, err
		}
	default:
		return nil, false, nil
	}
	if missing := s.PadBytes - len(body); missing > 0 {
		body = append(body, bytes.Repeat([]byte(" "), missing)...)
	}
	return body, true, nil
}

// judge compares an answer with what is expected, then captures.
func (p *player) judge(s Step, response *http.Response, body []byte) []string {
	status := response.StatusCode
	if !slices.Contains(s.Expect.Status, status) {
		return []string{fmt.Sprintf("status %d, want %v; the body is %s", status, s.Expect.Status, shorten(string(body)))}
	}
	var failures []string
	fail := func(text string) {
		if text != "" {
			failures = append(failures, text)
		}
	}
	if s.Expect.NoBody && len(body) > 0 {
		fail("the body is " + shorten(string(body)) + ", want none")
	}
	for name, conditions := range s.Expect.Headers {
		var list []any
		for _, value := range response.Header.Values(name) {
			list = append(list, value)
		}
		for operator, want := range conditions {
			fail(p.assert("header "+name, list, operator, want))
		}
	}
	var document any
	parsed := json.Unmarshal(body, &document)
	judged := s.Expect.JSONIfStatus == 0 || s.Expect.JSONIfStatus == status
	if judged && len(s.Expect.JSON) > 0 {
		if parsed != nil {
			return append(failures, "the body is not JSON: "+shorten(string(body)))
		}
		for _, a := range s.Expect.JSON {
			list, path, err := p.find(document, a.Path)
			if err != nil {
				fail(err.Error())
				continue
			}
			fail(p.assert(path, list, a.Operator, a.Value))
		}
	}
	return append(failures, p.capture(s, response, document)...)
}

func (p *player) find(document any, path string) (list []any, spelled string, err error) {
	if spelled, err = p.vars.text(path); err != nil {
		return nil, path, err
	}
	list, err = nodes(document, spelled)
	return list, spelled, err
}

func (p *player) assert(path string, list []any, operator string, want any) string {
	want, err := p.vars.deep(want)
	if err != nil {
		return err.Error()
	}
	return check(path, list, operator, want)
}

func (p *player) capture(s Step, response *http.Response, document any) (failures []string) {
	for name, source := range s.Capture {
		if header, ok := strings.CutPrefix(source, "header:"); ok {
			value := response.Header.Get(header)
			if value == "" {
				failures = append(failures, "the header "+header+" cannot be captured: there is none")
				continue
			}
			p.vars.set(name, value)
			continue
		}
		list, path, err := p.find(document, source)
		switch {
		case err != nil:
			failures = append(failures, err.Error())
		case len(list) == 0:
			failures = append(failures, path+" cannot be captured: there is none")
		default:
			p.vars.set(name, list[0])
		}
	}
	return failures
}
