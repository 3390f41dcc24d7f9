package mcphttp

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxBatch bounds the messages of one body.
const maxBatch = 50

// newest is the first version of the newer era: requests that stand alone.
const newest = "2026-07-28"

// message is one JSON-RPC message of a body, read once: what the endpoint decides by, and what the SDK gets.
type message struct {
	msg    jsonrpc.Message
	method string // empty: a response
	call   bool   // wants an answer
	params json.RawMessage
	meta   meta
}

// meta is what counts here of params._meta.
type meta struct {
	version  string // the newer era's protocol version
	progress bool   // asks for progress notifications
	logs     bool   // asks for log messages
}

// readMessages splits a checked body. Names are compared exactly, as the SDK does: what is decided by one spelling must
// not be executed by another.
func readMessages(body []byte) (msgs []message, batch bool, _ *refusal) {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 {
		return nil, false, parseError("the body is empty")
	}
	if body[0] != '[' {
		m, err := readMessage(body)
		return []message{m}, false, err
	}
	var parts []json.RawMessage
	if json.Unmarshal(body, &parts) != nil || len(parts) == 0 {
		return nil, true, invalidRequest("the batch is empty")
	}
	if len(parts) > maxBatch {
		return nil, true, invalidRequest("the batch has more than " + strconv.Itoa(maxBatch) + " messages")
	}
	ids := map[jsonrpc.ID]bool{}
	for _, p := range parts {
		m, err := readMessage(p)
		if err != nil {
			return nil, true, err
		}
		if req, ok := m.msg.(*jsonrpc.Request); ok && m.call {
			if ids[req.ID] {
				return nil, true, invalidRequest("two calls of the batch have the same id")
			}
			ids[req.ID] = true
		}
		msgs = append(msgs, m)
	}
	return msgs, true, nil
}

func readMessage(body []byte) (message, *refusal) {
	var f map[string]json.RawMessage // a struct would also take "Method" for "method"
	if json.Unmarshal(body, &f) != nil || f == nil {
		return message{}, invalidRequest("a JSON-RPC message is an object")
	}
	var m message
	if raw, ok := f["method"]; ok {
		if json.Unmarshal(raw, &m.method) != nil || m.method == "" {
			return message{}, invalidRequest("method is not the name of a method")
		}
	}
	if string(f["jsonrpc"]) != `"2.0"` || m.method == "initialize" && !complete(f) {
		if m.method == "initialize" {
			return message{}, invalidRequest("initialize is incomplete; a complete body is: " + initializeExample)
		}
		return message{}, invalidRequest(`jsonrpc must be "2.0"`)
	}
	id, err := readID(f["id"])
	if err != nil {
		return message{}, err
	}
	m.params, m.call = f["params"], id.IsValid()
	if m.method != "" {
		m.meta = readMeta(m.params)
		m.msg = &jsonrpc.Request{ID: id, Method: m.method, Params: m.params}
		return m, nil
	}
	if !m.call || f["result"] == nil && f["error"] == nil {
		return message{}, invalidRequest("the message is neither a call nor an answer: it has no method")
	}
	m.call = false
	msg, derr := jsonrpc.DecodeMessage(body)
	if derr != nil {
		return message{}, invalidRequest("the answer is not a JSON-RPC response")
	}
	m.msg = msg
	return m, nil
}

const initializeExample = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"my-client","version":"1.0"}}}`

// complete says whether initialize has what it cannot do without. Capabilities and clientInfo may be missing: scripts
// leave them out, and nothing depends on them.
func complete(f map[string]json.RawMessage) bool {
	var p map[string]json.RawMessage
	if f["id"] == nil || json.Unmarshal(f["params"], &p) != nil {
		return false
	}
	var version string
	if json.Unmarshal(p["protocolVersion"], &version) == nil && version != "" {
		return true
	}
	return readMeta(f["params"]).version != ""
}

// readID takes text and whole numbers that a float64 holds exactly; the SDK reads numbers as that.
func readID(raw json.RawMessage) (jsonrpc.ID, *refusal) {
	if raw == nil {
		return jsonrpc.ID{}, nil
	}
	bad := invalidRequest("id is neither text nor a whole number")
	var v any
	if json.Unmarshal(raw, &v) != nil || v == nil {
		return jsonrpc.ID{}, bad
	}
	const exact = 1 << 53
	if n, ok := v.(float64); ok && (n != float64(int64(n)) || n > exact || n < -exact) {
		return jsonrpc.ID{}, bad
	}
	id, err := jsonrpc.MakeID(v)
	if err != nil {
		return jsonrpc.ID{}, bad
	}
	return id, nil
}

func readMeta(params json.RawMessage) (m meta) {
	var p map[string]json.RawMessage
	if !bytes.Contains(params, []byte(`_meta`)) && !bytes.Contains(params, []byte(`\u`)) || json.Unmarshal(params, &p) != nil {
		return m
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(p["_meta"], &fields) != nil {
		return m
	}
	if json.Unmarshal(fields[mcp.MetaKeyProtocolVersion], &m.version) != nil {
		m.version = ""
	}
	m.progress = fields["progressToken"] != nil
	//lint:ignore SA1019 clients of the newer era still ask for log messages
	m.logs = fields[mcp.MetaKeyLogLevel] != nil
	return m
}
