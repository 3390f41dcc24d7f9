package tokenhttp

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Whatever arrives is either refused with a sentence, or is what encoding/json reads too.
func FuzzBody(f *testing.F) {
	for _, s := range []string{``, ` `, `{}`, `{"idToken":"x"}`, `{"a":1,"a":2}`, `[1]`, `{"a":{"b":[]}} `, `{"a":`, "{\"\xff\":1}", `{"\u0061":1,"a":2}`, `{}x`, `null`, `{"a":1}{}`, `{"a":"\u0000"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := readFields(httptest.NewRequest("POST", "/mcp/token", strings.NewReader(body)))
		if err != nil {
			e, wrongly := errors.AsType[*wrong](err)
			if p := pos.Public(err); !(wrongly && e.status >= 400 && e.message != "") && p.Code != pos.Invalid {
				t.Fatalf("%v is no sentence", err)
			}
			return
		}
		if strings.TrimSpace(body) == "" && len(got) == 0 {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatalf("encoding/json refuses it: %v", err)
		}
		if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
			t.Fatalf("%v, encoding/json says %v", got, want)
		}
		for name, raw := range got {
			if string(raw) != string(want[name]) {
				t.Fatalf("%s is %s, encoding/json says %s", name, raw, want[name])
			}
		}
	})
}
