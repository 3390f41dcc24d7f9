package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/flowpos/flowpos-backend/bench/load"
)

// endedSessions compares a server that has seen many sessions come and go with one that has not, both measured in turn
// afterwards. The fresh one is on a database without closed sessions: it would read the others'.
func endedSessions(ctx context.Context, b *bench) ([]figure, error) {
	aged, err := b.start(ctx, b.ours("bench-ours", endedDatabase))
	if err != nil {
		return nil, err
	}
	defer aged.halt()
	fresh, err := b.start(ctx, b.ours("bench-ours", mainDatabase))
	if err != nil {
		return nil, err
	}
	defer fresh.halt()
	// A few of them on the fresh one too, or the pages of code that they need would count as growth.
	if _, err := b.age(ctx, fresh, 10*b.size.connections); err != nil {
		return nil, err
	}
	n, err := b.age(ctx, aged, b.size.ended)
	if err != nil {
		return nil, err
	}
	row := fmt.Sprintf("after %d ended sessions", n)
	unreached := ""
	if n < b.size.ended {
		unreached = fmt.Sprintf("%d of %d sessions within %s", n, b.size.ended, b.size.endedAtMost)
		b.notes = append(b.notes, "ended sessions: only "+unreached)
	}
	r, m, err := b.against(ctx, aged, fresh)
	if err != nil {
		return nil, err
	}
	r.row, r.target, r.unreached = row+" (floor: fresh)", atLeast(0.95), unreached
	m.row, m.target, m.unreached = r.row, atMost(1.1), unreached
	if b.nodeBinary != "" {
		err = b.endedNode(ctx, &r, &m)
	}
	return []figure{r, m}, err
}

// endedNode does the same with Node, with fewer sessions: thousands a second are not its way.
func (b *bench) endedNode(ctx context.Context, r, m *figure) error {
	path := filepath.Join(b.dir, "script-node.json")
	if err := b.script.Write(path); err != nil {
		return err
	}
	var pair [2]*server
	for i := range pair {
		s, err := b.start(ctx, b.nodeProgram(path))
		if err != nil {
			return err
		}
		defer s.halt()
		s.calls = b.trio.node.calls
		pair[i] = s
	}
	n, err := b.age(ctx, pair[0], b.size.endedNode)
	if err != nil {
		return err
	}
	b.notes = append(b.notes, fmt.Sprintf("ended sessions: Node's figures are after %d", n))
	nr, nm, err := b.against(ctx, pair[0], pair[1])
	r.node, r.nodeBase, m.node, m.nodeBase = nr.ours, nr.base, nm.ours, nm.base
	return err
}

// age lets n sessions come and go, or as many as there is time for.
func (b *bench) age(ctx context.Context, s *server, n int) (int, error) {
	if s.calls == nil {
		s.calls = b.trio.ours.calls
	}
	var steps []load.Step
	for range b.size.connections {
		steps = append(steps, s.life(nil))
	}
	res, err := load.Run(ctx, load.Options{Addr: s.addr, Steps: steps, For: b.size.endedAtMost, Calls: n})
	return res.Calls, err
}

// against measures whoami of two servers of one kind in turn, and then their memory.
func (b *bench) against(ctx context.Context, aged, fresh *server) (r, m figure, err error) {
	fresh.calls = aged.calls
	servers := []*server{fresh, aged}
	for _, s := range servers {
		if err := s.open(ctx, b.size.connections); err != nil {
			return r, m, err
		}
	}
	rounds, err := b.interleaved(ctx, servers, each(whoami, b.size.connections), b.size.each, true)
	if err != nil {
		return r, m, err
	}
	r = figure{name: "whoami rate", unit: perSecond, base: rounds[fresh].of(rate), ours: rounds[aged].of(rate)}
	m = figure{name: "memory", unit: mebibytes}
	if m.base, err = settledMemory(ctx, fresh); err != nil {
		return r, m, err
	}
	if m.ours, err = settledMemory(ctx, aged); err != nil {
		return r, m, err
	}
	return r, m, b.heap(ctx, "ended", aged)
}

// settledMemory is what the process has in memory after everything went back that can.
func settledMemory(ctx context.Context, s *server) ([]float64, error) {
	if _, err := s.quiet(ctx); err != nil {
		return nil, err
	}
	rss, err := residentMemory(s.cmd.Process.Pid)
	return []float64{rss}, err
}

// startUp starts programs in turn: the product's own binary, without the window.
func startUp(ctx context.Context, b *bench) ([]figure, error) {
	path := filepath.Join(b.dir, "script-start.json")
	s := *b.script
	s.Keys = s.Keys[:1]
	if err := s.Write(path); err != nil {
		return nil, err
	}
	programs := []program{b.floor(path), b.ours("flowpos", mainDatabase)}
	if b.nodeBinary != "" {
		programs = append(programs, b.nodeProgram(path))
	}
	took, memory, err := b.startsOf(ctx, programs...)
	if err != nil {
		return nil, err
	}
	const row = "start of serve"
	return []figure{
		{row: row, name: "to the first initialize answer", unit: millis, base: took["floor"], ours: took["ours"], node: took["node"], target: atMost(1.5)},
		{row: row, name: "memory then", unit: mebibytes, base: memory["floor"], ours: memory["ours"], node: memory["node"], target: atMost(1.5)},
	}, nil
}

// startsOf starts programs in turn, several times, and stops each again: how long until they answered, and what they had in
// memory then.
func (b *bench) startsOf(ctx context.Context, programs ...program) (took, memory map[string][]float64, err error) {
	took, memory = map[string][]float64{}, map[string][]float64{}
	for range b.size.starts {
		for _, p := range programs {
			s, err := b.start(ctx, p)
			if err != nil {
				return nil, nil, err
			}
			rss, err := residentMemory(s.cmd.Process.Pid)
			s.halt()
			if err != nil {
				return nil, nil, err
			}
			took[p.name] = append(took[p.name], float64(s.first.Microseconds())/1000)
			memory[p.name] = append(memory[p.name], rss)
		}
	}
	return took, memory, nil
}
