package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowpos/flowpos-backend/bench/load"
	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// fleet is what is measured as one: a server, or several instances of it behind a round robin. They share the servers' core.
type fleet struct {
	name    string
	all     []*server
	ids     []string     // sessions, opened on the instances in turn
	sticky  bool         // a session is served only where it was opened
	without atomic.Int64 // right answers that say that Redis was too late for them
}

// tooLate is what an answer says that was given without Redis, in a shop's Spanish, after 250 ms of waiting or while the
// breaker is open. It is right and late, not wrong: such answers are counted.
const tooLate = "la memoria de la sesión no está disponible"

// crew are fleets that do the same work for the same caller: the floor, ours with sessions in its memory, ours with Redis.
type crew struct{ floor, memory, redis *fleet }

func (c crew) all() []*fleet { return []*fleet{c.floor, c.memory, c.redis} }

func (c crew) halt() {
	var each sync.WaitGroup
	for _, f := range c.all() {
		if f != nil {
			each.Go(f.halt)
		}
	}
	each.Wait()
}

// halt ends all at once: each takes half a second to say that it goes.
func (f *fleet) halt() {
	var each sync.WaitGroup
	for _, s := range f.all {
		each.Go(s.halt)
	}
	each.Wait()
}

// caller is who calls, and how the rows name them.
type caller struct {
	name     string // of their profiles
	of       string // as rows say it
	credit   string // the key or token
	token    bool
	business string // chosen in each session; empty: there is nothing to choose
}

// The settings of signing in. One secret and one public URL for all instances, as in a deployment.
const (
	tokenSecret = "a secret of the benchmark, made for nothing else"
	publicURL   = "http://127.0.0.1:1"
)

// A key belongs to one business, so the business of its calls is certain. A merchant with several has chosen one in the
// session: only the session's record says which, unless the call names it.
func (b *bench) key() caller { return caller{name: "key", of: "a key", credit: b.stage.keys[0]} }

func (b *bench) merchant(ctx context.Context) (caller, error) {
	return b.signIn(ctx, "ana", "a merchant with several businesses", b.stage.business)
}

// signIn makes a token for one of the demo's people by the product's own code, as if their ID token had been verified.
func (b *bench) signIn(ctx context.Context, who, of, business string) (c caller, err error) {
	db, err := postgres.Open(ctx, b.stage.pg.AppURL(mainDatabase), 1)
	if err != nil {
		return c, err
	}
	defer db.Close()
	tokens, err := credential.NewTokens(credential.TokenOptions{Secret: tokenSecret, TTL: time.Hour, Issuer: publicURL, Audience: publicURL + "/mcp", Now: time.Now})
	if err != nil {
		return c, err
	}
	issued, err := credential.NewExchange(db, tokens, time.Now).SignIn(ctx, credential.Person{UID: "demo-" + who})
	if err != nil {
		return c, fmt.Errorf("sign-in of %s: %w", who, err)
	}
	return caller{name: who, of: of, credit: issued.AccessToken, token: true, business: business}, nil
}

// instance is ours as one of several; without a URL of Redis its sessions are in its memory.
func (b *bench) instance(binary, redis string) program {
	p := b.ours(binary, mainDatabase)
	p.name = "memory"
	p.env = append(p.env, "MCP_TOKEN_SECRET="+tokenSecret, "FIREBASE_PROJECT_ID=bench", "PUBLIC_URL="+publicURL)
	if redis != "" {
		p.name, p.env = "redis", append(p.env, "REDIS_URL="+redis)
	}
	return p
}

// startCrew starts n instances of each kind of ours and a floor, which all give the same answers to some calls.
func (b *bench) startCrew(ctx context.Context, who caller, binary string, n int, calls ...call) (c crew, err error) {
	defer func() {
		if err != nil {
			c.halt()
		}
	}()
	if c.memory, err = b.startFleet(ctx, who, b.instance(binary, ""), n, calls...); err != nil {
		return c, err
	}
	first := c.memory.all[0]
	if c.floor, err = b.floorOf(ctx, first, who, calls); err != nil {
		return c, err
	}
	r, err := b.withRedis(ctx)
	if err != nil {
		return c, err
	}
	if c.redis, err = b.startFleet(ctx, who, b.instance(binary, r.database()), n, calls...); err != nil {
		return c, err
	}
	for _, name := range calls {
		if err := c.redis.all[0].calls[name].sameAs(first.calls[name], false); err != nil {
			return c, fmt.Errorf("%s: with Redis the answer is another: %w", name, err)
		}
	}
	return c, nil
}

