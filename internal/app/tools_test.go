package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/tool"
	"github.com/flowpos/flowpos-backend/internal/tool/tooltest"
)

// fridayEvening is the moment of the small demo that these tests read: 18:40 in Guatemala, five days after payday.
func fridayEvening() time.Time { return time.Date(2026, 11, 21, 0, 40, 0, 0, time.UTC) }

// smallDemo is the demo's businesses with 70 days of few sales.
func smallDemo(t testing.TB) (*dbtest.DB, demo.State) {
	t.Helper()
	db := dbtest.OpenFilled(t, "friday_evening", func(ctx context.Context, owner *pgxpool.Pool) error {
		return demo.Generate(ctx, owner, demo.Options{Days: 70, Scale: 0.1, Now: fridayEvening()})
	})
	state, err := demo.Inspect(t.Context(), db.Owner)
	if err != nil {
		t.Fatal(err)
	}
	return db, state
}

// demoCaller is who the demo's key of that name stands for.
func demoCaller(t testing.TB, db *dbtest.DB, state demo.State, name string) (c pos.Caller, raw string) {
	t.Helper()
	i := slices.IndexFunc(demoKeyKinds(), func(k demoKeyKind) bool { return k.name == name })
	raw, err := demoKeyKinds()[i].create(t.Context(), db.Owner, state)
	if err != nil {
		t.Fatal(err)
	}
	auth := credential.NewAuthenticator(db.App, tooltest.Log(), fridayEvening)
	t.Cleanup(auth.Close)
	if c, err = auth.Key(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	return c, raw
}

func demoTools(t testing.TB, db *dbtest.DB) *tool.Set {
	t.Helper()
	set, err := toolSet(db.App, tooltest.Log(), fridayEvening, limit.PerCredential(), &sessions{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAllTools(t *testing.T) {
	t.Parallel()
	db, state := smallDemo(t)
	set := demoTools(t, db)
	ana, _ := demoCaller(t, db, state, "ana-tienda-full")
	tooltest.CheckAll(t, set, ana)
	tooltest.CheckNames(t, set, "..")
	for _, k := range demoKeyKinds() {
		t.Run(k.name, func(t *testing.T) {
			c, raw := demoCaller(t, db, state, k.name)
			if c.Operator() {
				c = inside(t, db, set, c, raw, ana.Businesses[0].ID)
			}
			tooltest.CheckAnswers(t, set, c)
		})
	}
	t.Run("ana, signed in", func(t *testing.T) {
		c := signedIn(t, db, "demo-ana")
		c.Active = ana.Businesses[0].ID
		tooltest.CheckAnswers(t, set, c)
	})
}

// inside is an operator in a session that has entered a tenant.
func inside(t *testing.T, db *dbtest.DB, set *tool.Set, c pos.Caller, raw, tenant string) pos.Caller {
	t.Helper()
	c.Session = "a session"
	var out struct{}
	tooltest.Data(t, set, c, "set_active_tenant", fmt.Sprintf(`{"business_id": %q, "reason": "trying every tool"}`, tenant), &out)
	auth := credential.NewAuthenticator(db.App, tooltest.Log(), fridayEvening)
	defer auth.Close()
	c, err := auth.Key(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	c.Session = "a session"
	return c
}

func TestToolsPageIsCurrent(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := (toolsCmd{}).Run(IO{Out: &out}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(readDoc(t, "tools.md"), out.String()); diff != "" {
		t.Errorf("docs/tools.md is not what the Specs say (-page +now); run make docs:\n%s", diff)
	}
}

// TestToolSnapshots keeps, for every tool, what a client sees of it through a real session: the entry of its list and the
// answer to the example.
func TestToolSnapshots(t *testing.T) {
	t.Parallel()
	db, state := smallDemo(t)
	for _, who := range []string{"ana-tienda-full", "operator"} {
		c, key := demoCaller(t, db, state, who)
		host := startInstanceAt(t, db, fridayEvening)
		connect := func(toolsets string) *mcp.ClientSession {
			through := &http.Client{Transport: &roundRobin{hosts: []string{host}, key: key, toolsets: toolsets}}
			client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
			cs, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: "http://" + host + "/mcp", HTTPClient: through}, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cs.Close() })
			return cs
		}
		hide := strings.NewReplacer(c.KeyID, "KEY-ID", version(), "VERSION")
		tooltest.Snapshot(t, "testdata/snapshots", who+".instructions.txt", hide.Replace(connect("").InitializeResult().Instructions)+"\n")
		cs := connect("all")
		tools, err := cs.ListTools(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, listed := range tools.Tools {
			if c.Operator() != (listed.Name == "list_tenants" || listed.Name == "set_active_tenant") {
				continue // the operator's list without its own two is the owner's
			}
			tooltest.Snapshot(t, "testdata/snapshots", listed.Name+".txt", hide.Replace(seen(t, cs, listed, example(t, db, listed.Name))))
		}
	}
}

// TestChoiceSnapshot is TestToolSnapshots for what only people with several businesses have.
func TestChoiceSnapshot(t *testing.T) {
	t.Parallel()
	db, _ := smallDemo(t)
	f := startFirm(t, db, 1, fridayEvening)
	rr := &roundRobin{hosts: f.hosts, key: f.signIn(0, "demo-ana")}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	cs, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: "http://" + rr.hosts[0] + "/mcp", HTTPClient: &http.Client{Transport: rr}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cs.Close()
	tooltest.Snapshot(t, "testdata/snapshots", "ana.instructions.txt", cs.InitializeResult().Instructions+"\n")
	tools, err := cs.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(tools.Tools, func(tl *mcp.Tool) bool { return tl.Name == "set_active_business" })
	if i < 0 {
		t.Fatal("set_active_business is not listed")
	}
	answer := seen(t, cs, tools.Tools[i], example(t, db, "set_active_business"))
	answer = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:]+Z`).ReplaceAllString(answer, "IN-30-MINUTES") // by the database's clock
	tooltest.Snapshot(t, "testdata/snapshots", "set_active_business.txt", answer)
}

func example(t *testing.T, db *dbtest.DB, name string) json.RawMessage {
	t.Helper()
	for _, tl := range demoTools(t, db).Tools() {
		if tl.Name == name {
			return tl.Example
		}
	}
	t.Fatalf("no tool is called %s", name)
	return nil
}

func seen(t *testing.T, cs *mcp.ClientSession, listed *mcp.Tool, args json.RawMessage) string {
	t.Helper()
	entry, err := json.MarshalIndent(listed, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: listed.Name, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	structured, err := json.MarshalIndent(r.StructuredContent, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	structured = regexp.MustCompile(`"request_id": "\w+"`).ReplaceAll(structured, []byte(`"request_id": "REQUEST-ID"`))
	return fmt.Sprintf("%s\n\n%s\n\n%s\n\n%s\n", entry, args, r.Content[0].(*mcp.TextContent).Text, structured)
}

// TestFiguresAgree asks the same question of every tool that can answer it: each figure is the same everywhere, and every
// grouping adds up to it. list_orders sums for itself, so this is what holds it to the definitions of reports.
func TestFiguresAgree(t *testing.T) {
	t.Parallel()
	db, state := smallDemo(t)
	set := demoTools(t, db)
	type totals struct {
		Gross        pos.Money `json:"gross"`
		Discounts    pos.Money `json:"discounts"`
		Returns      pos.Money `json:"returns"`
		Net          pos.Money `json:"net"`
		Tax          pos.Money `json:"tax"`
		Tips         pos.Money `json:"tips"`
		Orders       int       `json:"orders"`
		ReturnsCount int       `json:"returns_count"`
	}
	for _, who := range []string{"ana-tienda-full", "ana-comedor-full", "ana-taller-full", "luis-ferreteria-full"} {
		c, _ := demoCaller(t, db, state, who)
		for _, period := range []string{"today", "yesterday", "this_week", "last_30_days", "last_month"} {
			var report, listed struct{ Totals totals }
			tooltest.Data(t, set, c, "get_sales_report", fmt.Sprintf(`{"period": %q, "metrics": ["gross", "discounts", "returns", "net", "tax", "tips", "orders", "returns_count"]}`, period), &report)
			tooltest.Data(t, set, c, "list_orders", fmt.Sprintf(`{"period": %q, "limit": 1}`, period), &listed)
			if diff := cmp.Diff(report.Totals, listed.Totals); diff != "" {
				t.Errorf("%s %s: list_orders against get_sales_report (-report +list):\n%s", who, period, diff)
			}
			var branches struct {
				Data struct {
					Rows []struct {
						Net pos.Money `json:"net"`
					} `json:"rows"`
				}
			}
			tooltest.Data(t, set, c, "get_sales_by_location", fmt.Sprintf(`{"period": %q}`, period), &branches)
			var sum pos.Money
			for _, r := range branches.Data.Rows {
				sum += r.Net
			}
			if sum != report.Totals.Net {
				t.Errorf("%s %s: branches add up to %s, the report says %s", who, period, sum, report.Totals.Net)
			}
		}
	}
}
