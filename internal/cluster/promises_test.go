package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/verdict"
)

// promises are the six invariants of the fault table, held to after every row. The service has recovered by then.
func (c *cluster) promises(t testing.TB) {
	t.Helper()
	c.pace.Stop()
	if h := c.stay(t, "after the fault: "+t.Name()); !h.good() {
		t.Errorf("after the fault: %s", h)
	}
	c.rights(t)
	c.record(t)
	c.answers(t)
	c.nothingLeft(t)
}

// answers holds every answer that went through the balancer, to whatever client, to I1 (nothing of another business) and
// I6 (a failure has a stable code, says whether it can be tried again, can be found in the log, and shows nothing of the
// inside).
func (c *cluster) answers(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fault := range c.faults[:min(len(c.faults), 10)] {
		t.Error(fault)
	}
	c.faults = nil
}

// look is called by the balancer with every answer that ended.
func (c *cluster) look(p *passage) {
	faults := c.answerFaults(p)
	if len(faults) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fault := range faults {
		c.faults = append(c.faults, fmt.Sprintf("%s\nin the answer of instance %d to %s %s %.300s: %d %.500s", fault, p.to, p.method, p.path, p.body, p.status, p.answer.String()))
	}
}

func (c *cluster) answerFaults(p *passage) (faults []string) {
	if p.status == 0 { // it did not answer
		return nil
	}
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	body := p.answer.String()
	if bytes.Contains(p.body, []byte(`"name":"test_`)) { // a fixture's, whose words are not ours
		body = ""
	}
	foreign := luisWord
	if c.owner(p.who) == "luis" {
		foreign = anasWord
	}
	if strings.Contains(body, foreign) && p.who != c.keys["operator"] {
		say("I1: the answer holds a word of another business, %s", foreign)
	}
	if inside := verdict.Inside(strings.ReplaceAll(body, c.balancer.url, "")); inside != "" {
		say("I6: the answer shows something of the inside, %q", inside)
	}
	if p.answered.Get("X-Request-Id") == "" {
		say("I6: the answer has no request id")
	}
	if p.status >= 400 && p.path != "/health" {
		return append(faults, refusalFaults(p, body)...)
	}
	if strings.Contains(body, `"isError":true`) {
		faults = append(faults, failureFaults(p, body)...)
	}
	return faults
}

// refusalFaults are those of an answer with a status.
func refusalFaults(p *passage, body string) (faults []string) {
	var e struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal([]byte(body), &e) != nil || e.Error.Code >= 0 || e.Error.Message == "" {
		faults = append(faults, "I6: not a code and a sentence")
	}
	if p.status == http.StatusInternalServerError {
		faults = append(faults, "I6: an internal error")
	}
	if (p.status == http.StatusServiceUnavailable) != (p.answered.Get("Retry-After") != "") {
		faults = append(faults, fmt.Sprintf("I6: Retry-After is %q", p.answered.Get("Retry-After")))
	}
	return faults
}

// failureFaults are those of a tool's failure.
func failureFaults(p *passage, body string) (faults []string) {
	for line := range strings.Lines(body) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "data: ")
		var e struct {
			Result *toolResult `json:"result"`
		}
		if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil || e.Result == nil || !e.Result.IsError {
			continue
		}
		v := heard{result: e.Result}.problem()
		if !knownCodes[pos.Code(v.Code)] || v.Retryable == nil || *v.Retryable != pos.Code(v.Code).Retryable() || v.Message == "" || v.Code == string(pos.Internal) {
			faults = append(faults, fmt.Sprintf("I6: not a code, a sentence and whether it can be tried again: %+v", v))
		}
		if v.RequestID != p.answered.Get("X-Request-Id") {
			faults = append(faults, fmt.Sprintf("I6: the failure names the request %q, the header %q", v.RequestID, p.answered.Get("X-Request-Id")))
		}
	}
	return faults
}

var knownCodes = map[pos.Code]bool{
	pos.NeedsBusiness: true, pos.ScopeMissing: true, pos.RoleMissing: true, pos.ModuleDisabled: true, pos.Invalid: true, pos.BadPeriod: true,
	pos.NotFound: true, pos.Ambiguous: true, pos.RateLimited: true, pos.Overloaded: true, pos.Conflict: true,
	pos.SessionStoreUnavailable: true, pos.UpstreamDown: true, pos.StorageFull: true,
}

