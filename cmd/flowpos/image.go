//go:build image

package main

// What a machine has and an image from nothing does not: the certificate authorities that TLS to Google, PostgreSQL and
// Redis needs, and the time zones of shops. Both are used only where the system has none.
import (
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
)
