// Package cluster proves that any instance serves any session. Its tests start a real PostgreSQL, a real Redis and three
// processes of the built `flowpos serve` behind a balancer of their own that keeps no cookies, asks each instance for its
// readiness every 100 ms and never tries anything twice. Real clients work through it while what the fault table says
// happens; each row's outcome is checked, and after it the six invariants (promises_test.go). That every check notices a
// broken promise is tried in noticed_test.go.
//
// `make test` runs the short form; `make soak` runs the same rows longer and those that need the repository's history.
package cluster

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/devidentity"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
	"github.com/flowpos/flowpos-backend/internal/session/redistest"
	"github.com/flowpos/flowpos-backend/internal/verdict"
)

// instances is N of the document: the least number where "the other one" is not a name.
const instances = 3

// project is the Firebase project of the tests' people.
const project = "shop-test"

// buildDir holds what is built for a run of these tests.
var buildDir string

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "flowpos-cluster-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	_ = os.RemoveAll(buildDir)
	os.Exit(status)
}

// built is the program with the fixtures of the conformance suites: they ask people, report progress and close streams.
// All else of that build is the product.
var built = sync.OnceValues(func() (string, error) { return build(filepath.Join("..", ".."), "flowpos", "-tags", "fixtures") })

func build(repository, name string, flags ...string) (string, error) {
	out := filepath.Join(buildDir, name)
	cmd := exec.Command("go", slices.Concat([]string{"build", "-o", out}, flags, []string{"./cmd/flowpos"})...)
	cmd.Dir = repository
	if b, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(b)))
	}
	return out, nil
}

// Words that stand in everything typed of one owner's businesses, and may only be read by those who belong to them.
const (
	anasWord = "QUETZALITO"
	luisWord = "ZARIGUEYA"
)

// bed is a database with the small demo in it, the keys to it, and who says of its people that they signed in.
type bed struct {
	db       *dbtest.DB
	state    demo.State
	keys     map[string]string // raw, by name
	identity *devidentity.Identity
	certs    *httptest.Server
}

