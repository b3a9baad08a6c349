package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"
)

// largeRow is one operation on a large directory.
type largeRow struct {
	name    string
	clients int
	sample
	allocs float64 // objects that all nodes allocated per operation, idle work included
}

// largeClients work at the same time on operations that are cheap for the server; heavy ones have a client or two.
const largeClients = 16

// measureLarge asks a filled region what identity providers ask of large directories.
func measureLarge(ctx context.Context, p *product, d time.Duration) ([]largeRow, error) {
	groups := make(map[int]string)
	for _, size := range []int{10, 1_000, len(p.users)} {
		began := time.Now()
		id, err := p.group(fmt.Sprintf("group of %d", size), p.users[:size])
		if err != nil {
			return nil, fmt.Errorf("group of %d members: %w", size, err)
		}
		groups[size] = id
		fmt.Printf("POST of a group with %d members: %s\n", size, time.Since(began).Round(time.Millisecond))
	}
	list := func(query string) func(int) []client {
		return func(n int) []client {
			return p.reads("list", n, func(int) string { return p.path("/Users?" + query) })
		}
	}
	filter := func(text func(n int) string) func(int) []client {
		return func(n int) []client {
			return p.reads("filter", n, func(n int) string { return p.path("/Users?filter=" + url.QueryEscape(text(n))) })
		}
	}
	nth := func(n int) string { return fmt.Sprintf("u%07d", n%len(p.users)) }
	rows := []struct {
		name    string
		clients int
		start   func(n int) []client
	}{
		{"create", largeClients, p.creates},
		{"PUT", largeClients, p.puts},
		{"PATCH active", largeClients, p.patches},
		{"userName eq", largeClients, p.filters},
		{"emails.value eq", largeClients, filter(func(n int) string { return `emails.value eq "` + nth(n) + `@bench.example"` })},
		{"displayName co, all scanned", 2, filter(func(n int) string { return `displayName co "` + nth(n) + `"` })},
		{"page of 100 at the start", 2, list("startIndex=1&count=100")},
		{"page of 100 at nine tenths", 2, list(fmt.Sprintf("startIndex=%d&count=100", len(p.users)*9/10))},
		{"member of 10", largeClients, func(n int) []client { return p.toggles(groups[10], n) }},
		{"member of 1,000", largeClients, func(n int) []client { return p.toggles(groups[1_000], n) }},
		{"member of everybody", largeClients, func(n int) []client { return p.rejoins(groups[len(p.users)], n) }},
		{"Bulk of 1,000 creates", 2, p.bulks},
	}
	var measured []largeRow
	for _, row := range rows {
		before, err := mallocs(ctx, p)
		if err != nil {
			return nil, err
		}
		s := run(row.start(row.clients), d, cpuOf(p.pids))
		after, err := mallocs(ctx, p)
		if err := errors.Join(s.err, err); err != nil {
			return nil, fmt.Errorf("%s: %w", row.name, err)
		}
		measured = append(measured, largeRow{row.name, row.clients, s, (after - before) / float64(s.count)})
	}
	began := time.Now()
	users, pages, err := p.walk()
	if err != nil {
		return nil, fmt.Errorf("cursor walk: %w", err)
	}
	fmt.Printf("cursor walk of %d users: %d pages of 1,000 in %s\n", users, pages, time.Since(began).Round(time.Millisecond))
	return measured, nil
}

func printLarge(w io.Writer, people int, rows []largeRow) {
	fmt.Fprintf(w, "\nSCIM operations on %d users\n", people)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "operation\tclients\trequests/s\tp50 ms\tp99 ms\tCPU µs/op, all nodes\tallocations/op, all nodes\t\n")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t\n", r.name, r.clients, r.rate,
			float64(r.p50)/1e6, float64(r.p99)/1e6, float64(r.cpu)/1e3, r.allocs)
	}
	_ = t.Flush()
}

// puts replaces users by documents that differ each time.
func (p *product) puts(count int) []client {
	clients := make([]client, count)
	for i := range clients {
		c := &conn{address: p.host(i)}
		n := i
		clients[i] = func() error {
			n += count
			at := n % len(p.users)
			body := bytes.Replace(document(fmt.Sprintf("u%07d", at)), []byte("Engineer of Things"), fmt.Appendf(nil, "Engineer %d", n), 1)
			status, answer, err := c.do(request(http.MethodPut, c.address, p.path("/Users/"+p.users[at]), p.org.Token, body))
			if err == nil && status != http.StatusOK {
				err = statusError("put", status, answer)
			}
			return err
		}
	}
	return clients
}

// rejoins removes members from a group that everybody is in, and adds them again.
func (p *product) rejoins(group string, count int) []client {
	clients := p.toggles(group, count)
	for i, toggle := range clients {
		if err := toggle(); err != nil { // "add" first: a no-op that leaves the client at "remove"
			clients[i] = func() error { return err }
		}
	}
	return clients
}

// bulks creates 1,000 users a request.
func (p *product) bulks(count int) []client {
	clients := make([]client, count)
	for i := range clients {
		c := &conn{address: p.host(i)}
		clients[i] = func() error {
			body := []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`)
			for n := range 1000 {
				if n > 0 {
					body = append(body, ',')
				}
				body = fmt.Appendf(body, `{"method":"POST","path":"/Users","bulkId":"b%d","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bulk%d@bench.example"}}`,
					n, p.unique.Add(1))
			}
			status, answer, err := c.do(request(http.MethodPost, c.address, p.path("/Bulk"), p.org.Token, append(body, ']', '}')))
			if err == nil && (status != http.StatusOK || bytes.Count(answer, []byte(`"201"`)) != 1000) {
				err = statusError("bulk", status, answer)
			}
			return err
		}
	}
	return clients
}

// walk reads everybody by cursor (RFC 9865) and wants each user once; it counts users and pages.
func (p *product) walk() (users, pages int, err error) {
	c := &conn{address: p.host(1)}
	seen := make(map[string]bool)
	for cursor := ""; ; {
		path := p.path("/Users?attributes=id&count=1000&cursor=" + url.QueryEscape(cursor))
		status, body, err := c.do(request(http.MethodGet, c.address, path, p.org.Token, nil))
		if err != nil {
			return 0, pages, err
		}
		if status != http.StatusOK {
			return 0, pages, statusError("walk", status, body)
		}
		var page struct {
			NextCursor string `json:"nextCursor"`
			Resources  []struct {
				ID string `json:"id"`
			} `json:"Resources"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return 0, pages, err
		}
		pages++
		for _, r := range page.Resources {
			if seen[r.ID] {
				return 0, pages, fmt.Errorf("%s came twice", r.ID)
			}
			seen[r.ID] = true
		}
		if page.NextCursor == "" {
			return len(seen), pages, p.missing(seen)
		}
		cursor = page.NextCursor
	}
}

// missing tells whom a walk did not see.
func (p *product) missing(seen map[string]bool) error {
	for _, id := range p.users {
		if !seen[id] {
			return fmt.Errorf("the walk missed %s", id)
		}
	}
	return nil
}

// mallocs adds up the objects that all nodes have allocated so far.
func mallocs(ctx context.Context, p *product) (float64, error) {
	counts, err := metric(ctx, p.Region, "/metrics", "go_memstats_mallocs_total")
	total := 0.0
	for _, count := range counts {
		total += count
	}
	return total, err
}
