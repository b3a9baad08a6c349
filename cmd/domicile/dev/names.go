package dev

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"domicile/egress/dnstest"
)

// The demo's DNS is the only one that its nodes ask for proofs of domains. It knows what `domicile dev dns` puts into it.
func (o *Options) nameServer() string { return loopback(o.BasePort + 230) }

func (in *installation) startNames() error {
	server, err := dnstest.Listen(in.nameServer())
	if err != nil {
		return fmt.Errorf("start the demo DNS: %w", err)
	}
	in.names = server
	in.servers = append(in.servers, server.Close)
	in.manifest.DNS = server.Address
	return nil
}

// maxRecord is how much text a TXT record of the demo has.
const maxRecord = 1 << 10

// publish answers PUT /dns/{name}: the body becomes the one TXT record of a name, an empty one takes it away.
func (in *installation) publish(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRecord))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name := strings.ToLower(strings.TrimSuffix(r.PathValue("name"), "."))
	if len(text) == 0 {
		in.names.Set(name)
	} else {
		in.names.Set(name, string(text))
	}
	w.WriteHeader(http.StatusNoContent)
}

// Publish gives a name of the demo's DNS one TXT record, in the dev command that runs on dir; an empty text takes it away.
func Publish(ctx context.Context, dir, name, text string) error {
	return tell(ctx, dir, http.MethodPut, "dns", name, text)
}
