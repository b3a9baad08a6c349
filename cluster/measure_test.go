package cluster_test

import (
	"fmt"
	"sort"
	"sync"
	"syscall"
	"testing"
	"time"

	"domicile/cluster"
	"domicile/cluster/clustertest"
	"domicile/fsm/state"
)

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestMeasure_idle(t *testing.T) {
	for _, commit := range []time.Duration{1, 2, 3, 5, 10, 50} {
		t.Run(fmt.Sprint(commit), func(t *testing.T) {
			c := clustertest.New(t, 3, clustertest.Options{Configure: func(_ int, cfg *cluster.Config) { cfg.Timing.Commit = commit * time.Millisecond }})
			c.WaitReady()
			time.Sleep(300 * time.Millisecond)
			b, w := cpu(), time.Now()
			time.Sleep(3 * time.Second)
			used := cpu() - b
			el := time.Since(w)
			// read after write on a follower
			f := c.Followers()[0]
			var ds []time.Duration
			for i := range 200 {
				propose(t, c.Node(c.Leader()), clustertest.CreateOrganization(i))
				s := time.Now()
				_, err := c.Node(f).View(t.Context(), state.Confirmed())
				if err != nil {
					t.Fatal(err)
				}
				ds = append(ds, time.Since(s))
			}
			sort.Slice(ds, func(i, j int) bool { return ds[i] < ds[j] })
			fmt.Printf("commit %dms: idle cpu %.2f%% of one core (3 nodes); follower read after write p50 %s p99 %s\n", commit, 100*float64(used)/float64(el), ds[100], ds[198])
		})
	}
}

func TestMeasure_load(t *testing.T) {
	for _, writers := range []int{1, 16, 64, 256} {
		for _, via := range []string{"leader", "followers", "all"} {
			c := clustertest.New(t, 3, clustertest.Options{})
			c.WaitReady()
			nodes := []int{c.Leader()}
			if via == "followers" {
				nodes = c.Followers()
			} else if via == "all" {
				nodes = c.Running()
			}
			propose(t, c.Node(0), clustertest.CreateOrganization(0))
			var wg sync.WaitGroup
			var mu sync.Mutex
			var all []time.Duration
			stop := time.Now().Add(2 * time.Second)
			b, w := cpu(), time.Now()
			for i := range writers {
				wg.Go(func() {
					var ds []time.Duration
					n := c.Node(nodes[i%len(nodes)])
					for k := 0; time.Now().Before(stop); k++ {
						s := time.Now()
						if _, err := n.Propose(t.Context(), clustertest.RenameOrganization(0, fmt.Sprintf("o %d %d", i, k))); err != nil {
							t.Error(err)
							return
						}
						ds = append(ds, time.Since(s))
					}
					mu.Lock()
					all = append(all, ds...)
					mu.Unlock()
				})
			}
			wg.Wait()
			used, el := cpu()-b, time.Since(w)
			sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
			fmt.Printf("%3d writers via %s: %6.0f/s p50 %s p99 %s cpu/op %s\n", writers, via, float64(len(all))/el.Seconds(), all[len(all)/2], all[len(all)*99/100], used/time.Duration(len(all)))
			for _, i := range c.Running() {
				c.Kill(i)
			}
		}
	}
}
