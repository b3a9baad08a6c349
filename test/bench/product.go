package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"domicile/test/region"
)

// product is a three-node region with people and groups in it.
type product struct {
	*region.Region
	org    region.Organization
	users  []string // ids, in creation order
	small  string   // a group of 10
	large  string   // a group of 10,000
	unique atomic.Uint64
}

// start runs the region and fills it with people through all nodes, then makes the two groups.
func startProduct(ctx context.Context, binary, dir string, people int) (*product, error) {
	r, err := region.Start(ctx, region.Options{Binary: binary, Dir: dir})
	if err != nil {
		return nil, err
	}
	p := &product{Region: r}
	if p.org, err = r.NewOrganization(ctx, r.Nodes[0], "bench", "", "bench.example"); err != nil {
		return p, err
	}
	if p.users, err = p.fill(people); err != nil {
		return p, fmt.Errorf("fill with %d users: %w", people, err)
	}
	if p.small, err = p.group("small", p.users[:10]); err != nil {
		return p, err
	}
	p.large, err = p.group("large", p.users[:min(len(p.users), 10_000)])
	return p, err
}

func (p *product) pids() []int {
	var pids []int
	for _, node := range p.Nodes {
		pids = append(pids, node.PID())
	}
	return pids
}

func (p *product) host(i int) string {
	return strings.TrimPrefix(p.Nodes[i%len(p.Nodes)].URL, "http://")
}

func (p *product) path(rest string) string { return "/scim/v2/" + p.org.ID + rest }

// document is a user of about 1 KB, as a large IdP sends it.
func document(name string) []byte {
	return fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`+
		`"externalId":"ext-%[1]s","userName":"%[1]s@bench.example","active":true,"displayName":"Person %[1]s","nickName":"%[1]s",`+
		`"title":"Principal Engineer of Things","preferredLanguage":"en-US","locale":"en-US","timezone":"America/Los_Angeles","userType":"Employee",`+
		`"name":{"formatted":"Given Family %[1]s","familyName":"Family-%[1]s","givenName":"Given-%[1]s"},`+
		`"emails":[{"value":"%[1]s@bench.example","type":"work","primary":true},{"value":"%[1]s@home.example","type":"home"}],`+
		`"phoneNumbers":[{"value":"+1 555 010 0199","type":"work"}],`+
		`"addresses":[{"type":"work","streetAddress":"100 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US"}],`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%[1]s","costCenter":"4130","organization":"Universal","division":"Theme Park","department":"Tour Operations"}}`, name)
}

