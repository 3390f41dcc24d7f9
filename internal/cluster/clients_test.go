package cluster

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The two eras of the protocol, as the official client speaks them.
const (
	older  = "2025-11-25"
	newest = "2026-07-28"
)

// bearer adds a credential to the requests of a client, and who makes them.
type bearer struct {
	credential, caller string
	base               http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.credential)
	r.Header.Set("X-Caller", b.caller)
	return b.base.RoundTrip(r)
}

// person is somebody with the official client, and what reached them.
type person struct {
	*mcp.ClientSession
	name     string
	changed  chan struct{}
	progress chan float64
	asked    atomic.Int64
}

// connect is the official client of somebody through the balancer.
func (c *cluster) connect(ctx context.Context, name, who, version string) (*person, error) {
	p := &person{name: name, changed: make(chan struct{}, 100), progress: make(chan float64, 1000)}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			p.asked.Add(1)
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"username": "ana", "email": "ana@x"}}, nil
		},
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) {
			select {
			case p.changed <- struct{}{}:
			default:
			}
		},
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			select {
			case p.progress <- r.Params.Progress:
			default:
			}
		},
	})
	var err error
	p.ClientSession, err = client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: c.balancer.url + "/mcp", HTTPClient: &http.Client{Transport: bearer{c.credential(who), name, http.DefaultTransport}},
	}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	return p, err
}

// mustConnect is connect of a client that is there for the whole test.
func (c *cluster) mustConnect(t testing.TB, name, who, version string) *person {
	t.Helper()
	p, err := c.connect(context.WithoutCancel(t.Context()), name, who, version)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

// does calls a tool and wants a text in its answer.
func (p *person) does(ctx context.Context, name string, args map[string]any, want string) error {
	params := &mcp.CallToolParams{Name: name, Arguments: args}
	if name == "test_tool_with_progress" {
		params.SetProgressToken("p")
	}
	r, err := p.CallTool(ctx, params)
	if err != nil {
		return err
	}
	text, ok := r.Content[0].(*mcp.TextContent)
	if !ok || r.IsError || !strings.Contains(text.Text, want) {
		return fmt.Errorf("%s answered %t %s; want %s", name, r.IsError, text.Text, want)
	}
	return nil
}

// reports calls a tool that reports progress, and wants 0, 50 and 100 once each in this order.
func (p *person) reports(ctx context.Context) error {
	if err := p.does(ctx, "test_tool_with_progress", nil, "p"); err != nil {
		return err
	}
	for _, want := range []float64{0, 50, 100} {
		select {
		case got := <-p.progress:
			if got != want {
				return fmt.Errorf("progress %v, want %v", got, want)
			}
		case <-time.After(10 * time.Second):
			return fmt.Errorf("progress %v did not arrive", want)
		}
	}
	select {
	case got := <-p.progress:
		return fmt.Errorf("progress %v arrived too", got)
	default:
		return nil
	}
}

// hears changes the list of tools and waits until the client was told on its stream.
func (p *person) hears(ctx context.Context) error {
	for len(p.changed) > 0 {
		<-p.changed
	}
	if err := p.does(ctx, "test_trigger_tool_change", nil, ""); err != nil {
		return err
	}
	select {
	case <-p.changed:
		return nil
	case <-time.After(15 * time.Second):
		return fmt.Errorf("list_changed did not arrive")
	}
}
