package oauth

import (
	"net/http"
	"net/netip"
)

// ErrNotPublic is why an address is not dialled.
var ErrNotPublic = errNotPublic

// PublicOnly is the client that fetches documents.
func PublicOnly() *http.Client { return publicOnly() }

// IsPublic says whether an address may be dialled.
func IsPublic(a netip.Addr) bool { return isPublic(a, notPublic()) }
