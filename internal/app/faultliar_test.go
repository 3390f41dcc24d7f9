package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// lie answers in the place of a program, or leaves it to the program.
type lie func(p *passage)

// passage is one request on its way to a program, and what is answered in the end.
type passage struct {
	*http.Request
	key, body string
	to        string

	status int
	header http.Header
	answer []byte
}

// forward asks the program. A client that hangs up is hung up on.
func (p *passage) forward(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, p.Method, "http://"+p.to+p.URL.RequestURI(), strings.NewReader(p.body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Header = p.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	if p.answer, err = io.ReadAll(resp.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	p.status, p.header = resp.StatusCode, resp.Header.Clone()
	p.header.Del("Content-Length")
}

// asks says whether the request calls a tool with a key.
func (p *passage) asks(s *served, who, name string) bool {
	return p.key == s.keys[who] && strings.Contains(p.body, fmt.Sprintf(`"name":%q`, name))
}

// says is what the lie answers: a status without more.
func (p *passage) says(status int) {
	p.status, p.header, p.answer = status, http.Header{"X-Request-Id": {"liar"}}, []byte("{}")
}

// fails answers a call with a failure.
func (p *passage) fails(code pos.Code, message string) {
	p.says(http.StatusOK)
	p.answer = fmt.Appendf(nil, `{"jsonrpc":"2.0","id":7,"result":{"isError":true,"content":[{"type":"text","text":%q}],`+
		`"structuredContent":{"code":%q,"message":%q,"retryable":%t,"request_id":"liar"}}}`, string(code)+": "+message, code, message, code.Retryable())
}

// does answers a call with data.
func (p *passage) does(data string) {
	p.says(http.StatusOK)
	p.answer = fmt.Appendf(nil, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"done"}],"structuredContent":{"data":%s}}}`, data)
}

// changed replaces a word of the program's answer.
func (p *passage) changed(before, after string) {
	if !bytes.Contains(p.answer, []byte(before)) {
		p.says(http.StatusTeapot) // a lie that says nothing proves nothing
		return
	}
	p.answer = bytes.ReplaceAll(p.answer, []byte(before), []byte(after))
}

func (p *passage) problem() string {
	var v struct {
		Result struct{ StructuredContent problem }
	}
	_ = json.Unmarshal(p.answer, &v) // what is no failure has no code
	return v.Result.StructuredContent.Code
}

// believe puts a liar between the clients of s and the program from now on. It has none of the program's limits.
func (s *served) believe(t testing.TB, l lie) {
	t.Helper()
	program := s.host
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &passage{Request: r, to: program, key: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
		if r.ContentLength > 1<<20 || r.ContentLength < 0 {
			p.says(http.StatusOK)
		} else {
			b, _ := io.ReadAll(r.Body) // of a client that hangs up there is no more
			p.body = string(b)
			l(p)
			if p.status == 0 {
				p.forward(r.Context())
			}
		}
		for name, values := range p.header {
			w.Header()[name] = values
		}
		w.WriteHeader(p.status)
		_, _ = w.Write(p.answer) // a client that has gone
	}))
	t.Cleanup(func() {
		liar.CloseClientConnections()
		liar.Close()
	})
	s.host = strings.TrimPrefix(liar.URL, "http://")
}
