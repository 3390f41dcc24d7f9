package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/verify"
)

type verifyCmd struct {
	URL           string        `arg:"" help:"Where the server is, such as https://mcp.example.com."`
	PublicURL     string        `name:"public-url" help:"What the server calls itself, when that is not the URL: for a tagged revision."`
	IDToken       string        `name:"id-token" env:"FLOWPOS_ID_TOKEN" help:"Firebase ID token of a member of a business, to try what people do who sign in."`
	Key           string        `env:"FLOWPOS_KEY" help:"API key, to try what keys do."`
	Redis         string        `env:"FLOWPOS_REDIS" help:"The server's Redis, where it can be reached: host:port, redis://… or rediss://…."`
	RedisPassword string        `env:"REDIS_PASSWORD" help:"Its password, with host:port."`
	All           bool          `help:"Fail when a point was not tried."`
	JSON          bool          `help:"Print the report as JSON."`
	Timeout       time.Duration `default:"90s" help:"Longest time for everything."`
}

// Run tries the points and prints one line for each. Its status is 1 when one failed.
func (c *verifyCmd) Run(ctx context.Context, std IO) error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
		return errors.New("the URL must be scheme and host, such as https://mcp.example.com")
	}
	o := verify.Options{URL: u.Scheme + "://" + u.Host, PublicURL: c.PublicURL, IDToken: c.IDToken, Key: c.Key, Patience: c.Timeout}
	if c.Redis != "" {
		if o.Keys, err = c.keys(); err != nil {
			return err
		}
	}
	r := verify.Run(ctx, o)
	if c.JSON {
		e := json.NewEncoder(std.Out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err = e.Encode(r)
	} else {
		err = printReport(std.Out, r)
	}
	if err == nil && (r.Failed > 0 || c.All && r.NotTried > 0) {
		err = errSilent
	}
	return err
}

// keys opens what --redis names. A laptop is further away than the server is, so it gets more time.
func (c *verifyCmd) keys() (verify.Keys, error) {
	o := session.RedisOptions{Budget: 5 * time.Second, Password: c.RedisPassword}
	if strings.Contains(c.Redis, "://") {
		o.URL = c.Redis
		return session.Look{Options: o}, nil
	}
	host, port, err := net.SplitHostPort(c.Redis)
	if err != nil {
		host, port = c.Redis, "6379"
	}
	if o.Port, err = strconv.Atoi(port); err != nil || host == "" {
		return nil, errors.New("--redis must be host:port, redis://… or rediss://…")
	}
	o.Host = host
	return session.Look{Options: o}, nil
}

func printReport(w io.Writer, r verify.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.URL)
	for _, p := range r.Points {
		fmt.Fprintf(&b, "%-9s %2d %s: %s\n", p.Status, p.Number, p.Name, p.Seen)
		if p.Fix != "" {
			fmt.Fprintf(&b, "%13s%s\n", "", "to do: "+p.Fix)
		}
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d not tried\n", r.Passed, r.Failed, r.NotTried)
	_, err := io.WriteString(w, b.String())
	return err
}
