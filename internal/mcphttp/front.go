package mcphttp

import (
	"encoding/json"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/session"
)

// front answers plain requests itself: initialize, ping, tools/list, and tools/call of tools that only read, when no
// event stream is asked for. The SDK spends ten times a bare handler's time on them. Whatever is unusual is not answered
// here but left to the SDK, which says what is wrong with it; what never changes was asked of the SDK once. A test
// compares the two ways, body and headers.
type front struct {
	versions []string // of the protocol
	server   []byte   // serverInfo, encoded
	older    heading
	newer    heading

	lists    kept[[]byte]   // encoded results of tools/list, with their era
	openings kept[*opening] // by the params of initialize
	clients  kept[struct{}] // capabilities and names of clients that the SDK can read
	bodies   sync.Pool      // of *[]byte: what is read
	buffers  sync.Pool      // of *[]byte: what is written
}

// maxBuffer bounds what is kept for the next answer.
const maxBuffer = 64 << 10

// heading is what the headers of an answer say. The slices are shared and never changed.
type heading struct{ contentType, cacheControl []string }

// opening is what initialize is answered with, but for the instructions.
type opening struct {
	state        session.State
	before, rest []byte
}

// Bounds of what is kept: a list has tens of kilobytes, params of initialize rarely more than one.
const (
	maxKeptLists  = 50
	maxKept       = 200
	maxKeptParams = 4 << 10
)

func newFront(impl *mcp.Implementation) (*front, error) {
	info, err := json.Marshal(impl)
	if err != nil {
		return nil, err
	}
	json := []string{"application/json"}
	return &front{
		versions: mcp.SupportedProtocolVersions(), server: info,
		older:    heading{json, []string{"no-store"}},
		newer:    heading{json, []string{"no-cache, no-transform"}},
		lists:    kept[[]byte]{most: maxKeptLists},
		openings: kept[*opening]{most: maxKept},
		clients:  kept[struct{}]{most: maxKept},
		bodies:   sync.Pool{New: func() any { b := make([]byte, 0, usualBody); return &b }},
		buffers:  sync.Pool{New: func() any { return new([]byte) }},
	}, nil
}

// kept are answers that were asked for, bounded: full, it forgets everything, and asks again.
type kept[V any] struct {
	most int
	mu   sync.RWMutex
	m    map[string]V
}

func (k *kept[V]) get(key []byte) (V, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	v, ok := k.m[string(key)]
	return v, ok
}

func (k *kept[V]) put(key []byte, v V) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m == nil || len(k.m) >= k.most {
		k.m = map[string]V{}
	}
	k.m[string(key)] = v
}
