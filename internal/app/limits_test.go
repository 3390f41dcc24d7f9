package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// The limits hold in the program as it is wired, for one credential and not for its neighbour's; without them nothing is
// refused and whoami names none.
func TestLimitsOfTheProgram(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	db.TwoBusinesses(t)
	key, _ := newKey(t, db)
	other, _, err := credential.CreateKey(t.Context(), db.Owner, credential.NewKeySpec{
		BusinessID: dbtest.Neighbour, Role: pos.RoleMerchant, Scopes: pos.AllScopes(), Label: "neighbour"})
	if err != nil {
		t.Fatal(err)
	}
	_, limited := startProgram(t, db, func(*serveCmd) {})
	_, free := startProgram(t, db, func(c *serveCmd) { c.Limits = "off" })
	whoami := toolCall("whoami", "{}")
	for range 120 {
		for _, url := range []string{limited, free} {
			if _, body, _ := ask(t, "POST", url+"/mcp", key, "", whoami); strings.Contains(body, `"isError":true`) {
				t.Fatalf("within the limit: %s", body)
			}
		}
	}
	status, body, _ := ask(t, "POST", limited+"/mcp", key, "", whoami)
	if status != http.StatusOK || !strings.Contains(body, `"code":"rate_limited"`) || !strings.Contains(body, `"retryable":true`) ||
		!strings.Contains(body, `"retry_after_seconds":`) {
		t.Errorf("read 121: %d %s", status, body)
	}
	if _, body, _ := ask(t, "POST", limited+"/mcp", other, "", whoami); !strings.Contains(body, `"limits":{"reads_min":120,"writes_h":60}`) {
		t.Errorf("the neighbour: %s", body)
	}
	if _, body, _ := ask(t, "POST", free+"/mcp", key, "", whoami); strings.Contains(body, "rate_limited") || strings.Contains(body, `"limits"`) {
		t.Errorf("without limits: %s", body)
	}
	for range 30 {
		ask(t, "POST", limited+"/mcp", "fp_mcp_wrong", "", whoami)
	}
	if status, body, _ := ask(t, "POST", limited+"/mcp", "fp_mcp_wrong", "", whoami); status != http.StatusTooManyRequests {
		t.Errorf("bad credential 31: %d %s", status, body)
	}
	fresh, _ := newKey(t, db)
	if status, body, _ := ask(t, "POST", limited+"/mcp", fresh, "", whoami); status != http.StatusOK {
		t.Errorf("a good one that was never here before: %d %s", status, body)
	}
}
