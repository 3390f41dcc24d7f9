// Package tooltest calls tools in tests the way the endpoint does, and holds the checks that run over all tools.
package tooltest

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// Set makes a set of tools at a fixed moment, silent in the log.
func Set(t testing.TB, now time.Time, tools ...tool.Tool) *tool.Set {
	t.Helper()
	s, err := tool.NewSet(Log(), func() time.Time { return now }, tools...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Log is a logger that says nothing.
func Log() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Call runs a tool with JSON arguments and returns its result; an unknown tool stops the test. A successful answer is
// validated against the tool's full output schema.
func Call(t testing.TB, s *tool.Set, c pos.Caller, name, args string) tool.Result {
	t.Helper()
	r, err := s.Call(context.WithoutCancel(t.Context()), c, name, json.RawMessage(args))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if r.Code == "" {
		validate(t, s, name, r)
	}
	return r
}

// Data calls a tool that must succeed and decodes the structured answer into out.
func Data(t testing.TB, s *tool.Set, c pos.Caller, name, args string, out any) tool.Result {
	t.Helper()
	r := Call(t, s, c, name, args)
	if r.Code != "" {
		t.Fatalf("%s(%s): %s", name, args, r.Text)
	}
	if err := json.Unmarshal(r.Structured, out); err != nil {
		t.Fatalf("%s(%s): %v in %s", name, args, err, r.Structured)
	}
	return r
}

func validate(t testing.TB, s *tool.Set, name string, r tool.Result) {
	t.Helper()
	for _, tl := range s.Tools() {
		if tl.Name != name {
			continue
		}
		schema, err := outputOf(s, tl)
		if err != nil {
			t.Fatalf("%s: output schema: %v", name, err)
		}
		var v any
		if err := json.Unmarshal(r.Structured, &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: the answer does not fit its output schema: %v\n%s", name, err, r.Structured)
		}
	}
}

type resolvedKey struct {
	set  *tool.Set
	name string
}

var resolved sync.Map // resolvedKey to *jsonschema.Resolved: resolving takes longer than most of our answers

func outputOf(s *tool.Set, tl tool.Tool) (*jsonschema.Resolved, error) {
	key := resolvedKey{s, tl.Name}
	if r, ok := resolved.Load(key); ok {
		return r.(*jsonschema.Resolved), nil
	}
	r, err := tl.Output().Resolve(nil)
	if err == nil {
		resolved.Store(key, r)
	}
	return r, err
}
