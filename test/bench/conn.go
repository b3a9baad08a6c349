package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
)

// conn is one kept HTTP/1.1 connection with as little client work as possible, because client and servers share the cores.
type conn struct {
	address string
	net     net.Conn
	in      *bufio.Reader
	body    []byte
}

// do sends a finished request and gives status and body; the body is valid until the next call.
func (c *conn) do(request []byte) (int, []byte, error) {
	if c.net == nil {
		dialled, err := net.Dial("tcp", c.address)
		if err != nil {
			return 0, nil, err
		}
		c.net, c.in = dialled, bufio.NewReaderSize(dialled, 16<<10)
	}
	status, err := c.exchange(request)
	if err != nil {
		_ = c.net.Close()
		c.net = nil
	}
	return status, c.body, err
}

func (c *conn) exchange(request []byte) (int, error) {
	if _, err := c.net.Write(request); err != nil {
		return 0, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("bad status line %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, err
	}
	length, chunked, closing := int64(0), false, false
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Connection")):
			closing = bytes.EqualFold(value, []byte("close"))
		}
	}
	if err := c.readBody(length, chunked); err != nil {
		return 0, err
	}
	if closing {
		_ = c.net.Close()
		c.net = nil
	}
	return status, nil
}

func (c *conn) readBody(length int64, chunked bool) error {
	c.body = c.body[:0]
	if !chunked {
		return c.take(length)
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return err
		}
		if err := c.take(size); err != nil {
			return err
		}
		if _, err := c.in.Discard(2); err != nil || size == 0 {
			return err
		}
	}
}

func (c *conn) take(n int64) error {
	have := len(c.body)
	if need := have + int(n); cap(c.body) < need {
		c.body = append(make([]byte, 0, 2*need), c.body...)
	}
	c.body = c.body[:have+int(n)]
	_, err := io.ReadFull(c.in, c.body[have:])
	return err
}

// request makes the bytes of one HTTP request.
func request(method, host, path, token string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/scim+json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}
