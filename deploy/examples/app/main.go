package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	listener, err := net.Listen("tcp", os.Getenv("APP_LISTEN"))
	if err != nil {
		return err
	}
	url := os.Getenv("APP_URL")
	if url == "" {
		url = "http://" + listener.Addr().String()
	}
	a, err := newApp(ctx, os.Getenv("APP_ISSUER"), os.Getenv("APP_CLIENT_ID"), os.Getenv("APP_CLIENT_SECRET"), url)
	if err != nil {
		return err
	}
	fmt.Println(url)
	server := &http.Server{Handler: a.handler(), ReadHeaderTimeout: 5 * time.Second}
	return server.Serve(listener)
}
