//go:build !fixtures

package app

import "github.com/flowpos/flowpos-backend/internal/mcphttp"

// fixturesBuild says whether this build carries the fixtures of the conformance suites.
const fixturesBuild = false

func fixturesExtra() mcphttp.Extra { return nil }
