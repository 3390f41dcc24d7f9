package session_test

import (
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
)

// BenchmarkRedis is what one operation costs on loopback, from one caller and from many.
func BenchmarkRedis(b *testing.B) {
	counts := limit.New[string](time.Now, 10, limit.PerCredential())
	r := openRedis(b, redistest.Open(b), patient, func(o *session.RedisOptions) { o.Counts = counts })
	ref := session.Ref{ID: "m", Until: time.Now().Add(time.Hour), Merchant: true, Who: "grant:g"}
	if err := r.Open(b.Context(), ref); err != nil {
		b.Fatal(err)
	}
	load := func(b *testing.B) {
		if _, err := r.Load(b.Context(), ref); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("Seen", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Seen(ref)
		}
	})
	b.Run("Load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			load(b)
		}
	})
	b.Run("Load with counts", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			counts.Take("grant:g", limit.Requests)
			counts.Take("grant:g", limit.Reads)
			load(b)
		}
	})
	b.Run("Load, many at once", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(16)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				load(b)
			}
		})
	})
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Append(b.Context(), "m", "s", session.Message, []byte("data")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Change", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := r.Change(b.Context(), ref, session.Change{Active: "b1"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