// record is I2 and I3. What is written so far are operators' stays: each is on the record once when it was acknowledged,
// and never twice.
func (c *cluster) record(t testing.TB) {
	t.Helper()
	var reason string
	var most int
	err := c.db.Owner.QueryRow(t.Context(), `SELECT reason, count(*) FROM mcp_operator_access GROUP BY reason ORDER BY count(*) DESC LIMIT 1`).Scan(&reason, &most)
	if err != nil || most > 1 {
		t.Errorf("I2: %d stays for one reason, %s, %v", most, reason, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for reason, id := range c.stays {
		var kept int
		err := c.db.Owner.QueryRow(t.Context(), `SELECT count(*) FROM mcp_operator_access a JOIN audit_log l ON l.entity_id = a.id::text
			WHERE a.id::text = $1 AND a.reason = $2`, id, reason).Scan(&kept)
		if err != nil || kept != 1 {
			t.Errorf("I3: the stay %s (%s) was acknowledged and is on record %d times, %v", id, reason, kept, err)
		}
	}
}

// whoami is what a principal is told of itself.
type whoami struct {
	Data struct {
		Scopes     []string
		Businesses []struct{ ID, Role string }
	}
}

// rights is I4: on every instance everybody is who PostgreSQL says now, and may do what it says, no more.
func (c *cluster) rights(t testing.TB) {
	t.Helper()
	for n := range c.instances {
		for who, key := range map[string]string{"ana": "tienda", "reader": "tienda", "luis": "ferreteria"} {
			var me whoami
			h := c.through(t, n, request{who: who, body: callBody("whoami", "{}")})
			if !h.good() || json.Unmarshal(h.result.Structured, &me) != nil {
				t.Errorf("I4: instance %d: %s", n, h)
				continue
			}
			var scopes []string
			var business, role string
			err := c.db.Owner.QueryRow(t.Context(), `SELECT scopes, business_id::text, member_role FROM mcp_api_key WHERE key_hash = sha256(convert_to($1, 'UTF8')) AND is_active`,
				c.keys[who]).Scan(&scopes, &business, &role)
			if err != nil || business != c.business(t, key).ID || len(me.Data.Businesses) != 1 || me.Data.Businesses[0].ID != business ||
				me.Data.Businesses[0].Role != role || cmp.Diff(scopes, me.Data.Scopes) != "" {
				t.Errorf("I4: on instance %d %s is not who the database says, %s at %s with %v, %v: %s", n, who, role, business, scopes, err, h)
			}
		}
		if h := c.through(t, n, request{who: "reader", body: callBody("summarize_day", "{}")}); h.problem().Code != string(pos.ScopeMissing) {
			t.Errorf("I4: a key without pos:intents at instance %d: %s", n, h)
		}
		if h := c.through(t, n, request{who: "revoked", body: callBody("whoami", "{}")}); h.status != http.StatusUnauthorized {
			t.Errorf("I4: a revoked key at instance %d: %s", n, h)
		}
	}
}

// through sends a request through the balancer to an instance that is chosen.
func (c *cluster) through(t testing.TB, n int, r request) heard {
	r.header = maps.Clone(r.header)
	if r.header == nil {
		r.header = map[string]string{}
	}
	r.header[chosenHeader] = fmt.Sprint(n)
	return c.send(t, r)
}

// holding is what an instance holds when nobody asks it anything.
type holding struct{ goroutines, files, requests float64 }

// roomForPools are connections that stay for the next request, to PostgreSQL and to Redis, at most.
const roomForPools = 4 + 20

// someGoroutines come and go: the question how many there are is asked over a connection, and so is whether it is ready.
const someGoroutines = 3

func (c *cluster) holdings() ([]holding, error) {
	c.balancer.calls.CloseIdleConnections()
	c.certs.CloseClientConnections()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	var out []holding
	for _, i := range c.instances {
		g, err := i.figure("go_goroutines")
		if err != nil {
			return nil, err
		}
		f, err := i.figure("http_server_active_requests")
		if err != nil {
			return nil, err
		}
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", i.cmd.Process.Pid))
		if err != nil { // not Linux
			files = nil
		}
		out = append(out, holding{goroutines: g, files: float64(len(files)), requests: f})
	}
	return out, nil
}

// atRest is the least of a few counts: what ends a moment later does not belong to what is held.
func (c *cluster) atRest(t testing.TB) []holding {
	t.Helper()
	var least []holding
	for range 3 {
		now, err := c.holdings()
		if err != nil {
			t.Fatal(err)
		}
		for i := range least {
			now[i] = holding{min(now[i].goroutines, least[i].goroutines), min(now[i].files, least[i].files), min(now[i].requests, least[i].requests)}
		}
		least = now
		time.Sleep(50 * time.Millisecond)
	}
	return least
}

// nothingLeft is I5: a moment after the recovery each instance holds no more than before the fault, but for what its pools
// may keep.
func (c *cluster) nothingLeft(t testing.TB) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(min(15*time.Second, c.patience)); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		now, err := c.holdings()
		if err != nil {
			left = []string{err.Error()}
			continue
		}
		left = nil
		for i, h := range now {
			b := c.before[i]
			if h.goroutines > b.goroutines+someGoroutines || h.files > b.files+roomForPools || h.requests > b.requests {
				left = append(left, fmt.Sprintf("instance %d: %v goroutines, %v files, %v requests; before %v, %v, %v", i, h.goroutines, h.files, h.requests, b.goroutines, b.files, b.requests))
			}
		}
		if len(left) == 0 {
			return
		}
	}
	slices.Sort(left)
	t.Errorf("I5: left behind:\n%s", strings.Join(left, "\n"))
}