// startFleet starts n instances, which must give the same answers.
func (b *bench) startFleet(ctx context.Context, who caller, p program, n int, calls ...call) (*fleet, error) {
	f := &fleet{name: p.name, sticky: p.name == "memory" && who.token}
	for range n {
		s, err := b.start(ctx, p)
		if err != nil {
			return f, err
		}
		s.key, s.business = who.credit, who.business
		f.all = append(f.all, s)
		if err := s.learn(ctx, nil, calls...); err != nil {
			return f, err
		}
		for _, name := range calls {
			if err := s.calls[name].sameAs(f.all[0].calls[name], false); err != nil {
				return f, fmt.Errorf("%s: instances answer differently: %w", name, err)
			}
		}
	}
	return f, nil
}

// floorOf starts a floor that answers what a server of ours does.
func (b *bench) floorOf(ctx context.Context, ours *server, who caller, calls []call) (*fleet, error) {
	s, err := b.writeScript(ctx, ours, calls)
	if err != nil {
		return nil, err
	}
	if who.token {
		s.Tokens = []string{who.credit}
	}
	path := filepath.Join(b.dir, fmt.Sprintf("script-%d.json", len(b.servers)))
	if err := s.Write(path); err != nil {
		return nil, err
	}
	floor, err := b.start(ctx, b.floor(path))
	if err != nil {
		return nil, err
	}
	floor.key = who.credit
	return &fleet{name: "floor", all: []*server{floor}}, floor.learn(ctx, ours, calls...)
}

// open makes n sessions, on the instances in turn, each with its business chosen.
func (f *fleet) open(ctx context.Context, n int) error {
	for i := len(f.ids); i < n; i++ {
		s := f.all[i%len(f.all)]
		id, err := s.begin(ctx)
		if err != nil {
			return fmt.Errorf("session of %s: %w", f.name, err)
		}
		f.ids = append(f.ids, id)
	}
	return nil
}

// steps make a call over n connections, which go to the instances in turn. Each connection takes one session after the
// other: every instance serves every session, as behind a balancer that keeps no cookies.
func (f *fleet) steps(c call, n int) (steps []load.Step) {
	for i := range n {
		at := i % len(f.all)
		s := f.all[at]
		var requests [][]byte
		for j := range f.ids {
			if which := (i + j) % len(f.ids); !f.sticky || which%len(f.all) == at {
				requests = append(requests, s.request(c, f.ids[which], s.key).Bytes(s.addr))
			}
		}
		want, next := s.calls[c], 0
		steps = append(steps, func(conn *load.Conn) error {
			res, err := conn.Do(requests[next])
			if err != nil {
				return err
			}
			next = (next + 1) % len(requests)
			err = want.check(res)
			if err != nil && res.Status == want.status && bytes.Contains(res.Body, []byte(tooLate)) {
				f.without.Add(1)
				return nil
			}
			return err
		})
	}
	return steps
}

// begin opens one session and chooses its business, where there is one to choose.
func (s *server) begin(ctx context.Context) (string, error) {
	var id string
	conn, err := load.Dial(ctx, s.addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.Patient(time.Minute); err != nil {
		return "", err
	}
	if err := s.life(func(is string) { id = is })(conn); err != nil {
		return "", err
	}
	return id, s.choose(conn, id)
}

// choose makes a business the session's.
func (s *server) choose(conn *load.Conn, session string) error {
	if s.business == "" {
		return nil
	}
	r := s.request(whoami, session, s.key)
	r.Body = toolCall("set_active_business", `{"business":"`+s.business+`"}`)
	res, err := conn.Do(r.Bytes(s.addr))
	if err != nil {
		return err
	}
	chosen, err := readResult(res.Body)
	if err != nil || chosen.IsError || !strings.Contains(string(res.Body), s.business) {
		return errors.Join(err, fmt.Errorf("set_active_business: status %d %s", res.Status, res.Body))
	}
	return nil
}
