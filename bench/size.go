package main

import "time"

// size is how much is measured.
type size struct {
	rounds      int
	warm, each  time.Duration
	eachQuery   time.Duration // of the row that queries: a call is a tenth of a second, and a few more or less must not matter
	eachShared  time.Duration // of the rows with Redis, which are many
	connections int
	readers     int // connections of the row that queries: fewer than the pool, so that nobody waits for one
	idle        int // sessions
	idleNode    int // an SDK server a session is megabytes by the thousand
	streams     int
	ended       int // sessions
	endedNode   int
	endedAtMost time.Duration
	starts      int
	asked       int // events and answers told by another instance, in a round
}

func sizes(quick bool) size {
	if quick {
		return size{rounds: 3, warm: 300 * time.Millisecond, each: time.Second, eachQuery: 1500 * time.Millisecond, eachShared: 600 * time.Millisecond, connections: 64, readers: 4,
			idle: 2_000, idleNode: 200, streams: 500, ended: 5_000, endedNode: 500, endedAtMost: 20 * time.Second, starts: 3, asked: 100}
	}
	return size{rounds: 5, warm: 500 * time.Millisecond, each: 4 * time.Second, eachQuery: 8 * time.Second, eachShared: 1500 * time.Millisecond, connections: 64, readers: 4,
		idle: 10_000, idleNode: 1_000, streams: 5_000, ended: 250_000, endedNode: 10_000, endedAtMost: 3 * time.Minute, starts: 5, asked: 300}
}
