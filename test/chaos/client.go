package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// outcome is what a client knows of a request afterwards.
type outcome string

const (
	answered  outcome = "answered"  // any status but 503
	refused   outcome = "refused"   // 503; a write may nevertheless be applied, when its answer was what took too long
	lost      outcome = "lost"      // sent, perhaps, and never answered
	unreached outcome = "unreached" // never sent
)

// answer is the end of one request.
type answer struct {
	outcome    outcome
	status     int
	retryAfter time.Duration // of a 503; negative when it does not say
	body       []byte
	err        error // of lost and unreached
}

// patience is how long a client waits: more than the bounded wait of the product, so that its answer is what ends a request.
const patience = 9 * time.Second

// client is one client's kept connections, one per node. It repeats nothing by itself, as most HTTP libraries would.
type client struct {
	token string
	conns []conn
}

type conn struct {
	place *place
	net   net.Conn
	in    *bufio.Reader
	born  time.Time
}

func newClient(places []*place, token string) *client {
	c := &client{token: token}
	for _, p := range places {
		c.conns = append(c.conns, conn{place: p})
	}
	return c
}

func (c *client) close() {
	for i := range c.conns {
		c.conns[i].close()
	}
}

// do sends one request to a node.
func (c *client) do(node int, method, path string, body []byte) answer {
	conn := &c.conns[node]
	if conn.net != nil && conn.place.restarted(conn.born) {
		conn.close()
	}
	if conn.net == nil {
		if err := conn.dial(); err != nil {
			return answer{outcome: unreached, err: err}
		}
	}
	a, err := conn.exchange(conn.request(method, path, c.token, body), method)
	if err != nil {
		conn.close()
		return answer{outcome: lost, err: err}
	}
	return a
}

func (c *conn) dial() error {
	dialled, err := net.DialTimeout("tcp", c.place.address, 3*time.Second)
	if err != nil {
		return err
	}
	c.net, c.in, c.born = dialled, bufio.NewReaderSize(dialled, 16<<10), time.Now()
	return nil
}

func (c *conn) close() {
	if c.net != nil {
		_ = c.net.Close()
		c.net = nil
	}
}

func (c *conn) request(method, path, token string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", method, path, c.place.address, token)
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/scim+json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

func (c *conn) exchange(request []byte, method string) (answer, error) {
	if err := c.net.SetDeadline(time.Now().Add(patience)); err != nil {
		return answer{}, err
	}
	if _, err := c.net.Write(request); err != nil {
		return answer{}, err
	}
	response, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	if response.Close {
		c.close()
	}
	a := answer{outcome: answered, status: response.StatusCode, body: body, retryAfter: -1}
	if a.status == http.StatusServiceUnavailable {
		a.outcome = refused
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
			a.retryAfter = time.Duration(seconds) * time.Second
		}
	}
	return a, nil
}
