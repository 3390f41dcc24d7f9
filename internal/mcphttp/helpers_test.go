package mcphttp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/mcphttp/fixtures"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
	"github.com/flowpos/flowpos-backend/internal/session/sessiontest"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// TestMain looks for goroutines of ours that outlived every test: each has an owner that waits for it.
func TestMain(m *testing.M) {
	code := m.Run()
	var left []string
	for range 100 {
		if left = ours(); len(left) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(left) > 0 {
		fmt.Printf("FAIL: %d goroutines left, the first:\n%s\n", len(left), left[0])
		code = 1
	}
	os.Exit(code)
}

func ours() (stacks []string) {
	buf := make([]byte, 1<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if !strings.Contains(g, "mcphttp.TestMain") && (strings.Contains(g, "internal/mcphttp.") || strings.Contains(g, "go-sdk/")) {
			stacks = append(stacks, g)
		}
	}
	return stacks
}

// door is an Authenticator with keys that a test hands out and takes back.
type door struct {
	mu      sync.Mutex
	callers map[string]pos.Caller
	fail    error
}

type refusedTest struct{ sent bool }

func (refusedTest) Error() string          { return "refused" }
func (r refusedTest) CredentialSent() bool { return r.sent }

func (d *door) Authenticate(_ context.Context, h http.Header) (pos.Caller, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return pos.Caller{}, d.fail
	}
	key, _ := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	c, ok := d.callers[key]
	if !ok {
		return pos.Caller{}, refusedTest{key != ""}
	}
	return c, nil
}

func (d *door) AuthenticateWarily(ctx context.Context, h http.Header, look func() bool) (pos.Caller, error) {
	if h.Get("Authorization") != "" && !look() {
		return pos.Caller{}, refusedTest{true}
	}
	return d.Authenticate(ctx, h)
}

func (d *door) Recheck(_ context.Context, c pos.Caller) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	for _, have := range d.callers {
		if have.Credential == c.Credential {
			return nil
		}
	}
	return refusedTest{true}
}

func (d *door) takeBack(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.callers, key)
}

func (d *door) break_(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = err
}

// newDoor knows ana (owner of the shop), luis (owner of its neighbour), both (owner of the two).
func newDoor(t testing.TB) *door {
	ana := dbtest.Caller(t)
	luis, both := ana, ana
	theirs := ana.Businesses[0]
	theirs.ID, theirs.Name = dbtest.Neighbour, "Tienda Ajena"
	luis.Credential, luis.Businesses = "key:luis", []pos.Business{theirs}
	both.Credential, both.Businesses = "key:both", []pos.Business{ana.Businesses[0], theirs}
	return &door{callers: map[string]pos.Caller{"ana": ana, "luis": luis, "both": both}}
}

// work is a tool that runs until it is told to end.
type work struct {
	started chan struct{}
	end     chan struct{}
	ended   chan error
}

func newWork() *work {
	return &work{make(chan struct{}, 10), make(chan struct{}), make(chan error, 10)}
}

type none struct{}

type said struct {
	Word string `json:"word" jsonschema:"what was said"`
}

func newTool(name string, effect tool.Effect, where tool.Where, fn func(ctx context.Context, c pos.Caller) (string, error)) tool.Tool {
	return tool.New(tool.Spec[none]{
		Name: name, Title: tool.Title{ES: name, EN: name}, About: name + ".", Scopes: tool.AnyScope(), Effect: effect, Where: where,
		For: tool.Everyone, Default: tool.EveryKind, Toolset: pos.ToolsetContext,
	}, func(ctx context.Context, c pos.Caller, _ none) (a tool.Answer[said, struct{}], err error) {
		a.Data.Word, err = fn(ctx, c)
		a.Body = func(t *tool.Text) { t.Line("%s", "%s", a.Data.Word) }
		return a, err
	})
}

func (w *work) tools() []tool.Tool {
	inventory := newTool("get_inventory", tool.Reads, tool.One, func(context.Context, pos.Caller) (string, error) { return "three", nil })
	inventory.Default, inventory.Toolset = tool.OnRequest, pos.ToolsetStock
	return []tool.Tool{
		inventory,
		newTool("say_hello", tool.Reads, tool.Nowhere, func(context.Context, pos.Caller) (string, error) { return "hello", nil }),
		newTool("say_where", tool.Reads, tool.One, func(_ context.Context, c pos.Caller) (string, error) { return c.Business().Name, nil }),
		newTool("write_down", tool.Adds, tool.One, func(context.Context, pos.Caller) (string, error) { return "done", nil }),
		newTool("break_down", tool.Reads, tool.Nowhere, func(context.Context, pos.Caller) (string, error) { return "", io.ErrUnexpectedEOF }),
		newTool("work_on", tool.Reads, tool.Nowhere, func(ctx context.Context, _ pos.Caller) (string, error) {
			w.started <- struct{}{}
			select {
			case <-ctx.Done():
				w.ended <- ctx.Err()
				return "", ctx.Err()
			case <-w.end:
				w.ended <- nil
				return "worked", nil
			}
		}),
	}
}

