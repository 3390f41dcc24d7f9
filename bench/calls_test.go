package main

import (
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/bench/load"
)

const rightAnswer = `{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"a":1},"tools":[{"name":"x"}]}}`

func TestAnyOtherAnswerIsWrong(t *testing.T) {
	t.Parallel()
	want := expected{200, "application/json", []byte(rightAnswer)}
	if err := want.check(&load.Response{Status: 200, Kind: "application/json", Body: []byte(rightAnswer)}); err != nil {
		t.Errorf("the right answer: %v", err)
	}
	for name, res := range map[string]load.Response{
		"another status": {Status: 202, Kind: "application/json", Body: []byte(rightAnswer)},
		"another form":   {Status: 200, Kind: "text/event-stream", Body: []byte(rightAnswer)},
		"another figure": {Status: 200, Kind: "application/json", Body: []byte(strings.Replace(rightAnswer, `"a":1`, `"a":2`, 1))},
		"no body":        {Status: 200, Kind: "application/json"},
	} {
		if err := want.check(&res); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestNodeIsComparedByContent(t *testing.T) {
	t.Parallel()
	ours := expected{200, "application/json", []byte(rightAnswer)}
	event := func(result string) expected {
		return expected{200, "text/event-stream", []byte("event: message\ndata: {\"result\":" + result + ",\"jsonrpc\":\"2.0\",\"id\":1}\n\n")}
	}
	if err := event(`{"tools":[{"name":"x"}],"structuredContent":{"a":1}}`).sameAs(ours, true); err != nil {
		t.Errorf("the same content: %v", err)
	}
	for name, result := range map[string]string{
		"another figure": `{"tools":[{"name":"x"}],"structuredContent":{"a":2}}`,
		"fewer tools":    `{"tools":[],"structuredContent":{"a":1}}`,
		"a failure":      `{"tools":[{"name":"x"}],"structuredContent":{"a":1},"isError":true}`,
		"nothing":        `null`,
	} {
		if err := event(result).sameAs(ours, true); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := event(`{}`).sameAs(ours, false); err == nil {
		t.Error("the floor may not answer other bytes")
	}
}

func TestResultsStandBetweenTheMarks(t *testing.T) {
	t.Parallel()
	first := placed("", "one\n")
	page := strings.Replace(first, "# Measurements\n", "# Measurements\n\nBy hand.\n", 1) + "\nWhat was tried.\n"
	second := placed(page, "two\n")
	for _, want := range []string{"By hand.", "What was tried.", "two"} {
		if !strings.Contains(second, want) {
			t.Errorf("%q is missing:\n%s", want, second)
		}
	}
	if strings.Contains(second, "one\n") || strings.Count(second, markBegin) != 1 {
		t.Errorf("the old results are still there:\n%s", second)
	}
}
