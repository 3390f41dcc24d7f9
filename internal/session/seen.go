package session

import (
	"sync"
	"time"
)

// seenFor is how long what was seen of a session will do for requests that need no record.
const seenFor = 5 * time.Second

// maxSeen bounds the sessions remembered, about 300 bytes each.
const maxSeen = 20_000

// seenSet remembers what this instance last saw of sessions: their records for a moment, and for as long as there is room
// the version of each, by which a Redis that lost its last writes is found out.
type seenSet struct {
	now func() time.Time

	mu     sync.Mutex
	all    map[string]sight
	doubts int64 // how often everything became uncertain, from 1
}

type sight struct {
	Record
	at      time.Time // zero: only the version
	version int64
	doubts  int64 // the set's when its business was certain
}

// unsure is for a business that is not certain.
const unsure = 0

func newSeenSet(now func() time.Time) *seenSet {
	return &seenSet{now: now, all: map[string]sight{}, doubts: 1}
}

// doubt makes all businesses uncertain.
func (s *seenSet) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts++
}

// doubted is what to note with what is read from now on: a doubt that comes meanwhile is about that too.
func (s *seenSet) doubted() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doubts
}

// sure says whether this business, in this version, was found certain, and nothing has put it in doubt since.
func (s *seenSet) sure(id, active string, version int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.all[id]
	return ok && v.doubts == s.doubts && v.version == version && v.Active == active
}

// recent is the record as it was seen in the last 5 s.
func (s *seenSet) recent(id string) (Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.all[id]
	if !ok || v.at.IsZero() || s.now().Sub(v.at) >= seenFor {
		return Record{}, false
	}
	return v.Record, true
}

// note remembers a record that was read or written just now.
func (s *seenSet) note(id string, rec Record, version int64) {
	s.noteAt(id, rec, version, s.now(), unsure)
}

// noteAt is note with the moment of which the knowledge is, and with doubted, or unsure.
func (s *seenSet) noteAt(id string, rec Record, version int64, asOf time.Time, doubts int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room(id)
	s.all[id] = sight{rec, asOf, max(version, s.all[id].version), doubts}
}

// changed is told when another instance wrote: what was seen before is old.
func (s *seenSet) changed(id string, version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room(id)
	s.all[id] = sight{version: max(version, s.all[id].version)}
}

func (s *seenSet) version(id string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id].version
}

func (s *seenSet) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// room makes place for one more: those not seen lately go, changed ones last; when that is not enough, any.
func (s *seenSet) room(id string) {
	if _, old := s.all[id]; old || len(s.all) < maxSeen {
		return
	}
	now := s.now()
	for k, v := range s.all {
		if now.Sub(v.at) >= seenFor && v.version == 0 {
			delete(s.all, k)
		}
	}
	for k := range s.all {
		if len(s.all) < maxSeen*9/10 {
			return
		}
		delete(s.all, k)
	}
}
