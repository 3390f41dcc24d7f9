package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// pins say which cores belong to whom.
type pins struct {
	server string // core of the servers, for taskset; empty: nobody is pinned
	rest   string // cores of everything else
	why    string // nobody is pinned, when that is so
}

// variable tells the program, started anew on its own cores, which one it left to the servers.
const variable = "BENCH_SERVER_CORE"

// pin starts this program anew on all cores but one, with everything that it will start, PostgreSQL too; that one is the
// servers'. It returns only when that has happened already, or cannot.
func pin() (pins, error) {
	allowed := allowedCores()
	if core := os.Getenv(variable); core != "" {
		return pins{server: core, rest: strings.Join(allowed, ",")}, nil
	}
	taskset, err := exec.LookPath("taskset")
	switch {
	case err != nil:
		return pins{why: "taskset is not on this machine: servers and generator share all cores, so the rates say little"}, nil
	case len(allowed) < 2:
		return pins{why: "this machine has one core: servers and generator share it, so the rates say little"}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return pins{}, err
	}
	last := len(allowed) - 1
	args := append([]string{"taskset", "-c", strings.Join(allowed[:last], ","), self}, os.Args[1:]...)
	return pins{}, syscall.Exec(taskset, args, append(os.Environ(), variable+"="+allowed[last]))
}

// wrap puts a command on the servers' core.
func (p pins) wrap(command []string) []string {
	if p.server == "" {
		return command
	}
	return append([]string{"taskset", "-c", p.server}, command...)
}

// allowedCores are the cores that this process may use; none where the system does not say.
func allowedCores() []string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		if list, ok := strings.CutPrefix(line, "Cpus_allowed_list:"); ok {
			return cores(strings.TrimSpace(list))
		}
	}
	return nil
}

// cores reads a list such as "0-2,5".
func cores(list string) (out []string) {
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(from)
		if err != nil {
			return nil
		}
		b := a
		if isRange {
			if b, err = strconv.Atoi(to); err != nil {
				return nil
			}
		}
		for ; a <= b; a++ {
			out = append(out, strconv.Itoa(a))
		}
	}
	return out
}
