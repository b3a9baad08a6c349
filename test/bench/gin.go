package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"

	"github.com/gin-gonic/gin"
)

// The gin yardstick is this same program in another process: one handler that answers 1 KB.
const ginYardstick = "yardstick-gin"

func serveGin(address string) error {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	body := bytes.Repeat([]byte("x"), 1036)
	engine.GET("/bare", func(c *gin.Context) { c.Data(http.StatusOK, "application/scim+json", body) })
	return http.ListenAndServe(address, engine)
}

// startYardstick runs this program again as a yardstick that listens on the address.
func startYardstick(ctx context.Context, name, address string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{name, address}, args...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, awaitListener(ctx, address)
}

func awaitListener(ctx context.Context, address string) error {
	for ctx.Err() == nil {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		pause(ctx)
	}
	return fmt.Errorf("nothing listens on %s", address)
}

func ginClients(address string, count int) []client {
	get := request(http.MethodGet, address, "/bare", "", nil)
	clients := make([]client, count)
	for i := range clients {
		c := &conn{address: address}
		clients[i] = func() error {
			status, body, err := c.do(get)
			if err == nil && status != http.StatusOK {
				err = statusError("bare gin", status, body)
			}
			return err
		}
	}
	return clients
}
