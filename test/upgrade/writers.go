package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"domicile/test/region"
)

const writerCount = 4

// writers are clients that make users, each at any node that is ready, until they are stopped.
type writers struct {
	region       *region.Region
	organization region.Organization
	cancel       context.CancelFunc
	done         sync.WaitGroup

	mu    sync.Mutex
	wrote map[string]string // id by userName
	fault error
}

func newWriters(r *region.Region, o region.Organization) *writers {
	ctx, cancel := context.WithCancel(context.Background())
	w := &writers{region: r, organization: o, cancel: cancel, wrote: map[string]string{}}
	for n := range writerCount {
		w.done.Go(func() { w.write(ctx, n) })
	}
	return w
}

func (w *writers) stop() {
	w.cancel()
	w.done.Wait()
}

// write makes one user after the other. A node that is going away answers nobody; any other answer than 201 and 503 is a
// fault.
func (w *writers) write(ctx context.Context, writer int) {
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("w%d-%d@acme.example", writer, n)
		for try := 0; ctx.Err() == nil; try++ {
			node := w.region.Nodes[(writer+n+try)%len(w.region.Nodes)]
			if node.PID() == 0 || !node.Ready(ctx) {
				time.Sleep(5 * time.Millisecond)
				continue
			}
			status, body, err := region.Call(ctx, w.region.Client, http.MethodPost, w.organization.SCIM(node)+"/Users", w.organization.Token,
				"application/scim+json", map[string]any{
					"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name, "active": true,
				})
			var made struct {
				ID string `json:"id"`
			}
			switch {
			case ctx.Err() != nil:
				return
			case err != nil || status == http.StatusServiceUnavailable:
				time.Sleep(10 * time.Millisecond)
				continue
			case status == http.StatusConflict && try > 0: // the lost answer was a yes
			case status == http.StatusCreated && json.Unmarshal(body, &made) == nil:
			default:
				w.fail(fmt.Errorf("%s answers %d to a create: %s", node.Name, status, body))
				return
			}
			w.mu.Lock()
			w.wrote[name] = made.ID
			w.mu.Unlock()
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (w *writers) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = errors.Join(w.fault, err)
}

// await waits until so many users were made.
func (w *writers) await(ctx context.Context, count int) error {
	for {
		w.mu.Lock()
		n, fault := len(w.wrote), w.fault
		w.mu.Unlock()
		switch {
		case fault != nil || ctx.Err() != nil:
			return errors.Join(fault, ctx.Err())
		case n >= count:
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// audit stops the writers and wants every user on every node, once.
func (w *writers) audit(ctx context.Context) error {
	w.stop()
	if w.fault != nil {
		return w.fault
	}
	for _, node := range w.region.Nodes {
		for name, id := range w.wrote {
			query := url.Values{"filter": {fmt.Sprintf("userName eq %q", name)}, "attributes": {"id"}}
			status, body, err := region.Call(ctx, w.region.Client, http.MethodGet, w.organization.SCIM(node)+"/Users?"+query.Encode(), w.organization.Token, "", nil)
			var list struct {
				Total     int `json:"totalResults"`
				Resources []struct {
					ID string `json:"id"`
				}
			}
			if err := errors.Join(err, json.Unmarshal(body, &list)); err != nil || status != http.StatusOK {
				return fmt.Errorf("%s answers %d: %w", node.Name, status, err)
			}
			if list.Total != 1 || id != "" && list.Resources[0].ID != id {
				return fmt.Errorf("%s has %q %d times", node.Name, name, list.Total)
			}
		}
	}
	fmt.Printf("      %d users\n", len(w.wrote))
	return nil
}
