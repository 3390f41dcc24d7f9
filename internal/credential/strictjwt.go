package credential

import (
	"encoding/base64"
	"strings"
	"time"
)

// Both kinds of token are read here, strictly, because libraries are kind: golang-jwt takes a newline at the end, a
// string as exp, EXP for exp, and the last of two members of one name. What is left after reading strictly is one call
// of crypto/rsa or crypto/hmac, so the library is the tests' second opinion and not linked.

const (
	maxToken = 4 << 10          // bytes; Google's are about 1 KB, ours about 500 bytes
	skew     = 30 * time.Second // how far clocks may differ
)

// sealed is a token taken apart, nothing of it believed yet.
type sealed struct {
	header    string // as sent
	signed    string // what the signature is over: header and claims as sent
	claims    []byte
	signature []byte // empty in an emulator's token
}

// takeApart checks the form of a token: at most 4 KB, three parts of base64url without padding.
func takeApart(raw string) (sealed, error) {
	if len(raw) > maxToken {
		return sealed{}, refused("longer than 4 KB")
	}
	header, rest, _ := strings.Cut(raw, ".")
	claims, signature, three := strings.Cut(rest, ".")
	if !three {
		return sealed{}, refused("not three parts")
	}
	s := sealed{header: header, signed: raw[:len(header)+1+len(claims)]}
	var err error
	if s.claims, err = decodePart(claims); err != nil {
		return sealed{}, err
	}
	s.signature, err = decodePart(signature)
	return s, err
}

// decodePart reads one part. The characters are looked at first: encoding/base64 skips line breaks.
func decodePart(s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return nil, refused("a part is not base64url")
		}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, refused("a part is not base64url")
	}
	return b, nil
}

func refused(why string) error { return &Refusal{Sent: true, Why: why} }

// times are the moments that every token states.
type times struct {
	issued, expires time.Time
}

// timesOf reads iat, exp and, if there is one, nbf and refuses what is not in force now. A token that has ended is taken
// for so long afterwards as late says.
func timesOf(m *members, now time.Time, late time.Duration) (times, error) {
	t := times{issued: m.moment("iat"), expires: m.moment("exp")}
	var notBefore time.Time
	if m.has("nbf") {
		notBefore = m.moment("nbf")
	}
	switch {
	case m.wrong != "":
		return t, refused(m.wrong)
	case t.issued.After(now.Add(skew)):
		return t, refused("iat is in the future")
	case notBefore.After(now.Add(skew)):
		return t, refused("nbf is in the future")
	case !t.expires.After(t.issued):
		return t, refused("exp is not after iat")
	case !t.expires.Add(late).After(now):
		return t, refused("ended")
	}
	return t, nil
}
