package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// credentials is what the demo tells other programs: where it is and the keys to it.
type credentials struct {
	URL            string    `json:"url"`            // ends in /mcp
	DatabaseURL    string    `json:"databaseUrl"`    // flowpos_owner
	AppDatabaseURL string    `json:"appDatabaseUrl"` // flowpos_app
	Keys           []demoKey `json:"keys"`

	Tokens []demoToken `json:"tokens"` // of people who signed in when the demo started, good for a day
}

type demoToken struct {
	User  string `json:"user"` // email
	Token string `json:"token"`
}

type demoKey struct {
	Name       string   `json:"name"`
	Key        string   `json:"key"`
	Role       string   `json:"role"`
	BusinessID string   `json:"businessId"` // empty for the operator
	Business   string   `json:"business"`
	Scopes     []string `json:"scopes"`
}

// write puts the file in place at once, readable by its owner only.
func (c credentials) write(path string) error { return writePrivate(path, c) }

func writePrivate(path string, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false) // people copy the URLs: & stays &
	if err := e.Encode(v); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".flowpos-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, withoutPath(err))
	}
	_, err = f.Write(b.Bytes())
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, withoutPath(err))
	}
	return nil
}

// withoutPath leaves out the name of the temporary file, which tells nobody anything.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

func readCredentials(path string) (c credentials, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return c, nil
}

// stateFile is where the running demo leaves its credentials for flowpos call; it is gone when the demo has ended.
func stateFile(dir string) string { return filepath.Join(dir, "running.json") }
