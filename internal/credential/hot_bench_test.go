package credential_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// BenchmarkHot is what a request pays for a credential that was met a moment ago, and for a token's signature otherwise.
func BenchmarkHot(b *testing.B) {
	db := dbtest.Open(b)
	db.TwoBusinesses(b)
	start := time.Now()
	d := desk{DB: db, clock: newFrozen(), auth: credential.NewAuthenticator(db.App, slog.New(slog.DiscardHandler), func() time.Time { return start })}
	tokens := d.people(b)
	token, _ := d.signIn(b, tokens, ana, "uid-ana")
	key, _, err := credential.CreateKey(b.Context(), db.Owner, credential.NewKeySpec{BusinessID: dbtest.Shop, Role: pos.RoleMerchant, Scopes: pos.AllScopes()})
	if err != nil {
		b.Fatal(err)
	}
	for name, raw := range map[string]string{"key": key, "token": token} {
		h := bearerOf(raw)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.auth.Authenticate(b.Context(), h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tokens.Verify(token); err != nil {
				b.Fatal(err)
			}
		}
	})
}