func newBed(t testing.TB) *bed {
	t.Helper()
	b := &bed{db: dbtest.Open(t), keys: map[string]string{}}
	if err := demo.Generate(t.Context(), b.db.Owner, demo.Options{Days: 20, Scale: 0.05, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.state, err = demo.Inspect(t.Context(), b.db.Owner); err != nil {
		t.Fatal(err)
	}
	for _, biz := range b.state.Businesses {
		word := anasWord
		if biz.OwnerKey == "luis" {
			word = luisWord
		}
		for _, sql := range []string{
			`UPDATE business SET name = left(name, 40) || ' ' || $2 WHERE id = $1`,
			`UPDATE location SET name = left(name, 40) || ' ' || $2 WHERE business_id = $1`,
			`UPDATE category SET name = left(name, 40) || ' ' || $2 WHERE business_id = $1`,
			`UPDATE product SET name = left(name, 40) || ' ' || $2 WHERE business_id = $1`,
			`UPDATE customer SET name = left(name, 40) || ' ' || $2 WHERE business_id = $1`,
		} {
			b.db.Exec(t, sql, biz.ID, word)
		}
	}
	b.keys["ana"] = b.newKey(t, "tienda", pos.AllScopes())
	b.keys["luis"] = b.newKey(t, "ferreteria", pos.AllScopes())
	b.keys["reader"] = b.newKey(t, "tienda", []pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead})
	b.keys["operator"] = b.newKey(t, "", pos.AllScopes())
	b.keys["revoked"] = b.newKey(t, "tienda", pos.AllScopes())
	b.revoke(t, b.keys["revoked"])
	b.startIdentity(t)
	return b
}

// newKey is one more key, which no instance has in its cache; of an operator where there is no business.
func (b *bed) newKey(t testing.TB, business string, scopes []pos.Scope) (raw string) {
	t.Helper()
	spec := credential.NewKeySpec{Role: pos.RoleOperator, Scopes: scopes, Label: "cluster"}
	if business != "" {
		spec.Role, spec.BusinessID = pos.RoleMerchant, b.business(t, business).ID
	}
	raw, _, err := credential.CreateKey(t.Context(), b.db.Owner, spec)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// revoke switches a key off.
func (b *bed) revoke(t testing.TB, raw string) {
	t.Helper()
	b.db.Exec(t, `UPDATE mcp_api_key SET is_active = false WHERE key_hash = sha256(convert_to($1, 'UTF8'))`, raw)
}

func (b *bed) business(t testing.TB, key string) demo.Business {
	t.Helper()
	biz, ok := b.state.Business(key)
	if !ok {
		t.Fatalf("the demo has no business %s", key)
	}
	return biz
}

// startIdentity signs real-format ID tokens, and serves the certificates for them as Google does.
func (b *bed) startIdentity(t testing.TB) {
	t.Helper()
	dir, err := os.MkdirTemp(buildDir, "identity")
	if err != nil {
		t.Fatal(err)
	}
	if b.identity, err = devidentity.Open(dir, project, time.Now); err != nil {
		t.Fatal(err)
	}
	b.certs = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		resp, err := b.identity.Client().Get(devidentity.CertsURL)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Cache-Control", resp.Header.Get("Cache-Control"))
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(b.certs.Close)
}

// idToken is what Firebase would give one of the demo's people.
func (b *bed) idToken(t testing.TB, person string) string {
	t.Helper()
	u, ok := b.state.User(person)
	if !ok {
		t.Fatalf("the demo has no %s", person)
	}
	id, err := b.identity.IDToken(devidentity.Person{UID: u.FirebaseUID(), Email: u.Email, Name: u.Name})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// options are what a row needs otherwise than usual.
type options struct {
	settings  map[string]string
	patient   bool   // Redis has 10 s for an answer: the row is not about its absence, and a busy machine may be late
	redisAway bool   // it is refused when the instances start
	binary    string // of the first instance; the built one when empty
	clocks    bool   // instance 0 is five minutes ahead, 1 as much behind; setClock sets them
}

// cluster is the instances on a bed, the balancer before them, and everything that was answered.
type cluster struct {
	*bed
	redis     *redistest.Server
	lines     []*redistest.Proxy // each instance's way to Redis
	instances []*instance
	balancer  *balancer
	patience  time.Duration // how long what must come is waited for
	patient   bool
	tries     int           // of what a busy machine may spoil
	pace      *verdict.Pace // how late the machine is

	mu     sync.Mutex
	faults []string          // of answers, see look
	owners map[string]string // of tokens
	stays  map[string]string // audit id by reason, of those that were acknowledged
	before []holding
}

func (b *bed) start(t testing.TB, o options) *cluster {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{bed: b, redis: redistest.Own(t), stays: map[string]string{}, owners: map[string]string{}, patience: 30 * time.Second, tries: 10, patient: o.patient}
	c.balancer = newBalancer(t, c.look)
	if o.redisAway {
		c.redis.Kill()
	}
	for n := range instances {
		line := redistest.Before(t, c.redis.Addr)
		c.lines = append(c.lines, line)
		i := &instance{number: n, binary: binary, env: c.settings(line.URL(), o.settings)}
		if o.clocks {
			i.clock = filepath.Join(t.TempDir(), "clock")
			i.setClock(t, []time.Duration{5 * time.Minute, -5 * time.Minute, 0}[n])
		}
		if n == 0 && o.binary != "" {
			i.binary = o.binary
		}
		c.instances = append(c.instances, i)
		i.start(t)
		t.Cleanup(i.kill)
	}
	c.balancer.serve(c.instances)
	c.allReady(t)
	c.warmUp(t, !o.redisAway)
	c.before = c.atRest(t)
	turn := 0
	c.pace = verdict.Measure(func() { turn++; c.alive(turn % instances) })
	t.Cleanup(c.pace.Stop)
	return c
}

// alive asks an instance for what it has at hand.
func (c *cluster) alive(n int) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	if resp, err := client.Get("http://" + c.instances[n].host + "/health/live"); err == nil { // it may be down
		resp.Body.Close()
	}
}

// warmUp asks every instance a little, so that what is kept for good is there before it is counted.
func (c *cluster) warmUp(t testing.TB, redis bool) {
	t.Helper()
	for n := range c.instances {
		for _, who := range []string{"ana", "reader", "luis"} {
			if h := c.callAt(t, n, who, "", "get_sales_report", "{}"); !h.good() {
				t.Fatal(h)
			}
		}
		if redis {
			c.callAt(t, n, "ana", c.begin(t, "ana"), "whoami", "{}")
		}
	}
	c.stay(t, "before the fault: "+t.Name())
}

func (c *cluster) owned(credential, person string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owners[credential] = person
}

// owner is whose businesses a credential is for.
func (c *cluster) owner(credential string) string {
	if credential == c.keys["luis"] {
		return "luis"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners[credential]
}

// again kills instances and starts them with their settings of now; the balancer knows at once.
func (c *cluster) again(t testing.TB) {
	t.Helper()
	for n, i := range c.instances {
		i.kill()
		c.balancer.mu.Lock()
		c.balancer.ready[n] = false
		c.balancer.mu.Unlock()
		i.start(t)
	}
	c.allReady(t)
}

// settings of an instance, as the environment has them.
func (c *cluster) settings(redis string, more map[string]string) []string {
	s := map[string]string{
		"DATABASE_URL": c.db.AppURL, "DATABASE_POOL": "4", "REDIS_URL": redis, "APP_ENV": "test", "LIMITS": "off",
		"PUBLIC_URL": c.balancer.url, "CONCURRENCY": "300", "LOG_LEVEL": "info",
		"MCP_TOKEN_SECRET": strings.Repeat("s3cret!", 6), "FIREBASE_PROJECT_ID": project, "FIREBASE_CERTS_URL": c.certs.URL,
	}
	if c.patient {
		s["FIXTURES_REDIS_BUDGET"] = "10s"
	}
	maps.Copy(s, more)
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	for name, value := range s {
		env = append(env, name+"="+value)
	}
	return env
}

// allReady waits until the balancer sends requests to every instance.
func (c *cluster) allReady(t testing.TB) {
	t.Helper()
	c.eventually(t, "every instance to be ready", func() bool {
		return c.balancer.readyCount() == len(c.instances)
	})
}

// eventually waits until something is so; it is a fault when it takes longer than c.patience.
func (c *cluster) eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(c.patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited in vain for %s", what)
			return
		}
	}
}
