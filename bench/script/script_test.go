package script_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/bench/script"
)

func TestScriptComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	minute := 5
	in := &script.Script{
		Keys: []string{"k"}, Pool: 8,
		Answers: []script.Answer{{Name: "hello", Request: "{}", Does: script.Queries, Status: 200, Header: map[string]string{"A": "b"}, Body: "<ñ>"}},
		Statements: []script.Statement{{SQL: "SELECT $1", Rows: 3,
			Args: script.Args{"a", []string{"b", "c"}, []string{}, []string(nil), (*int)(nil), &minute, 1.5, 21600.0, true}}},
	}
	path := filepath.Join(t.TempDir(), "script.json")
	if err := in.Write(path); err != nil {
		t.Fatal(err)
	}
	out, err := script.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want := script.Args{"a", []string{"b", "c"}, []string{}, nil, nil, int64(5), 1.5, int64(21600), true}
	if diff := cmp.Diff(want, out.Statements[0].Args); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(in.Answers, out.Answers); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if _, err := out.Find("hello"); err != nil {
		t.Error(err)
	}
	if _, err := out.Find("bye"); err == nil {
		t.Error("an answer that is not there was found")
	}
}

func TestArgumentsOfOtherKindsAreRefused(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`[{"a":1}]`, `[[1]]`, `[1e999]`, `{}`} {
		var a script.Args
		if err := a.UnmarshalJSON([]byte(in)); err == nil {
			t.Errorf("%s was read as %v", in, a)
		}
	}
}
