//go:build !linux

package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// cpuTime is the CPU time that a process has used, as ps says it: in hundredths of a second.
func cpuTime(pid int) (time.Duration, error) {
	s, err := ps(pid, "time=")
	if err != nil {
		return 0, err
	}
	var total float64
	for part := range strings.SplitSeq(s, ":") {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return 0, err
		}
		total = total*60 + n
	}
	return time.Duration(total * float64(time.Second)), nil
}

// residentMemory is what a process has in memory, in bytes.
func residentMemory(pid int) (float64, error) {
	s, err := ps(pid, "rss=")
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseFloat(s, 64)
	return kib * 1024, err
}

func ps(pid int, what string) (string, error) {
	out, err := exec.Command("ps", "-o", what, "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return "", fmt.Errorf("ps of process %d: %w", pid, err)
	}
	return strings.TrimSpace(string(out)), nil
}
