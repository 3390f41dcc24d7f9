package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/tokenhttp"
)

// checkSignIns refuses settings of V2 that cannot work. Incomplete ones are no mistake: V1 alone needs none.
func (c *serveCmd) checkSignIns() error {
	if c.FirebaseEmulator != "" && c.production() {
		return errors.New("FIREBASE_AUTH_EMULATOR_HOST is set, which production refuses: anybody could sign in as anybody; unset it, or set APP_ENV=development")
	}
	if u, err := url.Parse(c.FirebaseCertsURL); c.FirebaseCertsURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return fmt.Errorf("FIREBASE_CERTS_URL is %q; it must be a URL such as %s", c.FirebaseCertsURL, credential.GoogleCertsURL)
	}
	if strings.HasPrefix(strings.ToLower(c.FirebaseCertsURL), "http:") && c.production() {
		return fmt.Errorf("FIREBASE_CERTS_URL is %q, which production refuses: whoever is on the way could sign in as anybody; it must begin with https", c.FirebaseCertsURL)
	}
	if _, err := oauth.NewTrust(c.TrustedClients); err != nil {
		return err
	}
	if c.TokenSecret == "" && len(c.TokenSecretPrevious) > 0 {
		return errors.New("MCP_TOKEN_SECRET_PREVIOUS is set without MCP_TOKEN_SECRET, which new tokens are signed with")
	}
	if c.TokenSecret == "" {
		return nil
	}
	_, err := c.newTokens(time.Now)
	return err
}

func (c *serveCmd) newTokens(now func() time.Time) (*credential.Tokens, error) {
	return credential.NewTokens(credential.TokenOptions{
		Secret: c.TokenSecret, Previous: c.TokenSecretPrevious, TTL: time.Duration(c.TokenTTL) * time.Second,
		Issuer: c.PublicURL, Audience: c.PublicURL + "/mcp", Now: now,
	})
}

// missing names the settings that V2 lacks.
func (c *serveCmd) missing() []string {
	var out []string
	if c.TokenSecret == "" {
		out = append(out, "MCP_TOKEN_SECRET")
	}
	if c.FirebaseProject == "" {
		out = append(out, "FIREBASE_PROJECT_ID")
	}
	if c.production() && c.RedisHost == "" && c.RedisURL == "" {
		out = append(out, "REDIS_HOST (or REDIS_URL)")
	}
	return out
}

// signIns is what it takes to serve people who sign in; both are nil where a setting is missing.
type signIns struct {
	firebase *credential.Firebase // a Firebase project is all that managing keys needs
	tokens   *credential.Tokens   // V2 is on
}

func newSignIns(cfg *serveCmd, log *slog.Logger, now func() time.Time) (s signIns, err error) {
	if cfg.FirebaseProject != "" {
		s.firebase = credential.NewFirebase(credential.FirebaseOptions{
			ProjectID: cfg.FirebaseProject, CertsURL: cfg.FirebaseCertsURL, Client: cfg.identity, Now: now,
			Emulator: cfg.FirebaseEmulator != "", Log: log,
		})
	}
	if len(cfg.missing()) == 0 {
		s.tokens, err = cfg.newTokens(now)
	}
	return s, err
}

// tokenPaths serves /mcp/token and /mcp/keys.
func (p *program) tokenPaths() http.Handler {
	o := tokenhttp.Options{
		Keys: credential.NewMemberKeys(p.db), Log: p.log, Now: p.now,
		TokensMissing: isOff("signing in", p.cfg.missing()), KeysMissing: isOff("managing keys", []string{"FIREBASE_PROJECT_ID"}),
	}
	if p.signIns.firebase != nil {
		o.Firebase = p.signIns.firebase
	}
	if p.signIns.tokens != nil {
		o.Tokens = credential.NewExchange(p.db, p.signIns.tokens, p.now)
	}
	if p.limits != nil {
		o.Limits = &tokenhttp.Limits{People: p.limits.Credentials, Addresses: p.limits.Addresses, Forwarded: p.limits.Forwarded}
	}
	if p.figures != nil {
		o.Meter = p.figures.metrics
	}
	return tokenhttp.New(o)
}

func isOff(what string, missing []string) string {
	verb := " is"
	if len(missing) > 1 {
		verb = " are"
	}
	return what + " is off on this server: " + strings.Join(missing, " and ") + verb + " not set"
}