// instance is one running endpoint.
type instance struct {
	*Handler
	url  string
	door *door
	work *work
}

type setup struct {
	door    *door
	log     session.ClosedLog
	now     func() time.Time
	change  func(*Handler)
	options func(*Options)
}

// start runs an endpoint with the fixtures, over real HTTP.
func start(t testing.TB, s setup) *instance {
	t.Helper()
	if s.door == nil {
		s.door = newDoor(t)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = &sessiontest.Log{Now: s.now}
	}
	w := newWork()
	set, err := tool.NewSet(slog.New(slog.DiscardHandler), s.now, w.tools()...)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	o := Options{
		Auth: s.door, Tools: set, Secret: []byte("a secret of at least 32 characters"),
		PublicURL: "https://pos.example.com", AllowedHosts: []string{"pos.example.net"}, Loopback: true,
		StreamMax: time.Minute, Concurrency: 80, Version: "test", Log: slog.New(slog.DiscardHandler), Now: s.now, Extra: fixtures.Set{},
		NoFront: strings.HasPrefix(t.Name(), withoutFront),
	}
	if s.options != nil {
		s.options(&o)
	}
	all := endpoints(t, o, s)
	mux := http.NewServeMux()
	for _, p := range Patterns() {
		mux.Handle(p, inTurn(all))
	}
	srv.Config.Handler = mux
	srv.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for _, h := range all {
			h.Drain(ctx)
		}
		srv.CloseClientConnections()
		srv.Close()
	})
	return &instance{all[0], srv.URL + "/mcp", s.door, w}
}

// endpoints are the one that a test asked for, or under TestWithRedis two that share a Redis.
func endpoints(t testing.TB, o Options, s setup) (all []*Handler) {
	t.Helper()
	stores := []session.Store{o.Sessions}
	switch {
	case o.Sessions != nil:
	case strings.HasPrefix(t.Name(), withRedis):
		url := redistest.Open(t)
		stores = []session.Store{openRedis(t, url, s), openRedis(t, url, s)}
	default:
		stores[0] = session.NewMemory(s.log, s.now)
	}
	for _, o.Sessions = range stores {
		h, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		if s.change != nil {
			s.change(h)
		}
		all = append(all, h)
	}
	return all
}

// inTurn gives each request to the next endpoint, as a balancer without affinity does.
func inTurn(all []*Handler) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) { all[int(n.Add(1))%len(all)].ServeHTTP(w, r) }
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// send makes a request as key; headers are pairs. An empty body is none.
func send(t testing.TB, method, url, key, body string, headers ...string) answer {
	t.Helper()
	res := open(t, t.Context(), method, url, key, body, headers...)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func open(t testing.TB, ctx context.Context, method, url, key, body string, headers ...string) *http.Response {
	t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return res
}

func initialize(version string) string {
	return `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + version +
		`","capabilities":{"elicitation":{},"sampling":{}},"clientInfo":{"name":"test","version":"1"}}}`
}

// begin opens a session and returns its id.
func begin(t testing.TB, url, key, version string) string {
	t.Helper()
	a := send(t, "POST", url, key, initialize(version))
	id := a.header.Get(headerSession)
	if a.status != http.StatusOK || id == "" {
		t.Fatalf("initialize: %d %s", a.status, a.body)
	}
	return id
}

func callBody(id int, name string, rest ...string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":{}%s}}`, id, name, strings.Join(rest, ""))
}

// refused is the exact body of a refusal.
func refused(code int, message string) string {
	m, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"error":{"code":%d,"message":%s},"id":null,"jsonrpc":"2.0"}`, code, m)
}

// stream is an open event stream.
type stream struct {
	status int
	header http.Header
	cancel context.CancelFunc
	lines  *bufio.Scanner
	res    *http.Response
}

// event is one server-sent event.
type event struct{ id, data, retry string }

// listen opens a GET, or any request whose answer is a stream.
func listen(t testing.TB, method, url, key, body string, headers ...string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	res := open(t, ctx, method, url, key, body, headers...)
	s := &stream{res.StatusCode, res.Header, cancel, bufio.NewScanner(res.Body), res}
	s.lines.Buffer(nil, 4<<20)
	t.Cleanup(func() { cancel(); res.Body.Close() })
	return s
}

// next is the next event; comments are skipped. ok is false at the end of the stream.
func (s *stream) next() (e event, ok bool) {
	seen := false
	for s.lines.Scan() {
		line := s.lines.Text()
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && seen:
			return e, true
		case name == "id":
			e.id, seen = value, true
		case name == "retry":
			e.retry, seen = value, true
		case name == "data" || line == "data:":
			e.data, seen = value, true
		}
	}
	return e, false
}

// rest reads the stream to its end.
func (s *stream) rest() (all []event) {
	for e, ok := s.next(); ok; e, ok = s.next() {
		all = append(all, e)
	}
	return all
}

// messages are the events that are more than a position to resume from.
func messages(all []event) []event {
	return slices.DeleteFunc(all, func(e event) bool { return e.data == "" })
}
