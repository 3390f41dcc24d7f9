package mcphttp

import "sync"

// maxStreamsEach is the most streams that one principal may have open on an instance.
const maxStreamsEach = 10

// slots bounds the open streams: at most 60 % of what the instance takes at once, so that calls always find room.
type slots struct {
	most int

	mu    sync.Mutex
	held  map[slot]int // streams that take over from one another share a slot
	count map[string]int
}

type slot struct{ credential, stream string }

func newSlots(concurrency int) *slots {
	return &slots{most: max(1, concurrency*60/100), held: map[slot]int{}, count: map[string]int{}}
}

// take gives room for a stream, or says that there is none. release gives it back.
func (s *slots) take(credential, stream string) (release func(), ok bool) {
	k := slot{credential, stream}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[k] == 0 {
		if len(s.held) >= s.most || s.count[credential] >= maxStreamsEach {
			return nil, false
		}
		s.count[credential]++
	}
	s.held[k]++
	return func() { s.release(k) }, true
}

func (s *slots) load() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, held := range s.held {
		n += held
	}
	return n
}

func (s *slots) release(k slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[k]--; s.held[k] > 0 {
		return
	}
	delete(s.held, k)
	if s.count[k.credential]--; s.count[k.credential] == 0 {
		delete(s.count, k.credential)
	}
}
