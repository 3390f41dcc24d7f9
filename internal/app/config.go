package app

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/mcphttp"
	"github.com/flowpos/flowpos-backend/internal/web"
)

// serveCmd is `flowpos serve`; its flags are the settings of contract.md, section 4, as far as they exist.
type serveCmd struct {
	Port         int      `env:"PORT" default:"4000" help:"Port to listen on."`
	DatabaseURL  string   `name:"database-url" env:"DATABASE_URL" help:"PostgreSQL as flowpos_app. Required."`
	PublicURL    string   `name:"public-url" env:"PUBLIC_URL" help:"Where clients reach this server, such as https://mcp.example.com. Required in production."`
	AllowedHosts []string `env:"ALLOWED_HOSTS" help:"Further Host names to accept, separated by commas."`
	DatabasePool int      `env:"DATABASE_POOL" default:"8" help:"Most database connections at once."`
	StreamMax    int      `name:"stream-max-seconds" env:"STREAM_MAX_SECONDS" default:"270" help:"Streams end themselves after so many seconds."`
	Concurrency  int      `env:"CONCURRENCY" default:"80" help:"Most requests at once that the platform sends to one instance; at most 60 % of them may be streams."`
	Limits       string   `env:"LIMITS" default:"on" enum:"on,off" help:"Limits on what one credential, address or business may ask: ${enum}. Off is for load tests, and refused in production."`
	MetricsAddr  string   `env:"METRICS_ADDR" help:"Serve metrics for Prometheus at this address, such as 127.0.0.1:9464. Without it there are none."`
	LogLevel     string   `env:"LOG_LEVEL" default:"info" enum:"debug,info,warn,error" help:"Least level to log: ${enum}."`
	Front        string   `env:"FRONT" default:"on" enum:"on,off" hidden:"" help:"off leaves plain requests to the SDK too: for tests and measurements."`

	TokenSecret         string   `name:"mcp-token-secret" env:"MCP_TOKEN_SECRET" help:"What access tokens are signed with, 32 characters or more. Without it nobody can sign in (V2)."`
	TokenSecretPrevious []string `name:"mcp-token-secret-previous" env:"MCP_TOKEN_SECRET_PREVIOUS" help:"Secrets of before, separated by commas: their tokens stay good until they end."`
	TokenTTL            int      `name:"mcp-token-ttl-seconds" env:"MCP_TOKEN_TTL_SECONDS" default:"86400" help:"Life of an access token, in seconds."`
	FirebaseProject     string   `name:"firebase-project-id" env:"FIREBASE_PROJECT_ID" help:"Firebase project that people sign in with."`
	FirebaseCertsURL    string   `name:"firebase-certs-url" env:"FIREBASE_CERTS_URL" help:"Where the certificates of its ID tokens are. Without it Google's."`
	FirebaseEmulator    string   `name:"firebase-auth-emulator-host" env:"FIREBASE_AUTH_EMULATOR_HOST" help:"Take the unsigned ID tokens of the Firebase Auth emulator too. Refused in production."`
	FirebaseAPIKey      string   `name:"firebase-api-key" env:"FIREBASE_API_KEY" help:"Web API key of the project, which the sign-in page needs; it is public. Without it assistants cannot connect by their URL alone."`
	FirebaseAuthDomain  string   `name:"firebase-auth-domain" env:"FIREBASE_AUTH_DOMAIN" help:"Its auth domain, such as my-project.firebaseapp.com: the page offers to continue with Google too."`
	TrustedClients      []string `name:"oauth-trusted-clients" env:"OAUTH_TRUSTED_CLIENTS" help:"Further assistants to trust, separated by commas: hosts, or beginnings of redirects such as myapp://oauth/."`
	RedisHost           string   `env:"REDIS_HOST" help:"Redis that instances share sessions through."`
	RedisPort           int      `env:"REDIS_PORT" default:"6379" help:"Its port."`
	RedisPassword       string   `env:"REDIS_PASSWORD" help:"Its password, if it has one."`
	RedisCAFile         string   `name:"redis-ca-file" env:"REDIS_CA_FILE" help:"PEM file with the authority of Redis's certificate."`
	RedisURL            string   `name:"redis-url" env:"REDIS_URL" help:"Redis as a URL, such as rediss://…; wins over the three."`

	cloudProject string // of Cloud Run: log lines name their trace in it

	identity    *http.Client     // fetches the certificates in the process: the demo's own people sign in without Google
	development *web.Development // signs in made-up people on the pages: the demo's
	web         *http.Client     // fetches client documents, for tests; nil: from public addresses only
	extra       mcphttp.Extra    // features beside the tools, for tests; nil: those of the build

	AppEnv string `env:"APP_ENV" default:"production" enum:"production,development,test" help:"What may be relaxed: ${enum}. NODE_ENV=production and Cloud Run always mean production."`
}

// production says whether nothing may be relaxed: the default, and always so under NODE_ENV=production or on Cloud Run.
func (c *serveCmd) production() bool {
	return c.AppEnv == "production" || os.Getenv("NODE_ENV") == "production" || os.Getenv("K_SERVICE") != ""
}

// check refuses settings that cannot work, in one sentence, and fills those that have a default elsewhere.
func (c *serveCmd) check() error {
	if c.DatabaseURL == "" {
		return fmt.Errorf("DATABASE_URL is not set; give the URL of PostgreSQL as flowpos_app, such as postgres://flowpos_app:…@host:5432/flowpos")
	}
	if c.PublicURL == "" {
		if c.production() {
			return fmt.Errorf("PUBLIC_URL is not set; in production it must say where clients reach this server, such as https://mcp.example.com")
		}
		c.PublicURL = fmt.Sprintf("http://127.0.0.1:%d", c.Port)
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("PUBLIC_URL is %q; it must be scheme and host only, such as https://mcp.example.com", c.PublicURL)
	}
	if u.User != nil { // not repeated: it may hold a password
		return fmt.Errorf("PUBLIC_URL holds a user; it must be scheme and host only, such as https://mcp.example.com")
	}
	c.PublicURL = u.Scheme + "://" + u.Host
	for _, n := range []struct {
		name         string
		value, least int
	}{{"DATABASE_POOL", c.DatabasePool, 1}, {"STREAM_MAX_SECONDS", c.StreamMax, 1}, {"CONCURRENCY", c.Concurrency, 2}} {
		if n.value < n.least {
			return fmt.Errorf("%s is %d; it must be at least %d", n.name, n.value, n.least)
		}
	}
	if c.production() && c.Limits == "off" {
		return fmt.Errorf("LIMITS is off, which production refuses; it is for load tests")
	}
	if _, _, err := net.SplitHostPort(c.MetricsAddr); err != nil && c.MetricsAddr != "" {
		return fmt.Errorf("METRICS_ADDR is %q; it must be an address and a port, such as 127.0.0.1:9464", c.MetricsAddr)
	}
	if err := c.checkSignIns(); err != nil {
		return err
	}
	if c.production() && fixturesBuild {
		return fmt.Errorf("this is the build with conformance fixtures, which production refuses; build without -tags fixtures")
	}
	return nil
}

func (c *serveCmd) level() slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(c.LogLevel)) // one of the enum's words
	return l
}

// limited says whether limits hold.
func (c *serveCmd) limited() bool { return c.Limits != "off" }

func (c *serveCmd) streamMax() time.Duration { return time.Duration(c.StreamMax) * time.Second }

// features are those beside the tools.
func (c *serveCmd) features() mcphttp.Extra {
	if c.extra != nil {
		return c.extra
	}
	return fixturesExtra()
}
