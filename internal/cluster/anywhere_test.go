package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Row 16: whichever instance gets a call, the answer is the same, with a key and with a token, in a session and without,
// and in both eras; and a session's whole life goes on wherever each of its requests lands.
func anywhere(t testing.TB, c *cluster) {
	m := c.merchants(t)
	tools := []struct{ name, args string }{
		{"whoami", "{}"}, {"get_sales_report", `{"period":"last_7_days"}`}, {"list_orders", `{"limit":5}`}, {"no_such_tool", "{}"},
	}
	if soaking {
		tools = append(tools, []struct{ name, args string }{
			{"get_business_profile", "{}"}, {"list_locations", "{}"}, {"get_products", "{}"}, {"get_top_products", "{}"}, {"get_inventory", "{}"},
		}...)
	}
	for _, tool := range tools {
		for who, session := range map[string]string{"ana": m.atKey, "reader": "", m.ana: m.atAna, m.luis: ""} {
			c.same(t, tool.name, request{who: who, session: session, body: callBody(tool.name, tool.args)})
		}
		c.same(t, tool.name+", newer era", newerRequest("ana", tool.name, tool.args))
	}
	for _, r := range []request{{who: "ana"}, {who: "reader"}, {who: m.ana, session: m.atAna}, {who: m.luis}} {
		r.body = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
		c.same(t, "tools/list", r)
	}
	for who, credential := range map[string]string{"V1": "ana", "V2": m.luis} {
		c.life(t, who, credential)
	}
}

// changing is what may differ between two answers to the same question: who was asked, and when.
var changing = regexp.MustCompile(`"(request_id|as_of|expires_at|generated_at|uptime_seconds)":("[^"]*"|\d+)|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?`)

// same asks every instance the same and compares what they say.
func (c *cluster) same(t testing.TB, what string, r request) {
	t.Helper()
	var first string
	for n := range c.instances {
		h := c.through(t, n, r)
		got := fmt.Sprint(h.status, " ", changing.ReplaceAllString(h.body, "…"))
		if h.status != http.StatusOK && !strings.Contains(what, "no_such_tool") {
			t.Errorf("%s at instance %d: %s", what, n, h)
		}
		if n == 0 {
			first = got
		} else if got != first {
			t.Errorf("%s: instance %d says otherwise than instance 0:\n%s", what, n, cmp.Diff(first, got))
		}
	}
}

// life is everything that the official client does in a session of the older era, and what it can do in the newer one.
// That requests went to every instance in turn, and that answers came elsewhere than questions, is checked too.
func (c *cluster) life(t testing.TB, name, who string) {
	t.Helper()
	name += " " + t.Name()
	from := len(c.balancer.seen())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := c.connect(ctx, name, who, older)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	must := func(what string, err error) {
		if err != nil {
			t.Errorf("%s: %s: %v", name, what, err)
		}
	}
	for range 1 + rounds {
		tools, err := p.ListTools(ctx, nil)
		if must("list", err); err == nil && len(tools.Tools) < 9 {
			t.Errorf("%s: %d tools", name, len(tools.Tools))
		}
		must("call", p.does(ctx, "get_business_profile", nil, "GTQ"))
		must("progress", p.reports(ctx))
		must("elicitation", p.does(ctx, "test_elicitation", map[string]any{"message": "Who?"}, "ana@x"))
		must("a stream that the server closed", p.does(ctx, "test_reconnection", nil, "taken up again"))
		must("list_changed", p.hears(ctx))
	}
	must("cancel", c.cancels(ctx, t, p, who))
	id := p.ID()
	must("close", p.Close())
	c.closedEverywhere(t, who, id)
	c.wasEverywhere(t, name, from)

	n, err := c.connect(ctx, name, who, newest)
	if err != nil {
		t.Errorf("%s, newer era: %v", name, err)
		return
	}
	_, err = n.ListTools(ctx, nil)
	must("newer era, list", err)
	for range 3 {
		must("newer era, call", n.does(ctx, "get_business_profile", nil, "GTQ"))
		must("newer era, progress", n.reports(ctx))
	}
	must("newer era, elicitation", n.does(ctx, "test_elicitation", map[string]any{"message": "Who?"}, "ana@x"))
	must("newer era, close", n.Close())
}

// cancels begins a call on an instance and cancels it there from another one, as a request of the same session.
func (c *cluster) cancels(ctx context.Context, t testing.TB, p *person, who string) error {
	t.Helper()
	work := fmt.Sprintf(`{"name":%q}`, t.Name()+p.name)
	slow := strings.Replace(callBody("test_slow", work), `"id":7`, `"id":4711`, 1)
	answer := make(chan heard, 1)
	go func() { answer <- c.through(t, 0, request{who: who, session: p.ID(), body: slow}) }()
	outcome := func(want string) bool {
		return c.through(t, 0, request{who: who, session: p.ID(), body: callBody("test_slow_outcome", work)}).text() == want
	}
	c.eventually(t, "the work to begin", func() bool { return outcome("running") })
	h := c.through(t, 1, request{who: who, session: p.ID(), body: `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4711}}`})
	began := time.Now()
	if h.status != http.StatusAccepted {
		return fmt.Errorf("cancelled: %s", h)
	}
	c.eventually(t, "the work to end", func() bool { return outcome("cancelled") })
	if took := time.Since(began); took > 5*time.Second {
		return fmt.Errorf("the work ended %s after it was cancelled", took)
	}
	<-answer
	return ctx.Err()
}

// wasEverywhere checks where the requests of a client went since.
func (c *cluster) wasEverywhere(t testing.TB, caller string, from int) {
	t.Helper()
	at, elsewhere, asked := map[int]int{}, 0, -1
	for _, p := range c.balancer.seen()[from:] {
		if p.caller != caller {
			continue
		}
		at[p.to]++
		if bytes.Contains(p.body, []byte(`"test_elicitation"`)) {
			asked = p.to
		}
		var m struct{ Result struct{ Action string } }
		if json.Unmarshal(p.body, &m) == nil && m.Result.Action == "accept" && p.to != asked {
			elsewhere++
		}
	}
	if len(at) != len(c.instances) {
		t.Errorf("%s: requests went to %v: this tests nothing", caller, at)
	}
	if elsewhere == 0 {
		t.Errorf("%s: every answer came to the instance that asked: this tests nothing", caller)
	}
}
