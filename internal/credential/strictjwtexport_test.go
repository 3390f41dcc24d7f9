package credential

import "encoding/base64"

// Seal signs any header and claims with the key that Mint uses, so that a test can ask what is refused of what only a
// stolen secret could make.
func (t *Tokens) Seal(header, claims string) string {
	k := t.current
	k.header = base64.RawURLEncoding.EncodeToString([]byte(header))
	return k.seal([]byte(claims))
}

// RawKey is the derived key, for the tests' second opinion.
func (t *Tokens) RawKey() []byte { return t.current.secret }

// ReadMembers reads a JSON object strictly and returns its members as they are written, by name.
func ReadMembers(b []byte) (map[string]string, error) {
	m, err := readMembers(b)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, x := range m.list {
		out[string(x.name)] = string(x.value)
	}
	return out, nil
}
