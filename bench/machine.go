package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine is what figures depend on.
type machine struct {
	date     time.Time
	cpu      string
	cores    int
	system   string
	load     string // load average before the run: not an idle machine, not a good run
	pins     pins
	postgres string
	node     string
	redis    string
	took     time.Duration
}

func readMachine(p pins) machine {
	cores := runtime.NumCPU()
	if p.server != "" {
		cores++ // the servers' is not ours
	}
	return machine{date: time.Now(), cpu: after("/proc/cpuinfo", "model name"), cores: cores, pins: p,
		system: runtime.GOOS + "/" + runtime.GOARCH, load: loadAverage()}
}

// after is what follows a name and a colon in a file of the system; "unknown" where there is no such file.
func after(path, name string) string {
	b, _ := os.ReadFile(path)
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func loadAverage() string {
	b, _ := os.ReadFile("/proc/loadavg")
	if f := strings.Fields(string(b)); len(f) > 0 {
		return f[0]
	}
	return "unknown"
}

func (m machine) text() string {
	where := fmt.Sprintf("servers on core %s, everything else on %s", m.pins.server, m.pins.rest)
	if m.pins.why != "" {
		where = m.pins.why
	}
	return fmt.Sprintf("%s, %s, %s; load before the run %s\n%s", m.cpu, m.system, runtime.Version(), m.load, where)
}
