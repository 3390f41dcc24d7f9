package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

const canary = "canary-4711 SELECT * FROM secret_table"

func failing(err error) tool.Tool {
	return kitchen(tool.Spec[kitchenArgs]{}, func(context.Context, pos.Caller, kitchenArgs) (kitchenAnswer, error) { return kitchenAnswer{}, err })
}

func TestInternalErrorsStayInside(t *testing.T) {
	t.Parallel()
	panicking := func(v any) tool.Tool {
		return kitchen(tool.Spec[kitchenArgs]{}, func(context.Context, pos.Caller, kitchenArgs) (kitchenAnswer, error) { panic(v) })
	}
	writing := kitchen(tool.Spec[kitchenArgs]{}, func(context.Context, pos.Caller, kitchenArgs) (kitchenAnswer, error) {
		return kitchenAnswer{Body: func(*tool.Text) { panic(canary) }}, nil
	})
	for name, tl := range map[string]tool.Tool{
		"an error":             failing(fmt.Errorf("daily totals: %w", errors.New(canary))),
		"a panic":              panicking(canary),
		"a runtime panic":      panicking(errors.New(canary)),
		"a panic in the text":  writing,
		"a context not of us":  failing(fmt.Errorf("%s: %w", canary, context.DeadlineExceeded)),
		"an error that is nil": panicking((*pos.Error)(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, log := loggedSet(t, tl)
			req := &pos.Request{ID: "req-77"}
			req.End() // its line is written: the call has one of its own
			ctx := req.In(t.Context())
			r, err := s.Call(ctx, oneShop(), "cook_dish", json.RawMessage(`{"dish":"x2"}`))
			if err != nil || r.Code != pos.Internal {
				t.Fatalf("%+v, %v", r, err)
			}
			if r.Text != "internal: internal error. (req-77)" || string(r.Structured) != `{"code":"internal","message":"internal error","retryable":false,"request_id":"req-77"}` {
				t.Errorf("%s\n%s", r.Text, r.Structured)
			}
			if !strings.Contains(log.String(), `"level":"ERROR"`) || !strings.Contains(log.String(), "req-77") || !strings.Contains(log.String(), "key:1") || !strings.Contains(log.String(), idOne) {
				t.Errorf("the log does not say what, where and who: %s", log)
			}
			if strings.Count(log.String(), "\n") != 1 {
				t.Errorf("more than one line a call:\n%s", log)
			}
		})
	}
}

func TestErrorsForTheCaller(t *testing.T) {
	t.Parallel()
	told := pos.Errorf(pos.NotFound, "there is no order 7 in this shop").WithFix("ask list_orders").WithAllowed("5", "6").WithCause(errors.New(canary))
	told.DidYouMean, told.Example = []string{"70"}, `{"number":"5"}`
	s, log := loggedSet(t, failing(fmt.Errorf("order: %w", told)))
	r := call(t, s, oneShop(), "cook_dish", `{"dish":"x2"}`)
	if want := "not_found: there is no order 7 in this shop. What to do: ask list_orders. Did you mean 70? Choices: 5, 6."; r.Text != want {
		t.Errorf("text\n%s, want\n%s", r.Text, want)
	}
	want := `{"code":"not_found","message":"there is no order 7 in this shop","fix":"ask list_orders","allowed":["5","6"],"did_you_mean":["70"],"example":"{\"number\":\"5\"}","retryable":false}`
	if diff := cmp.Diff(want, string(r.Structured)); diff != "" {
		t.Errorf("structured (-want +got):\n%s", diff)
	}
	if !strings.Contains(log.String(), canary) || !strings.Contains(log.String(), `"level":"WARN"`) {
		t.Errorf("the cause is not in the log: %s", log)
	}
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	for code, want := range map[pos.Code]bool{
		pos.NeedsBusiness: false, pos.ScopeMissing: false, pos.RoleMissing: false, pos.ModuleDisabled: false, pos.Invalid: false, pos.BadPeriod: false,
		pos.NotFound: false, pos.Ambiguous: false, pos.RateLimited: true, pos.Overloaded: true, pos.Conflict: true, pos.SessionStoreUnavailable: true,
		pos.UpstreamDown: true, pos.StorageFull: false, pos.Internal: false,
	} {
		p := fails(t, set(t, failing(pos.Errorf(code, "x"))), oneShop(), "cook_dish", `{"dish":"x2"}`)
		if p.Code != code || p.Retryable != want {
			t.Errorf("%s: %+v", code, p)
		}
	}
}

