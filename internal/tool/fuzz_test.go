package tool_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Whatever arrives as arguments is answered, or refused in a sentence; nothing is an internal error.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{
		``, `null`, `{}`, `[]`, `{"dish":"x2"}`, `{"dish":"x2","guests":"1e1","salt":"0x1p4","weight":.5}`, `{"dish":"x2","price":"-0.05","spicy":"true"}`,
		`{"dish":"x2","extras":"[\"rice\"]","seats":[1,"2",3.0],"wine":{"name":"a","year":1999}}`, `{"dish":"x2","since":"2026-11-23T10:00:00Z","cook":""}`,
		`{"dish":"x2","period":"today","compare_to":"last_year","limit":100,"cursor":"x","fields":["name"],"detail":"full"}`,
		`{"dish":"x2","from":"2026-02-30","to":"9999-01-01","lang":"en","business":"all"}`, `{"dish":"x\u0000"}`, "{\"dish\":\"\xff\xfe\"}", `{"dish":1e999,"table":-0}`,
		`{"dish":"x2","supplier":"a","notes":1.50}`, strings.Repeat(`{"wine":`, 100), strings.Repeat("[", 20_000),
	} {
		f.Add(s)
	}
	s := set(f, kitchen(tool.Spec[kitchenArgs]{}, menu))
	f.Fuzz(func(t *testing.T, args string) {
		r, err := s.Call(t.Context(), twoShops(), "cook_dish", json.RawMessage(args))
		if err != nil {
			t.Fatal(err)
		}
		if r.Code == pos.Internal || len(r.Text) > 6000 || !utf8.ValidString(r.Text) || strings.ContainsRune(r.Text, 0) || !json.Valid(r.Structured) {
			t.Fatalf("%q: %s %.500q %s", args, r.Code, r.Text, r.Structured)
		}
	})
}
