package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

type callCmd struct {
	Tool      string `arg:"" help:"Name of the tool, such as summarize_day; flowpos tools lists them."`
	Arguments string `arg:"" optional:"" default:"{}" help:"Arguments as JSON, such as '{\"period\": \"yesterday\"}'."`
	Key       string `env:"FLOWPOS_KEY" help:"API key or access token, the name of one of the demo's keys, or the email of one of its people; without it the first key of the running demo."`
	URL       string `env:"FLOWPOS_URL" help:"URL of the MCP endpoint; without it the running demo's."`
	DataDir   string `help:"Data folder of the running demo." type:"path"`
	JSON      bool   `help:"Print the structured answer instead of the text."`
}

// Run calls a tool with one plain request and prints the answer.
func (c *callCmd) Run(ctx context.Context, std IO) error {
	if err := c.fromDemo(); err != nil {
		return err
	}
	if !json.Valid([]byte(c.Arguments)) {
		return fmt.Errorf("the arguments are not JSON: %s", c.Arguments)
	}
	r, err := c.post(ctx)
	if err != nil {
		return err
	}
	text := ""
	for _, block := range r.Content {
		text += block.Text
	}
	if c.JSON {
		var indented bytes.Buffer
		if err := json.Indent(&indented, r.Structured, "", "  "); err != nil {
			return fmt.Errorf("the server's answer is not JSON: %w", err)
		}
		text = indented.String()
	}
	fmt.Fprintln(std.Out, text)
	if r.IsError {
		return errSilent
	}
	return nil
}

// fromDemo fills URL and key from what the running demo wrote.
func (c *callCmd) fromDemo() error {
	if c.URL != "" && c.Key != "" {
		return nil
	}
	dir, err := demoDir(c.DataDir)
	if err != nil {
		return err
	}
	creds, err := readCredentials(stateFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("no demo runs here; start one with flowpos demo, or give --url and --key")
	}
	if err != nil {
		return err
	}
	if c.URL == "" {
		c.URL = creds.URL
	}
	var names []string
	for _, k := range creds.Keys {
		if c.Key == "" || c.Key == k.Name {
			c.Key = k.Key
		}
		names = append(names, k.Name)
	}
	for _, t := range creds.Tokens {
		if c.Key == t.User {
			c.Key = t.Token
		}
		names = append(names, t.User)
	}
	if !strings.HasPrefix(c.Key, "fp_mcp_") && !strings.HasPrefix(c.Key, "eyJ") { // the beginning of every access token
		return fmt.Errorf("the demo has no key %q; its keys: %s", c.Key, strings.Join(names, ", "))
	}
	return nil
}

type callResult struct {
	Content []struct {
		Text string `json:"text"`
	} `json:"content"`
	Structured json.RawMessage `json:"structuredContent"`
	IsError    bool            `json:"isError"`
}

// post sends one tools/call without a session, which every instance serves on its own.
func (c *callCmd) post(ctx context.Context) (r callResult, err error) {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
		"params": map[string]any{"name": c.Tool, "arguments": json.RawMessage(c.Arguments)}})
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, 70*time.Second)
	defer cancel()
	status, b, err := postJSON(ctx, c.URL, c.Key, body)
	if err != nil {
		return r, err
	}
	var msg struct {
		Result *callResult `json:"result"`
		Error  *struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(b, &msg); err != nil || msg.Result == nil && msg.Error == nil {
		return r, fmt.Errorf("%s answered %s, not with JSON-RPC", c.URL, status)
	}
	if msg.Error != nil {
		return r, errors.New(msg.Error.Message)
	}
	return *msg.Result, nil
}

// postJSON sends a body to a server that runs here, with a credential when there is one, and returns what it answered.
func postJSON(ctx context.Context, url, key string, body []byte) (status string, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", nil, fmt.Errorf("the URL %q cannot be used", url)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", nil, fmt.Errorf("no server answers at %s; is flowpos demo running?", url)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(io.LimitReader(resp.Body, 8<<20)); err != nil {
		return "", nil, fmt.Errorf("the answer broke off: %w", err)
	}
	return resp.Status, answer, nil
}
