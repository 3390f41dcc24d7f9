package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/flowpos/flowpos-backend/bench/load"
	"github.com/flowpos/flowpos-backend/bench/script"
)

// The two protocol versions that are measured, one of each era.
const (
	older = "2025-11-25"
	newer = "2026-07-28"
)

// call is a request by name.
type call string

const (
	initialize  call = "initialize"
	initialized call = "initialized"
	whoami      call = "whoami"
	whoamiNew   call = "whoami, newer"
	list        call = "tools/list"
	products    call = "get_top_products"
	tell        call = "tell" // the fixture that sends an event on the stream of its session
)

// body is the whole body of a call: always the same bytes, so that the floor can look its answer up by them.
func (c call) body() string {
	const client = `"name":"bench","version":"1"`
	switch c {
	case initialize:
		return `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"` + older + `","capabilities":{},"clientInfo":{` + client + `}}}`
	case initialized:
		return `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	case whoamiNew:
		return toolCall("whoami", `{},"_meta":{"io.modelcontextprotocol/protocolVersion":"`+newer+
			`","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{`+client+`}}`)
	case list:
		return `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	case products:
		return toolCall("get_top_products", productArguments)
	case tell:
		return toolCall("test_trigger_tool_change", `{}`)
	}
	return toolCall(string(c), `{}`)
}

// does is what the servers beside ours do besides answering.
func (c call) does() script.Does {
	switch c {
	case initialize:
		return script.Opens
	case products:
		return script.Queries
	case tell:
		return script.Tells
	}
	return script.Nothing
}

// productArguments name a month that is over, so that the answer stays the same while it is measured.
const productArguments = `{"period":"last_month"}`

func toolCall(name, arguments string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + arguments + `}}`
}

// request is a call as one session sends it.
func (s *server) request(c call, session, key string) load.Request {
	r := load.Request{Method: "POST", Key: key, Session: session, Version: older, Accept: "application/json, text/event-stream", Body: c.body()}
	switch c {
	case initialize:
		r.Version = ""
	case whoamiNew:
		r.Version, r.Headers = newer, [][2]string{{"Mcp-Method", "tools/call"}, {"Mcp-Name", "whoami"}}
	}
	return r
}

// end is the DELETE of a session.
func (s *server) end(session, key string) load.Request {
	return load.Request{Method: "DELETE", Key: key, Session: session, Version: older}
}

// expected is the one right answer of a server to a call.
type expected struct {
	status int
	kind   string
	body   []byte
}

func (e expected) check(res *load.Response) error {
	if res.Status != e.status || res.Kind != e.kind || !bytes.Equal(res.Body, e.body) {
		same := commonPrefix(res.Body, e.body)
		return fmt.Errorf("wrong answer (did the day change?): status %d, %s, %d bytes as they should be and then %.300s\ninstead of status %d, %s, %.300s",
			res.Status, res.Kind, same, res.Body[same:], e.status, e.kind, e.body[same:])
	}
	return nil
}

func commonPrefix(a, b []byte) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// step makes a call in a session, checked.
func (s *server) step(c call, session string) load.Step {
	request, want := s.request(c, session, s.key).Bytes(s.addr), s.calls[c]
	return func(conn *load.Conn) error {
		res, err := conn.Do(request)
		if err != nil {
			return err
		}
		return want.check(res)
	}
}

// life makes a session and ends it. born, when there is one, gets the id, and the session is left open.
func (s *server) life(born func(id string)) load.Step {
	open := s.request(initialize, "", s.key).Bytes(s.addr)
	begun, said := s.calls[initialize], s.calls[initialized]
	gone := 204
	if s.name == "node" {
		gone = 200
	}
	const mark = "SESSION"
	tell := bytes.SplitN(s.request(initialized, mark, s.key).Bytes(s.addr), []byte(mark), 2)
	end := bytes.SplitN(s.end(mark, s.key).Bytes(s.addr), []byte(mark), 2)
	var buf []byte
	return func(conn *load.Conn) error {
		res, err := conn.Do(open)
		if err != nil {
			return err
		}
		id := res.Session
		if err := begun.check(res); err != nil || id == "" {
			return errors.Join(err, fmt.Errorf("initialize gave the session %q", id))
		}
		buf = append(append(append(buf[:0], tell[0]...), id...), tell[1]...)
		if res, err = conn.Do(buf); err != nil {
			return err
		}
		if err := said.check(res); err != nil {
			return fmt.Errorf("initialized: %w", err)
		}
		if born != nil {
			born(id)
			return nil
		}
		buf = append(append(append(buf[:0], end[0]...), id...), end[1]...)
		if res, err = conn.Do(buf); err != nil {
			return err
		}
		if res.Status != gone {
			return fmt.Errorf("DELETE: status %d %s", res.Status, res.Body)
		}
		return nil
	}
}

// learn asks a server every call once and keeps the answers as the right ones. What ours says is checked in record.go;
// the floor must say the same bytes, Node the same content.
func (s *server) learn(ctx context.Context, ours *server, calls ...call) error {
	s.calls = map[call]expected{}
	first, err := load.Once(ctx, s.addr, s.request(initialize, "", s.key))
	if err != nil {
		return err
	}
	if s.business != "" {
		conn, err := load.Dial(ctx, s.addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := s.choose(conn, first.Session); err != nil {
			return err
		}
	}
	for _, c := range append([]call{initialize, initialized}, calls...) {
		if s.name == "node" && c == whoamiNew {
			continue
		}
		session := first.Session
		if c == initialize || c == whoamiNew {
			session = ""
		}
		res, err := load.Once(ctx, s.addr, s.request(c, session, s.key))
		if err != nil {
			return fmt.Errorf("%s to %s: %w", c, s.name, err)
		}
		if res.Status/100 != 2 {
			return fmt.Errorf("%s to %s: status %d %s", c, s.name, res.Status, res.Body)
		}
		e := expected{res.Status, res.Kind, bytes.Clone(res.Body)}
		if ours != nil {
			if err := e.sameAs(ours.calls[c], s.name == "node"); err != nil {
				return fmt.Errorf("%s: %s answers other than ours: %w", c, s.name, err)
			}
		}
		s.calls[c] = e
	}
	return nil
}

func (e expected) sameAs(ours expected, content bool) error {
	if !content {
		return ours.check(&load.Response{Status: e.status, Kind: e.kind, Body: e.body})
	}
	if e.status != ours.status || len(ours.body) == 0 {
		return nil
	}
	a, err := readResult(e.body)
	if err != nil {
		return err
	}
	b, err := readResult(ours.body)
	if err != nil {
		return err
	}
	if len(a.Tools) < len(b.Tools) || !reflect.DeepEqual(a.Structured, b.Structured) {
		return fmt.Errorf("%.300s", e.body)
	}
	return nil
}

// result is what answers are compared by.
type result struct {
	Tools      []struct{ Name string }
	Structured any `json:"structuredContent"`
	IsError    bool
}

// readResult reads an answer, also one that came as a single server-sent event.
func readResult(body []byte) (result, error) {
	if _, data, ok := bytes.Cut(body, []byte("data: ")); ok && !bytes.HasPrefix(body, []byte("{")) {
		body = data
	}
	var m struct {
		Result result
		Error  any
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&m); err != nil {
		return m.Result, fmt.Errorf("%w: %.200s", err, body)
	}
	if m.Error != nil || m.Result.IsError {
		return m.Result, fmt.Errorf("an error: %.300s", body)
	}
	return m.Result, nil
}

// open makes n sessions, which the steps of a row use, one a connection.
func (s *server) open(ctx context.Context, n int) error {
	if n <= len(s.ids) {
		return nil
	}
	step := s.life(func(id string) { s.ids = append(s.ids, id) })
	_, err := load.Run(ctx, load.Options{Addr: s.addr, Steps: []load.Step{step}, For: time.Minute, Calls: n - len(s.ids)})
	return err
}
