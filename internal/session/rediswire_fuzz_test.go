package session

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// FuzzRecord: whatever stands in the two values of a session, what is read keeps to its bounds, and reads the same after
// it was written.
func FuzzRecord(f *testing.F) {
	p, r := written(Record{LogLevel: "info", Subscriptions: []string{"pos://a", "pos://b"}, Active: "b1"}, 7)
	f.Add(p, r)
	f.Add("", "")
	f.Add(`{"active":7}`, `{"subscriptions":["",null]}`)
	f.Add(`{"version":-1}`, `{"log_level":"x","subscriptions":{}}`)
	f.Fuzz(func(t *testing.T, principalText, recordText string) {
		p, r := readPrincipal(principalText), readRemembered(recordText)
		if p.Version < 0 || len(p.Active) > maxWord || len(r.LogLevel) > maxWord || len(r.Subscriptions) > maxSubscriptions {
			t.Errorf("out of bounds: %+v, %+v", p, r)
		}
		for _, uri := range r.Subscriptions {
			if uri == "" || len(uri) > maxURI {
				t.Errorf("a subscription to %q", uri)
			}
		}
		rec := Record{LogLevel: r.LogLevel, Subscriptions: r.Subscriptions, Active: p.Active}
		again, more := written(rec, p.Version)
		if diff := cmp.Diff(p, readPrincipal(again)); diff != "" {
			t.Errorf("principal (-read +written and read):\n%s", diff)
		}
		if diff := cmp.Diff(r, readRemembered(more)); diff != "" {
			t.Errorf("record (-read +written and read):\n%s", diff)
		}
	})
}

// FuzzEvent: what is read of a stream has a kind and a position that Redis would take.
func FuzzEvent(f *testing.F) {
	f.Add("1795406576652-0", "2", "data", "d")
	f.Add("1795406576652-0", "0", "data", "d")
	f.Add("-", "1", "", "x")
	f.Fuzz(func(t *testing.T, id, kind, data, name string) {
		e, ok := readEvent(redis.XMessage{ID: id, Values: map[string]any{"k": kind, name: data}})
		if !ok {
			return
		}
		if e.Kind < Opening || e.Kind > Last || !isStreamID(e.Position) || e.Position != id || string(e.Data) != data || name != "d" {
			t.Errorf("event %+v of id %q, kind %q", e, id, kind)
		}
	})
}

// FuzzNotice: what is heard names a session, and says what it said when it was sent.
func FuzzNotice(f *testing.F) {
	f.Add(notice{From: "a", Session: "s", Type: Upstream, Stream: "x", Data: []byte("y"), Version: 3}.text())
	f.Add(`{"s":"x","t":300}`)
	f.Add(`{"s":1}`)
	f.Add(`{"s":"0","t":5}`)
	f.Add(`{"s":"0","t":6}`)
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := readNotice(text)
		if !ok {
			return
		}
		if n.Session == "" || len(n.Session) > maxID || n.Type > TakeOver && n.Type != Announced || n.Version < 0 || !utf8.ValidString(n.Stream) {
			t.Errorf("out of bounds: %+v", n)
		}
		if again, ok := readNotice(n.text()); !ok || !cmp.Equal(again.text(), n.text()) {
			t.Errorf("%+v is heard as %+v, %v", n, again, ok)
		}
	})
}
