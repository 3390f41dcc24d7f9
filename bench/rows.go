package main

import (
	"context"
	"fmt"

	"github.com/flowpos/flowpos-backend/bench/load"
)

func whoamiOlder(ctx context.Context, b *bench) ([]figure, error) {
	return whoamiRow(ctx, b, b.trio, "whoami", whoami, older)
}

func whoamiNewer(ctx context.Context, b *bench) ([]figure, error) {
	t := b.trio
	t.node = nil // the SDK's 1.x line does not know this version
	return whoamiRow(ctx, b, t, "newer", whoamiNew, newer)
}

func whoamiRow(ctx context.Context, b *bench, t trio, name string, c call, version string) ([]figure, error) {
	of, err := b.rated(ctx, name, t, each(c, b.size.connections), b.size.each, true)
	if err != nil {
		return nil, err
	}
	row := fmt.Sprintf("whoami %s, %d connections", version, b.size.connections)
	allocations := of(figure{row: row, name: "allocated per call", unit: bytesUnit, target: atMost(1.5)}, allocated)
	allocations.node = nil // V8 does not tell
	return []figure{
		of(figure{row: row, name: "rate", unit: perSecond, target: atLeast(0.8)}, rate),
		of(figure{row: row, name: "CPU per call", unit: micros, target: atMost(1.3)}, cpu),
		of(figure{row: row, name: "p99", unit: micros, target: atMost(1.5)}, p99),
		allocations,
	}, nil
}

func toolsList(ctx context.Context, b *bench) ([]figure, error) {
	of, err := b.rated(ctx, "list", b.trio, each(list, b.size.connections), b.size.each, true)
	if err != nil {
		return nil, err
	}
	row := fmt.Sprintf("tools/list, %d connections", b.size.connections)
	return []figure{
		of(figure{row: row, name: "CPU per call", unit: micros, target: atMost(1.2)}, cpu),
		of(figure{row: row, name: "rate", unit: perSecond}, rate),
	}, nil
}

func topProducts(ctx context.Context, b *bench) ([]figure, error) {
	of, err := b.rated(ctx, "products", b.trio, each(products, b.size.readers), b.size.eachQuery, false)
	if err != nil {
		return nil, err
	}
	row := fmt.Sprintf("get_top_products, %d connections", b.size.readers)
	return []figure{
		of(figure{row: row, name: "rate", unit: perSecond, target: atLeast(0.97)}, rate),
		of(figure{row: row, name: "CPU per call", unit: micros, target: atMost(1.3)}, cpu),
	}, nil
}

// sessionsRow ends its sessions in a database of their own: the other rows' server shall know of none.
func sessionsRow(ctx context.Context, b *bench) ([]figure, error) {
	s, err := b.start(ctx, b.ours("bench-ours", endedDatabase))
	if err != nil {
		return nil, err
	}
	defer s.halt()
	s.calls = b.trio.ours.calls
	t := b.trio
	t.ours = s
	of, err := b.rated(ctx, "sessions", t, func(s *server) (steps []load.Step) {
		for range b.size.connections {
			steps = append(steps, s.life(nil))
		}
		return steps
	}, b.size.each, false)
	if err != nil {
		return nil, err
	}
	row := fmt.Sprintf("initialize + initialized + DELETE, %d connections", b.size.connections)
	return []figure{
		of(figure{row: row, name: "rate", unit: perSecond, target: atLeast(0.55)}, rate),
		of(figure{row: row, name: "CPU per session", unit: micros}, cpu),
	}, nil
}
