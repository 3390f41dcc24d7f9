package mcphttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		`{"jsonrpc":"2.0","id":-7,"method":"tools/list","params":{"cursor":""}}`, `{"jsonrpc":"2.0","method":"ping","id":"é\\n"}`,
		` {"params":{"arguments":{"a":[1.5e3,true,null,{"b":{}}],"c":"\"x"},"name":"t","_meta":{"traceparent":"00"}},"id":10,"method":"tools/call","jsonrpc":"2.0"} `,
		`{"jsonrpc":"2.0","id":01,"method":"ping"}`, `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progressToken":1}}}`,
		`{"a":1,"a":2}`, `{"a":{"b":1},"b":[{"a":"\u0061"}]}`, `"\u0000"`, `{"Method":"x"}`, `[[]]`, `{}`, ``, "\xff", `{"jsonrpc":"2.0","id":1e400,"method":"x"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, plain := readPlain(body)
		if bad := checkJSON(body); bad != nil {
			if plain {
				t.Errorf("read as plain, and refused: %v", bad)
			}
			return
		}
		msgs, batch, bad := readMessages(body)
		if plain {
			comparePlain(t, p, msgs, batch, bad)
		}
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

// comparePlain compares the two ways to read a body that the quick one takes.
func comparePlain(t *testing.T, p plainRequest, msgs []message, batch bool, bad *refusal) {
	t.Helper()
	if batch || bad != nil && p.method != "initialize" { // which the plain way checks later
		t.Fatalf("read as plain, otherwise as %v (batch %v)", bad, batch)
	}
	if bad != nil {
		return
	}
	req := msgs[0].msg.(*jsonrpc.Request)
	id, err := json.Marshal(req.ID.Raw())
	if err != nil || req.IsCall() != (p.id != nil) || p.id != nil && !sameJSON(t, string(id), string(p.id)) {
		t.Errorf("id %s, otherwise %s", p.id, id)
	}
	if req.Method != p.method || !bytes.Equal(req.Params, p.params) {
		t.Errorf("%s(%s), otherwise %s(%s)", p.method, p.params, req.Method, req.Params)
	}
	if m := msgs[0].meta; m.progress || m.logs || m.version != string(p.version) {
		t.Errorf("version %q, otherwise %+v", p.version, m)
	}
	var in struct {
		Name      string
		Arguments json.RawMessage
	}
	if p.method == "tools/call" && !p.other && p.params != nil &&
		(json.Unmarshal(p.params, &in) != nil || in.Name != string(p.name) || !bytes.Equal(in.Arguments, p.arguments)) {
		t.Errorf("tool %s(%s), otherwise %s(%s)", p.name, p.arguments, in.Name, in.Arguments)
	}
}

func sameJSON(t testing.TB, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatalf("%v: %s, %s", err, a, b)
	}
	return cmp.Equal(x, y)
}
