package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU times in /proc, fixed at 100 per second on Linux.
const clockTick = 10 * time.Millisecond

// cpuOf gives a function that adds up the CPU time of processes.
func cpuOf(pids func() []int) func() time.Duration {
	return func() time.Duration {
		var total time.Duration
		for _, pid := range pids() {
			raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err != nil {
				continue
			}
			fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+2:]))
			for _, field := range fields[11:13] { // utime, stime
				ticks, err := strconv.ParseInt(field, 10, 64)
				if err == nil {
					total += time.Duration(ticks) * clockTick
				}
			}
		}
		return total
	}
}

// residentOf gives the resident memory of a process in bytes.
func residentOf(pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
