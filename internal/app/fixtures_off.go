//go:build !fixtures

package app

import (
	"time"

	"github.com/flowpos/flowpos-backend/internal/mcphttp"
)

// fixturesBuild says whether this build carries the fixtures of the conformance suites.
const fixturesBuild = false

// redisBudget is how long Redis has for an answer; 0 is as ever.
func redisBudget() time.Duration { return 0 }

func systemClock() func() time.Time { return time.Now }

func fixturesExtra() mcphttp.Extra { return nil }
