package app

import (
	"context"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/session"
)

// openStore is where sessions are kept: in Redis, which instances share, when the settings name one, otherwise in this
// process. It does not wait for a Redis that is away.
func (p *program) openStore(ctx context.Context) error {
	closed := credential.NewClosedSessions(p.db)
	if !p.cfg.redis() {
		p.store = session.NewMemory(closed, p.now)
		return nil
	}
	o := session.RedisOptions{
		URL: p.cfg.RedisURL, Host: p.cfg.RedisHost, Port: p.cfg.RedisPort, Password: p.cfg.RedisPassword, CAFile: p.cfg.RedisCAFile,
		Closed: closed, Choices: credential.NewChoices(p.db), Log: p.log, Now: p.now, Budget: redisBudget(),
	}
	if p.limits != nil {
		if c, ok := p.limits.Credentials.(session.Counts); ok {
			o.Counts = c
		}
	}
	r, err := session.OpenRedis(ctx, o)
	if err != nil {
		return err
	}
	p.store, p.redis = r, r
	return nil
}

func (p *program) closeStore() {
	if p.redis != nil {
		p.redis.Stop()
	}
}

// redisState is what /health says of Redis.
func (p *program) redisState() string {
	if p.redis == nil {
		return "off"
	}
	return p.redis.State()
}

// redis says whether the settings name one.
func (c *serveCmd) redis() bool { return c.RedisURL != "" || c.RedisHost != "" }
