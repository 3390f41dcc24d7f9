package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Bounds of one visit.
const (
	usualPatience  = 90 * time.Second
	requestTime    = 15 * time.Second // a cold start is a few seconds
	mostBytes      = 4 << 20
	most           = 160 // characters of a server's sentence that are repeated
	reachFix       = "check the URL, that the revision serves, and that the service lets everybody in (--allow-unauthenticated)"
	protocolOlder  = "2025-11-25"
	protocolNewer  = "2026-07-28"
	headerSession  = "Mcp-Session-Id"
	headerProtocol = "Mcp-Protocol-Version"
)

// visit is one run with what it learned on the way.
type visit struct {
	o       Options
	client  *http.Client
	secrets []string
	token   string // from the exchange
	opened  []opened
	state   health
}

// opened is a session of one of the credentials.
type opened struct {
	who, credential, id string
	closed              bool
}

func newVisit(o Options) *visit {
	o.URL = strings.TrimSuffix(strings.TrimSuffix(o.URL, "/"), "/mcp")
	if o.PublicURL = strings.TrimSuffix(o.PublicURL, "/"); o.PublicURL == "" {
		o.PublicURL = o.URL
	}
	if o.Patience == 0 {
		o.Patience = usualPatience
	}
	v := &visit{o: o, client: o.Client}
	if v.client == nil {
		// A connection of its own for each request reaches more instances than one that is kept, and no cookie ties them together.
		v.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second}}
	}
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	v.secret(o.IDToken)
	v.secret(o.Key)
	return v
}

func (v *visit) secret(s string) {
	if s != "" {
		v.secrets = append(v.secrets, s)
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// request is one that is sent; headers beside the credential and the content type come in pairs.
type request struct {
	method, path, credential, body string
	headers                        []string
}

// ask sends a request and reads its answer, both bounded.
func (v *visit) ask(ctx context.Context, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, v.o.URL+r.path, strings.NewReader(r.body))
	if err != nil {
		return answer{}, errors.New("the URL cannot be used")
	}
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("User-Agent", "flowpos-verify")
	if r.credential != "" {
		req.Header.Set("Authorization", "Bearer "+r.credential)
	}
	for i := 0; i+1 < len(r.headers); i += 2 {
		req.Header.Set(r.headers[i], r.headers[i+1])
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %s", r.method, r.path, cause(err))
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, mostBytes))
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: the answer broke off: %s", r.method, r.path, cause(err))
	}
	return answer{resp.StatusCode, resp.Header, b}, nil
}

// cause is an error of the HTTP client without the URL, which the report names once.
func cause(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}

// says is a failure as the server words it, bounded and on one line, or its status alone.
func (a answer) says() string {
	var m struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
		Result struct {
			IsError bool
			Content []struct{ Text string }
		}
	}
	text := ""
	if json.Unmarshal(a.body, &m) == nil {
		if text = m.Error.Message; text == "" && m.Result.IsError && len(m.Result.Content) > 0 {
			text = m.Result.Content[0].Text
		}
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	if to := a.header.Get("Location"); to != "" && text == "" {
		text = "sends elsewhere"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, text))
}

// object reads the body as a JSON object.
func (a answer) object() map[string]any {
	var m map[string]any
	if json.Unmarshal(a.body, &m) != nil {
		return nil
	}
	return m
}

// call sends a JSON-RPC request to the endpoint and returns its result, from JSON or from an event stream.
func (v *visit) call(ctx context.Context, credential, method, params string, headers ...string) (json.RawMessage, answer, error) {
	a, err := v.ask(ctx, request{"POST", "/mcp", credential, `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`, headers})
	if err != nil {
		return nil, a, err
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		for line := range bytes.Lines(a.body) {
			if data, ok := bytes.CutPrefix(line, []byte("data:")); ok && bytes.Contains(data, []byte(`"result"`)) {
				a.body = bytes.TrimSpace(data)
			}
		}
	}
	var m struct{ Result json.RawMessage }
	if a.status != http.StatusOK || json.Unmarshal(a.body, &m) != nil {
		return nil, a, nil
	}
	return m.Result, a, nil
}

// credentials are those that can be used, with what to call them.
func (v *visit) credentials() (out []opened) {
	if v.token != "" {
		out = append(out, opened{who: "access token", credential: v.token})
	}
	if v.o.Key != "" {
		out = append(out, opened{who: "API key", credential: v.o.Key})
	}
	return out
}

func (v *visit) needsCredential() error {
	if v.o.IDToken != "" {
		return lacks("the exchange gave no access token, and there is no --key")
	}
	return lacks("needs --id-token or --key")
}
