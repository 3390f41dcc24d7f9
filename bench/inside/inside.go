// Package inside lets the benchmark look into a server that it started: memory after a garbage collection, bytes
// allocated so far, goroutines, CPU and heap profiles. It listens on a Unix socket, only where the environment names one.
// The product does not link it: bench/ours is the product with this beside it.
package inside

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"runtime/debug"
)

// Variable is the environment variable that names the socket.
const Variable = "BENCH_INSIDE"

// Memory is what a process uses.
type Memory struct {
	Allocated  uint64 `json:"allocated"`  // bytes since the start
	Live       uint64 `json:"live"`       // bytes of heap and stacks
	Goroutines int    `json:"goroutines"` // none for Node
}

// Listen answers on the socket until the process ends. Without a path it does nothing.
func Listen(path string) error {
	if path == "" {
		return nil
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("%s: %w", Variable, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /memory", memory)
	mux.HandleFunc("GET /cpu", pprof.Profile)
	mux.Handle("GET /heap", pprof.Handler("heap"))
	mux.Handle("GET /goroutines", pprof.Handler("goroutine"))
	go func() { _ = http.Serve(ln, mux) }() // owned by the process: it ends with it
	return nil
}

// memory answers with Memory. With gc=1 everything that can go has gone, back to the system too.
func memory(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("gc") != "" {
		runtime.GC() // the first empties the pools, the second what they held, and finalizers have run between
		runtime.GC()
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	_ = json.NewEncoder(w).Encode(Memory{m.TotalAlloc, m.HeapAlloc + m.StackInuse, runtime.NumGoroutine()})
}