// waiting is a tool that works until its context ends.
func waiting(begun chan<- struct{}) tool.Tool {
	return kitchen(tool.Spec[kitchenArgs]{}, func(ctx context.Context, _ pos.Caller, _ kitchenArgs) (kitchenAnswer, error) {
		close(begun)
		<-ctx.Done()
		return kitchenAnswer{}, fmt.Errorf("waited: %w", ctx.Err())
	})
}

func TestCancelledCall(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	s := set(t, waiting(begun))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	r, err := s.Call(ctx, oneShop(), "cook_dish", json.RawMessage(`{"dish":"x2"}`))
	if err != nil || r.Code != pos.Conflict || r.Text != "conflict: the call was cancelled. It can be tried again." {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCallOutOfTime(t *testing.T) {
	t.Parallel()
	s := set(t, waiting(make(chan struct{})))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r, err := s.Call(ctx, oneShop(), "cook_dish", json.RawMessage(`{"dish":"x2"}`))
	if err != nil || r.Code != pos.Overloaded || !strings.Contains(r.Text, "ask for less at once") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestEveryCallHasADeadline(t *testing.T) {
	t.Parallel()
	var left time.Duration
	s := set(t, kitchen(tool.Spec[kitchenArgs]{}, func(ctx context.Context, _ pos.Caller, _ kitchenArgs) (kitchenAnswer, error) {
		end, _ := ctx.Deadline()
		left = time.Until(end)
		return kitchenAnswer{}, nil
	}))
	call(t, s, oneShop(), "cook_dish", `{"dish":"x2"}`)
	if left < 50*time.Second || left > time.Minute {
		t.Errorf("a call has %s", left)
	}
}

// A request's first call is told in the request's line; further ones, and those that outlive it, in lines of their own.
func TestACallIsToldOnce(t *testing.T) {
	t.Parallel()
	s, log := loggedSet(t, kitchen(tool.Spec[kitchenArgs]{}, nil))
	req := &pos.Request{ID: "req-77"}
	ctx := req.In(t.Context())
	for range 2 {
		if r, err := s.Call(ctx, oneShop(), "cook_dish", json.RawMessage(`{"dish":"x2"}`)); err != nil || r.Code != "" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "req-77") {
		t.Errorf("beside the request's line: %s", log)
	}
	c := req.End()
	if c.Took <= 0 {
		t.Errorf("the call took %s", c.Took)
	}
	c.Took = 0
	if diff := cmp.Diff(&pos.Called{Tool: "cook_dish", Credential: "key:1", Business: idOne}, c); diff != "" {
		t.Errorf("in the request's line (-want +got):\n%s", diff)
	}
}

// One line a call: what, who, where, how long; nothing that the shop's people typed.
func TestLogLine(t *testing.T) {
	t.Parallel()
	s, log := loggedSet(t, kitchen(tool.Spec[kitchenArgs]{}, nil))
	call(t, s, oneShop(), "cook_dish", `{"dish":"x2","notes":"`+canary+`"}`)
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, log)
	}
	if line["msg"] != "tool call" || line["tool"] != "cook_dish" || line["credential"] != "key:1" || line["business"] != idOne || line["call_took"] == nil {
		t.Errorf("%s", log)
	}
	if strings.Contains(log.String(), "canary") || strings.Contains(log.String(), "Ceiba") {
		t.Errorf("typed text in the log: %s", log)
	}
}
