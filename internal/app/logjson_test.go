package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// The log keeps to log/slog's rules for handlers, with Cloud Logging's names.
func TestJSONLinesIsAHandler(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return newJSONLines(&out, slog.LevelDebug)
	}, func(t *testing.T) map[string]any {
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, &out)
		}
		for theirs, ours := range map[string]string{slog.LevelKey: "severity", slog.MessageKey: "message"} {
			if v, ok := line[ours]; ok {
				delete(line, ours)
				line[theirs] = v
			}
		}
		return line
	})
}

func TestJSONLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(newJSONLines(&out, slog.LevelInfo))
	log.Debug("not this")
	log.Warn("a \"line\"\n\u202e\x00\xff", "text", "</script>", "took", 1500*time.Microsecond, "n", -7, "u", uint64(1<<63), "yes", true, "at",
		time.Date(2026, 11, 23, 6, 0, 0, 5, time.FixedZone("", -6*3600)), "cause", errors.New("no\n\"way\""), "list", []string{"a"},
		"odd", func() {}, slog.Any("", &pos.Called{Tool: "whoami", Credential: "key:\"1", Took: 61*time.Second + 23456*time.Microsecond, Code: pos.Overloaded, Err: errors.New("why")}),
		slog.Group("g", "a", 1), slog.Group("", "inline", 2), slog.Group("none"))
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("%v: %s", err, &out)
	}
	if _, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil {
		t.Error(err)
	}
	delete(got, "time")
	delete(got, "odd") // an address
	want := map[string]any{
		"tool": "whoami", "credential": "key:\"1", "call_took": "61.023456s", "code": "overloaded",
		"severity": "WARNING", "message": "a \"line\"\n\u202e\x00\ufffd", "text": "</script>", "took": "0.001500s", "n": -7.0, "u": 9223372036854775808.0,
		"yes": true, "cause": "no\n\"way\"", "at": "2026-11-23T12:00:00.000000005Z", "error": "why", "list": []any{"a"}, "g": map[string]any{"a": 1.0}, "inline": 2.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}
