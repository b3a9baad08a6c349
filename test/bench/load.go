package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// client does one operation of a workload after the other; each is used by one goroutine.
type client func() error

// sample is what one cell of one round measured.
type sample struct {
	count    int           // operations that finished
	rate     float64       // operations per second
	p50, p99 time.Duration // of one operation
	cpu      time.Duration // CPU time of the servers per operation, 0 when not known
	err      error
}

// run lets every client work in a closed loop for d.
func run(clients []client, d time.Duration, cpu func() time.Duration) sample {
	return runPaced(clients, d, 0, cpu)
}

// runPaced is run with a pause of each client after each operation.
func runPaced(clients []client, d, pause time.Duration, cpu func() time.Duration) sample {
	var stop atomic.Bool
	var wait sync.WaitGroup
	latencies := make([][]time.Duration, len(clients))
	faults := make([]error, len(clients))
	before := cpu()
	start := time.Now()
	for i, work := range clients {
		wait.Go(func() {
			for !stop.Load() {
				began := time.Now()
				if faults[i] = work(); faults[i] != nil {
					return
				}
				latencies[i] = append(latencies[i], time.Since(began))
				time.Sleep(pause)
			}
		})
	}
	time.Sleep(d)
	stop.Store(true)
	wait.Wait()
	took := time.Since(start)
	spent := cpu() - before
	all := slices.Concat(latencies...)
	if len(all) == 0 {
		return sample{err: errors.Join(append(faults, errors.New("no operation finished"))...)}
	}
	slices.Sort(all)
	return sample{
		count: len(all),
		rate:  float64(len(all)) / took.Seconds(),
		p50:   all[len(all)/2],
		p99:   all[len(all)*99/100],
		cpu:   spent / time.Duration(len(all)),
		err:   errors.Join(faults...),
	}
}

func noCPU() time.Duration { return 0 }

// median of one figure over the samples of a cell.
func median[T int64 | float64 | time.Duration](samples []sample, figure func(sample) T) T {
	values := make([]T, 0, len(samples))
	for _, s := range samples {
		values = append(values, figure(s))
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// ratio is the median over rounds of a's rate by b's rate in the same round.
func ratio(a, b []sample, figure func(sample) float64) float64 {
	var values []float64
	for i := range min(len(a), len(b)) {
		if d := figure(b[i]); d > 0 {
			values = append(values, figure(a[i])/d)
		}
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func statusError(op string, status int, body []byte) error {
	return fmt.Errorf("%s: status %d: %.300s", op, status, body)
}
