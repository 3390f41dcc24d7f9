// Package session keeps what an MCP session of the older protocol era needs between two requests. Most of it travels in
// the session id itself, signed, so that any instance can serve any session without a store; a Store keeps the part that
// changes: log level, subscriptions, the active business, event streams, and who is to be woken.
//
// It knows neither HTTP nor the MCP SDK. A session id is never a credential: it opens only for the holder that it was made
// for, who is known from the credential of each request (pos.Caller.Holder).
package session

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"
)

// Life is how long a session id is good.
const Life = 24 * time.Hour

// ErrUnknown is the one answer to an id that does not open: malformed, forged, expired, closed, or of another holder.
var ErrUnknown = errors.New("session not found")

// Client is what the client can do, as it said at initialize.
type Client uint16

// The abilities that change what a tool may ask for.
const (
	Elicits Client = 1 << iota
	ElicitsForms
	ElicitsURLs
	Samples
	SamplesTools
	SamplesContext
	ListsRoots
	TellsRoots // sends roots/list_changed
)

// State is what a session id carries.
type State struct {
	Protocol string // the version agreed at initialize
	Client   Client
	ReadOnly bool   // the session was opened at a readonly path
	Pin      string // and at this business's, or empty
	Created  time.Time
}

// Signer makes and opens session ids. All instances share its secret.
type Signer struct {
	now    func() time.Time
	pens   sync.Pool // of *pen
	strict *base64.Encoding

	mu     sync.RWMutex
	opened map[opening]State // ids that opened lately: checking one costs a microsecond, a fifth of a plain call
}

// opening is an id and the holder who presented it.
type opening struct{ holder, id string }

// maxOpened bounds what is kept of opened ids, a few hundred bytes each. Full, it forgets them all.
const maxOpened = 1000

// pen is what it takes to open or make one id: without it, HMAC's state was a third of the memory of a call.
type pen struct {
	mac  hash.Hash
	sum  []byte
	id   [maxID]byte
	text []byte
}

// maxID bounds an id in bytes, encoded or not; ours have at most 83.
const maxID = 100

// NewSigner derives the key of session ids from the secret that `migrate` made.
func NewSigner(secret []byte, now func() time.Time) (*Signer, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("the secret of session ids has %d bytes, at least 32 are needed", len(secret))
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "flowpos mcp session id", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("key of session ids: %w", err)
	}
	return &Signer{
		now: now, strict: base64.RawURLEncoding.Strict(), opened: map[opening]State{},
		pens: sync.Pool{New: func() any { return &pen{mac: hmac.New(sha256.New, key)} }},
	}, nil
}

// The parts of an id: format, protocol, client (2), flags, created (4), [pin (16)], random (12), MAC (16).
const (
	format     = 1
	headSize   = 9
	pinSize    = 16
	randomSize = 12
	macSize    = 16

	flagReadOnly = 1
	flagPin      = 2
)

// New makes an id for a holder. Created is set to now.
func (s *Signer) New(holder string, st State) (string, error) {
	protocol := protocolCode(st.Protocol)
	if protocol == 0 {
		return "", fmt.Errorf("no session has the protocol version %q", st.Protocol)
	}
	b := make([]byte, 0, headSize+pinSize+randomSize+macSize)
	b = append(b, format, protocol)
	b = binary.BigEndian.AppendUint16(b, uint16(st.Client))
	var flags byte
	if st.ReadOnly {
		flags |= flagReadOnly
	}
	if st.Pin != "" {
		flags |= flagPin
	}
	b = append(b, flags)
	b = binary.BigEndian.AppendUint32(b, uint32(s.now().Unix()))
	if st.Pin != "" {
		pin, err := hex.DecodeString(strings.ReplaceAll(st.Pin, "-", ""))
		if err != nil || len(pin) != pinSize {
			return "", fmt.Errorf("no session is pinned to %q", st.Pin)
		}
		b = append(b, pin...)
	}
	var random [randomSize]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	b = append(b, random[:]...)
	p := s.pens.Get().(*pen)
	defer s.pens.Put(p)
	return base64.RawURLEncoding.EncodeToString(append(b, p.sign(b, holder)...)), nil
}

// Open checks an id that a holder presents. Its only error is ErrUnknown.
func (s *Signer) Open(holder, id string) (State, error) {
	st, err := s.OpenLasting(holder, id)
	if err == nil && s.now().Sub(st.Created) >= Life {
		return State{}, ErrUnknown
	}
	return st, err
}

// OpenLasting is Open for sessions whose end a store knows: it does not look at their age.
func (s *Signer) OpenLasting(holder, id string) (State, error) {
	s.mu.RLock()
	st, ok := s.opened[opening{holder, id}]
	s.mu.RUnlock()
	if ok {
		return st, nil
	}
	st, err := s.open(holder, id)
	if err != nil {
		return State{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.opened) >= maxOpened {
		clear(s.opened)
	}
	s.opened[opening{strings.Clone(holder), strings.Clone(id)}] = st // what a request brought holds on to all its headers
	return st, nil
}

func (s *Signer) open(holder, id string) (State, error) {
	p := s.pens.Get().(*pen)
	defer s.pens.Put(p)
	b, ok := p.decode(s.strict, id)
	if !ok || len(b) < headSize+randomSize+macSize || b[0] != format {
		return State{}, ErrUnknown
	}
	body, mac := b[:len(b)-macSize], b[len(b)-macSize:]
	if !hmac.Equal(mac, p.sign(body, holder)) {
		return State{}, ErrUnknown
	}
	flags := body[4]
	want := headSize + randomSize
	if flags&flagPin != 0 {
		want += pinSize
	}
	st := State{
		Protocol: protocolName(body[1]),
		Client:   Client(binary.BigEndian.Uint16(body[2:])),
		ReadOnly: flags&flagReadOnly != 0,
		Created:  time.Unix(int64(binary.BigEndian.Uint32(body[5:])), 0),
	}
	if len(body) != want || st.Protocol == "" {
		return State{}, ErrUnknown
	}
	if flags&flagPin != 0 {
		h := hex.EncodeToString(body[headSize : headSize+pinSize])
		st.Pin = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	}
	return st, nil
}

// Until is when an id of this state ends.
func (st State) Until() time.Time { return st.Created.Add(Life) }

// sign is the MAC of the body, whose length its flags decide, and the holder. It is good until the next one.
func (p *pen) sign(body []byte, holder string) []byte {
	p.mac.Reset()
	p.mac.Write(body)
	p.text = append(p.text[:0], holder...)
	p.mac.Write(p.text)
	p.sum = p.mac.Sum(p.sum[:0])
	return p.sum[:macSize]
}

// decode takes exactly what New encoded: base64 itself would let line breaks and stray bits pass, and one session would
// have several names, of which only one is closed.
func (p *pen) decode(strict *base64.Encoding, id string) ([]byte, bool) {
	if len(id) > maxID || strings.ContainsAny(id, "\r\n") {
		return nil, false
	}
	p.text = append(p.text[:0], id...)
	n, err := strict.Decode(p.id[:], p.text)
	return p.id[:n], err == nil
}

// protocolCode numbers the versions that have sessions. Numbers stay: they are in ids.
func protocolCode(version string) byte {
	switch version {
	case "2024-11-05":
		return 1
	case "2025-03-26":
		return 2
	case "2025-06-18":
		return 3
	case "2025-11-25":
		return 4
	}
	return 0
}

func protocolName(code byte) string {
	switch code {
	case 1:
		return "2024-11-05"
	case 2:
		return "2025-03-26"
	case 3:
		return "2025-06-18"
	case 4:
		return "2025-11-25"
	}
	return ""
}