// fill creates people with 64 clients over all nodes. Their names continue those of the people who are there.
func (p *product) fill(count int) ([]string, error) {
	first := len(p.users)
	ids := make([]string, count)
	faults := make([]error, 64)
	var next atomic.Int64
	var wait sync.WaitGroup
	for i := range faults {
		wait.Go(func() {
			c := &conn{address: p.host(i)}
			for n := int(next.Add(1)) - 1; n < count; n = int(next.Add(1)) - 1 {
				if ids[n], faults[i] = p.create(c, fmt.Sprintf("u%07d", first+n)); faults[i] != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	return ids, errors.Join(faults...)
}

func (p *product) create(c *conn, name string) (string, error) {
	status, body, err := c.do(request(http.MethodPost, c.address, p.path("/Users"), p.org.Token, document(name)))
	if err != nil {
		return "", err
	}
	if status != http.StatusCreated {
		return "", statusError("create", status, body)
	}
	const mark = `"id":"`
	at := bytes.Index(body, []byte(mark))
	if at < 0 || len(body) < at+len(mark)+36 {
		return "", statusError("create without id", status, body)
	}
	return string(body[at+len(mark) : at+len(mark)+36]), nil
}

func (p *product) group(name string, members []string) (string, error) {
	type member struct {
		Value string `json:"value"`
	}
	body := struct {
		Schemas     []string `json:"schemas"`
		DisplayName string   `json:"displayName"`
		Members     []member `json:"members"`
	}{[]string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, name, nil}
	for _, id := range members {
		body.Members = append(body.Members, member{id})
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	c := &conn{address: p.host(0)}
	status, answer, err := c.do(request(http.MethodPost, c.address, p.path("/Groups"), p.org.Token, raw))
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"id"`
	}
	if status != http.StatusCreated {
		return "", statusError("create group", status, answer)
	}
	return made.ID, errors.Join(json.Unmarshal(answer, &made), nil)
}

// workload makes clients; client i talks to node i modulo three.
type workload func(p *product, count int) []client

var workloads = []struct {
	name  string
	start workload
}{
	{"create", (*product).creates},
	{"get by id", (*product).gets},
	{"userName eq", (*product).filters},
	{"PATCH active", (*product).patches},
	{"member of 10", func(p *product, count int) []client { return p.toggles(p.small, count) }},
	{"member of 10,000", func(p *product, count int) []client { return p.toggles(p.large, count) }},
	{"page of 100", (*product).pages},
}

func (p *product) creates(count int) []client {
	clients := make([]client, count)
	for i := range clients {
		c := &conn{address: p.host(i)}
		clients[i] = func() error {
			_, err := p.create(c, fmt.Sprintf("n%09d", p.unique.Add(1)))
			return err
		}
	}
	return clients
}

// reads makes clients that send one of many prepared GET requests after the other.
func (p *product) reads(op string, count int, path func(n int) string) []client {
	clients := make([]client, count)
	for i := range clients {
		c := &conn{address: p.host(i)}
		n := i * 7919
		clients[i] = func() error {
			n++
			status, body, err := c.do(request(http.MethodGet, c.address, path(n), p.org.Token, nil))
			if err == nil && status != http.StatusOK {
				err = statusError(op, status, body)
			}
			return err
		}
	}
	return clients
}

func (p *product) gets(count int) []client {
	return p.reads("get", count, func(n int) string { return p.path("/Users/" + p.users[n%len(p.users)]) })
}

func (p *product) filters(count int) []client {
	return p.reads("filter", count, func(n int) string {
		name := fmt.Sprintf("u%07d@bench.example", n%len(p.users))
		return p.path("/Users?filter=" + url.QueryEscape(`userName eq "`+name+`"`))
	})
}

func (p *product) pages(count int) []client {
	return p.reads("page", count, func(n int) string {
		return p.path(fmt.Sprintf("/Users?startIndex=%d&count=100", 1+n*100%(len(p.users)-100)))
	})
}

func (p *product) patches(count int) []client {
	clients := make([]client, count)
	for i := range clients {
		c := &conn{address: p.host(i)}
		n := 0
		clients[i] = func() error {
			id, active := p.users[(i+n/2*count)%len(p.users)], n%2 == 1 // off, then on again: each a true change
			body := fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":%t}}]}`, active)
			status, answer, err := c.do(request(http.MethodPatch, c.address, p.path("/Users/"+id), p.org.Token, body))
			if err == nil && status != http.StatusOK {
				err = statusError("patch", status, answer)
			}
			n++
			return err
		}
	}
	return clients
}

// toggles adds and removes one member at a time; each client has people of its own, who are in no group before.
func (p *product) toggles(group string, count int) []client {
	clients := make([]client, count)
	for i := range clients {
		c := &conn{address: p.host(i)}
		own, add := p.users[len(p.users)-1-i], true
		clients[i] = func() error {
			op := `{"op":"add","path":"members","value":[{"value":"` + own + `"}]}`
			if !add {
				op = `{"op":"remove","path":"members[value eq \"` + own + `\"]"}`
			}
			body := []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + op + `]}`)
			status, answer, err := c.do(request(http.MethodPatch, c.address, p.path("/Groups/"+group), p.org.Token, body))
			if err == nil && status != http.StatusOK && status != http.StatusNoContent {
				err = statusError("member", status, answer)
			}
			add = !add
			return err
		}
	}
	return clients
}
