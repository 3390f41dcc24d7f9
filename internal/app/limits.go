package app

import (
	"os"
	"time"

	"github.com/flowpos/flowpos-backend/internal/business"
	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/mcphttp"
)

// roomForCounts is how many credentials, and how many addresses, are counted at once: about 4 MB each when all are there.
const roomForCounts = 20_000

// newLimits makes the counters of a program, and says what calls are counted against; nil and none without limits.
func newLimits(cfg *serveCmd, now func() time.Time) (*mcphttp.Limits, limit.Rates) {
	if !cfg.limited() {
		return nil, limit.Rates{}
	}
	rates := limit.PerCredential()
	return &mcphttp.Limits{
		Credentials: limit.New[string](now, roomForCounts, rates),
		Addresses:   limit.New[limit.Address](now, roomForCounts, limit.PerAddress()),
		// Cloud Run's front end appends the address that it saw. Elsewhere anybody could have written the header.
		Forwarded: os.Getenv("K_SERVICE") != "",
	}, rates
}

// told is what whoami says of the limits.
func told(r limit.Rates) *business.Limits {
	if r == (limit.Rates{}) {
		return nil
	}
	return &business.Limits{ReadsPerMinute: r[limit.Reads].Most, WritesPerHour: r[limit.Writes].Most}
}
