package session

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
)

// What is read back from Redis is checked: others may write there too, and an older program wrote what a newer one reads.
// What cannot be understood counts as missing, field by field.

// principal is the value of mcp:session:<id>.
type principal struct {
	Active  string `json:"active,omitempty"`
	Version int64  `json:"version"`
}

// remembered is the value of {mcp:session:<id>}:record.
type remembered struct {
	LogLevel      string   `json:"log_level,omitempty"`
	Subscriptions []string `json:"subscriptions,omitempty"`
}

// Bounds of what is believed.
const (
	maxWord = 100
	maxURI  = 4 << 10
)

func readPrincipal(text string) (p principal) {
	if json.Unmarshal([]byte(text), &p) != nil || p.Version < 0 || len(p.Active) > maxWord {
		return principal{Version: max(p.Version, 0)}
	}
	return p
}

func readRemembered(text string) (r remembered) {
	if json.Unmarshal([]byte(text), &r) != nil {
		return remembered{}
	}
	if len(r.LogLevel) > maxWord {
		r.LogLevel = ""
	}
	r.Subscriptions = slices.DeleteFunc(r.Subscriptions, func(uri string) bool { return uri == "" || len(uri) > maxURI })
	r.Subscriptions = r.Subscriptions[max(0, len(r.Subscriptions)-maxSubscriptions):]
	if len(r.Subscriptions) == 0 {
		r.Subscriptions = nil
	}
	return r
}

// written are the two values of a record.
func written(rec Record, version int64) (principalText, recordText string) {
	p, err := json.Marshal(principal{rec.Active, version})
	if err == nil {
		var r []byte
		if r, err = json.Marshal(remembered{rec.LogLevel, rec.Subscriptions}); err == nil {
			return string(p), string(r)
		}
	}
	panic(err) // texts and a number always encode
}

// readEvent reads one entry of a stream; ok is false for one that is not ours.
func readEvent(m redis.XMessage) (e Event, ok bool) {
	kind, _ := m.Values["k"].(string)
	data, has := m.Values["d"].(string)
	n, err := strconv.ParseUint(kind, 10, 8)
	if err != nil || Kind(n) < Opening || Kind(n) > Last || !has || !isStreamID(m.ID) {
		return e, false
	}
	return Event{Position: m.ID, Kind: Kind(n), Data: []byte(data)}, true
}

// isStreamID says whether a position is one that Redis gave, which are written in one way only: milliseconds and a number.
func isStreamID(s string) bool {
	ms, n, ok := strings.Cut(s, "-")
	return ok && isNumber(ms) && isNumber(n)
}

func isNumber(s string) bool {
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && strconv.FormatUint(n, 10) == s
}

// notice is what travels on the channel of signals.
type notice struct {
	From    string     `json:"f"`
	Session string     `json:"s"`
	Type    SignalType `json:"t,omitempty"` // 0: the record changed
	Stream  string     `json:"n,omitempty"`
	Data    []byte     `json:"d,omitempty"`
	Version int64      `json:"v,omitempty"`
}

func (n notice) text() string {
	b, err := json.Marshal(n)
	if err != nil { // texts, bytes and numbers always encode
		panic(err)
	}
	return string(b)
}

func readNotice(text string) (n notice, ok bool) {
	if json.Unmarshal([]byte(text), &n) != nil {
		return n, false
	}
	sane := n.Session != "" && len(n.Session) <= maxID && (n.Type <= TakeOver || n.Type == Announced) && n.Version >= 0 && utf8.ValidString(n.Stream)
	return n, sane
}
