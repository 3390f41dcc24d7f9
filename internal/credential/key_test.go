package credential_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/credential"
)

func TestNewKey(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^fp_mcp_[0-9A-Za-z]{49}$`)
	seen := map[string]bool{}
	for range 500 {
		k := credential.NewKey()
		if !form.MatchString(k) || !credential.WellFormed(k) || seen[k] {
			t.Fatalf("%s", k)
		}
		seen[k] = true
	}
}

// A key of the form that was given out first; and the checksum as other programs (secret scanners) compute it.
func TestKnownKeys(t *testing.T) {
	t.Parallel()
	body := "fp_mcp_" + strings.Repeat("A", 43)
	for key, want := range map[string]bool{
		body:                                  true, // from before checksums
		body + "1EzncX":                       false,
		body + "2gQBDz":                       true,
		body[:len(body)-1]:                    false,
		body + "A":                            false,
		body + "AAAAA":                        false,
		body + "AAAAAA":                       false,
		"":                                    false,
		"fp_mcp_":                             false,
		"FP_MCP_" + body[7:]:                  false,
		"sk_mcp_" + body[7:]:                  false,
		" " + body:                            false,
		body + "\n":                           false,
		body[:20] + "-" + body[21:]:           false,
		body[:20] + "%" + body[21:]:           false,
		body[:20] + "é" + body[22:]:           false,
		"fp_mcp_' OR '1'='1":                  false,
		"fp_mcp_" + strings.Repeat("A", 5000): false,
		body[:20] + "\x00" + body[21:]:        false,
	} {
		if got := credential.WellFormed(key); got != want {
			t.Errorf("WellFormed(%.70q) = %t", key, got)
		}
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	key := credential.NewKey()
	hint := credential.Hint(key)
	if want := key[:11] + "…" + key[len(key)-4:]; hint != want {
		t.Errorf("%s of %s", hint, key)
	}
}

// Whatever is typed is refused without a query unless it is whole: one wrong character is always noticed.
func FuzzKey(f *testing.F) {
	f.Add(credential.NewKey(), uint(12), byte('x'))
	f.Add("fp_mcp_"+strings.Repeat("A", 43), uint(0), byte('%'))
	f.Add("Bearer fp_mcp_", uint(3), byte(0))
	f.Fuzz(func(t *testing.T, key string, at uint, other byte) {
		if !credential.WellFormed(key) {
			return
		}
		if !strings.HasPrefix(key, "fp_mcp_") || len(key) != 50 && len(key) != 56 || strings.Trim(key[7:], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
			t.Fatalf("%q was taken for a key", key)
		}
		b := []byte(key)
		i := at % uint(len(b))
		if b[i] == other || len(key) == 50 {
			return
		}
		if b[i] = other; credential.WellFormed(string(b)) {
			t.Fatalf("%q and %q are both keys", key, b)
		}
	})
}
