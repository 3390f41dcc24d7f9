package app

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// What a customer of Ana's typed, planted in everybody's entry: it is masked in answers and never logged.
const (
	customersPhone = "55501234987"
	customersNIT   = "88812345K"
)

// secretsOf are the texts that may be nowhere in what the program says, by what they are.
func (b *faultBed) secretsOf(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{"a customer's phone": customersPhone, "a customer's NIT": customersNIT}
	for name, key := range b.keys {
		out["the key "+name] = key
		out["the body of the key "+name] = strings.TrimPrefix(key, "fp_mcp_")[:30]
	}
	for name, raw := range map[string]string{"app": b.pg.AppURL("shop"), "owner": b.pg.OwnerURL("shop"), "admin": b.pg.AdminURL("shop")} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		out["the database password of "+name], _ = u.User.Password()
	}
	b.admin(t, func(c *pgx.Conn) {
		var secret []byte
		if err := c.QueryRow(t.Context(), `SELECT value FROM mcp_secret WHERE name = $1`, postgres.SessionSecret).Scan(&secret); err != nil {
			t.Fatal(err)
		}
		out["the session secret"] = string(secret)
		out["the session secret in hex"] = hex.EncodeToString(secret)
		out["the session secret in base64"] = base64.StdEncoding.EncodeToString(secret)[:40]
		out["the session secret in base64url"] = base64.RawURLEncoding.EncodeToString(secret)[:40]
	})
	return out
}

// secrets searches everything that was said, logged and counted for what was planted.
func (s *served) secrets(t testing.TB) {
	t.Helper()
	log, page := s.log.String(), s.metrics(t)
	if !strings.Contains(log, `"msg":"tool call"`) || !strings.Contains(log, `"msg":"request"`) || !strings.Contains(page, "mcp_server_operation_duration") {
		t.Error("the log or the metrics are empty, so that nothing can be found in them")
	}
	for _, found := range secretFaults(s.secretsOf(t), log, page, s.everything()) {
		t.Error(found)
	}
}

// secretFaults are the secrets that stand where they must not; what people typed must not be logged or counted either.
func secretFaults(secrets map[string]string, log, page string, all []heard) (found []string) {
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for what, secret := range secrets {
		if strings.Contains(log, secret) {
			say("the log holds %s: %s", what, around(log, secret))
		}
		if strings.Contains(page, secret) {
			say("the metrics hold %s: %s", what, around(page, secret))
		}
		for _, h := range all {
			if strings.Contains(h.body, secret) && !strings.Contains(h.asked, secret) || // who sent it may be told what it is
				strings.Contains(fmt.Sprint(h.header), secret) {
				say("%s is in the answer %s", what, h)
			}
		}
	}
	for _, typed := range []string{anasWord, luisWord} {
		if strings.Contains(log, typed) {
			say("the log holds what people typed: %s", around(log, typed))
		}
		if strings.Contains(page, typed) {
			say("the metrics hold what people typed: %s", around(page, typed))
		}
	}
	return found
}

func around(text, word string) string {
	at := strings.Index(text, word)
	return text[max(0, at-200):min(len(text), at+len(word)+100)]
}

// Everything that can be asked is asked, also with the credential in the wrong places, and nothing of what was planted
// comes out.
func secretsStayInside(t testing.TB, s *served) {
	key := s.keys["ana-tienda-full"]
	session := s.begin(t, "ana-tienda-full")
	for _, tl := range s.p.tools.Tools() {
		for who := range s.keys {
			s.call(t, who, newerEra, tl.Name, string(tl.Example))
		}
		s.call(t, "ana-tienda-full", bareCall, tl.Name, `{"detail":"full"}`)
		s.inSession(t, "ana-tienda-full", session, 1, tl.Name, `{"query":`+quoted(key)+`,"lang":`+quoted(key)+`}`)
		s.inSession(t, "ana-tienda-full", session, 1, tl.Name, `{"query":`+quoted(customersPhone)+`}`)
	}
	s.orders(t)
	ping := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	for _, path := range []string{"/mcp?key=" + key, "/mcp?access_token=" + key, "/mcp/b/" + key, "/mcp/readonly/b/" + key, "/" + key, "/.well-known/" + key} {
		s.send(t, t.Context(), "ana-tienda-full", http.MethodPost, path, ping, nil)
		s.send(t, t.Context(), "", http.MethodPost, path, ping, nil)
	}
	for name, value := range map[string]string{
		"Mcp-Session-Id": key, "Mcp-Protocol-Version": key, "X-Cloud-Trace-Context": key + "/1", "Origin": "https://" + key, "Accept": key, "Cookie": "key=" + key,
		"Mcp-Method": key, "Mcp-Name": key, "Last-Event-Id": key, "User-Agent": key,
	} {
		s.send(t, t.Context(), "ana-tienda-full", http.MethodPost, "/mcp", ping, http.Header{name: {value}})
	}
	s.send(t, t.Context(), "", http.MethodPost, "/mcp", ping, http.Header{"Authorization": {"Basic " + key}})
	s.send(t, t.Context(), key+"x", http.MethodPost, "/mcp", ping, nil)
	s.send(t, t.Context(), "ana-tienda-full", http.MethodPost, "/mcp", key, nil)
	s.send(t, t.Context(), "ana-tienda-full", http.MethodPost, "/mcp", `{"jsonrpc":"2.0","id":1,"method":`+quoted(key)+`}`, nil)
	s.send(t, t.Context(), "ana-tienda-full", http.MethodPost, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":`+quoted(key)+`}}`, nil)
}

// orders reads orders of customers, whose numbers are masked.
func (s *served) orders(t testing.TB) {
	t.Helper()
	var list struct {
		Data struct {
			Orders []struct{ ID, Customer string }
		}
	}
	h := s.call(t, "ana-tienda-full", newerEra, "list_orders", `{"period":"last_30_days","limit":100}`)
	if h.good() == "" || json.Unmarshal(h.result.Structured, &list) != nil {
		t.Fatal(h)
	}
	masked := 0
	for _, o := range list.Data.Orders {
		if o.Customer == "" {
			continue
		}
		if h := s.call(t, "ana-tienda-full", newerEra, "get_order", `{"order_id":`+quoted(o.ID)+`}`); strings.Contains(h.body, "masked") {
			masked++
		}
	}
	if masked == 0 {
		t.Error("no order has a customer with numbers, so that nothing was masked")
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // a string
		panic(err)
	}
	return string(b)
}
