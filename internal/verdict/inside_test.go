package verdict

import "testing"

func TestInside(t *testing.T) {
	t.Parallel()
	for _, shown := range []string{
		"ERROR (SQLSTATE 42P01)", "near: Select\tid", "pgx: closed", "pgconn", "PostgreSQL", "/run/.s.PGSQL.5432", "Redis", "role flowpos_app", "flowpos_owner",
		"goroutine 7 [running]", "runtime/debug.Stack", "handler.go:12", "Panic", "context canceled", "context deadline exceeded", "unexpected EOF",
		"/tmp/x", "/dev/shm/x", "dial tcp", "127.0.0.1:80",
	} {
		if Inside("ventas de hoy: "+shown+", Q 12.00") == "" {
			t.Errorf("%q is not seen", shown)
		}
	}
	for _, said := range []string{"selected", "Selecta", "medial", "radial", "geofence", "goroutines", "the context of the shop", "a.go: b", "Q 127.00"} {
		if found := Inside("ventas de hoy: " + said + "."); found != "" {
			t.Errorf("%q shows %q of the inside", said, found)
		}
	}
}
