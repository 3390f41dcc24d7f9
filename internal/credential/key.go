// Package credential turns what a client presents into a pos.Caller: today V1 API keys. It reads through functions that
// answer one question each, because no business is known before the credential is; rights always come from PostgreSQL,
// at most 5 s old. It knows nothing of sessions' content, tools or the MCP protocol.
package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"math/big"
	"strings"
)

// A key is keyPrefix, 43 base62 characters of 32 random bytes, and 6 base62 characters of the CRC-32 (IEEE) of all that
// precedes, so that a wrong key costs no query and secret scanners can tell a real one. Older keys have no checksum.
const (
	keyPrefix   = "fp_mcp_"
	keyRandom   = 43
	keyChecksum = 6
	base62      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewKey makes a random key.
func NewKey() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the program instead
	body := keyPrefix + base62Of(new(big.Int).SetBytes(b[:]), keyRandom)
	return body + checksum(body)
}

func checksum(s string) string {
	return base62Of(big.NewInt(int64(crc32.ChecksumIEEE([]byte(s)))), keyChecksum)
}

func base62Of(n *big.Int, width int) string {
	out := make([]byte, width)
	base, rest := big.NewInt(62), new(big.Int)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, rest)
		out[i] = base62[rest.Int64()]
	}
	return string(out)
}

// wellFormed says whether s can be a key at all; what it refuses is refused without a query.
func wellFormed(s string) bool {
	body, ok := strings.CutPrefix(s, keyPrefix)
	if !ok {
		return false
	}
	for i := range len(body) {
		if strings.IndexByte(base62, body[i]) < 0 {
			return false
		}
	}
	switch len(body) {
	case keyRandom:
		return true // a key from before checksums
	case keyRandom + keyChecksum:
		cut := len(s) - keyChecksum
		return checksum(s[:cut]) == s[cut:]
	}
	return false
}

// hashOf is what is stored of a key. A plain SHA-256 is right here: the key has 256 random bits, nothing to guess.
func hashOf(key string) [sha256.Size]byte {
	var text [len(keyPrefix) + keyRandom + keyChecksum]byte // a key needs no more
	return sha256.Sum256(append(text[:0], key...))
}

// hintOf names a key for people without revealing it: "fp_mcp_3k9Q…x2Zd".
func hintOf(key string) string { return key[:len(keyPrefix)+4] + "…" + key[len(key)-4:] }
