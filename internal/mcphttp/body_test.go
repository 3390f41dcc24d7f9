package mcphttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

func TestBodyOfManyKeys(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"jsonrpc":"2.0","method":"x"`)
	for i := range 50_000 {
		fmt.Fprintf(&b, `,"k%d":{"a":[1,{"a":2}],"b":"\"a\\"}`, i)
	}
	b.WriteString("}")
	if bad := checkJSON([]byte(b.String())); bad != nil {
		t.Errorf("different keys: %v", bad)
	}
	twice := strings.TrimSuffix(b.String(), "}") + `,"k7":1}`
	if bad := checkJSON([]byte(twice)); bad == nil {
		t.Error("a key twice among 50,000 was not found")
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if bad := checkJSON(nested(maxDepth)); bad != nil {
		t.Errorf("%d levels: %v", maxDepth, bad)
	}
	if bad := checkJSON(nested(maxDepth + 1)); bad == nil || bad.code != jsonrpc.CodeInvalidRequest {
		t.Errorf("%d levels: %v", maxDepth+1, bad)
	}
	if bad := checkJSON([]byte(`{"text":"` + strings.Repeat("[{", 1000) + `\""}`)); bad != nil {
		t.Errorf("brackets in text: %v", bad)
	}
}

// FuzzBody: whatever comes, a body is refused or understood, and what is understood is what the SDK understands.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		initialize("2025-11-25"), callBody(1, "say_hello"), "[" + callBody(1, "a") + "," + callBody(2, "b") + "]", newerCall("a"),
		`{"jsonrpc":"2.0","id":"x","result":{}}`, `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
		`{"a":1,"a":2}`, `{"a":{"b":1},"b":[{"a":"\u0061"}]}`, `"\u0000"`, `{"Method":"x"}`, `[[]]`, `{}`, ``, "\xff", `{"jsonrpc":"2.0","id":1e400,"method":"x"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if bad := checkJSON(body); bad != nil {
			return
		}
		msgs, batch, bad := readMessages(body)
		if bad != nil {
			if bad.status != 400 || bad.message == "" {
				t.Errorf("refused with %+v", bad)
			}
			return
		}
		if batch || len(msgs) != 1 {
			return
		}
		theirs, err := jsonrpc.DecodeMessage(body)
		if err != nil {
			t.Fatalf("the SDK refuses what we take: %v\n%q", err, body)
		}
		a, errA := jsonrpc.EncodeMessage(msgs[0].msg)
		b, errB := jsonrpc.EncodeMessage(theirs)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("understood as %s, the SDK as %s (%v, %v)", a, b, errA, errB)
		}
		if req, ok := theirs.(*jsonrpc.Request); ok && (req.Method != msgs[0].method || req.IsCall() != msgs[0].call) {
			t.Errorf("decided by %q, executed as %q", msgs[0].method, req.Method)
		}
		if !json.Valid(a) {
			t.Errorf("encoded as %q", a)
		}
	})
}
