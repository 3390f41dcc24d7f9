package embedded

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// secrets are the passwords of the cluster's roles. They are made once per data folder, so that a URL stays valid.
type secrets struct {
	Admin string `json:"flowpos_admin"`
	Owner string `json:"flowpos_owner"`
	App   string `json:"flowpos_app"`
}

// ensureSecrets reads the passwords of the folder or makes them. They are on disk before the cluster learns them: a start
// that is killed in between leaves passwords that nobody uses, never a cluster that nobody can enter.
func ensureSecrets(dir string) (secrets, error) {
	path := filepath.Join(dir, "secrets.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return makeSecrets(path)
	}
	if err != nil {
		return secrets{}, fmt.Errorf("passwords: %w", err)
	}
	var s secrets
	if err := json.Unmarshal(text, &s); err != nil {
		return secrets{}, fmt.Errorf("passwords in %s: %w", path, err)
	}
	if s.Admin == "" || s.Owner == "" || s.App == "" {
		return secrets{}, fmt.Errorf("passwords in %s: one is missing", path)
	}
	return s, nil
}

func makeSecrets(path string) (secrets, error) {
	s := secrets{Admin: rand.Text(), Owner: rand.Text(), App: rand.Text()}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return secrets{}, err
	}
	half := path + ".new"
	if err := os.WriteFile(half, append(text, '\n'), 0o600); err != nil {
		return secrets{}, fmt.Errorf("passwords: %w", err)
	}
	if err := os.Rename(half, path); err != nil {
		return secrets{}, fmt.Errorf("passwords: %w", err)
	}
	return s, nil
}
