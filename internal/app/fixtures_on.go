//go:build fixtures

package app

import (
	"github.com/flowpos/flowpos-backend/internal/mcphttp"
	"github.com/flowpos/flowpos-backend/internal/mcphttp/fixtures"
)

// fixturesBuild says whether this build carries the fixtures of the conformance suites.
const fixturesBuild = true

func fixturesExtra() mcphttp.Extra { return fixtures.Set{} }
