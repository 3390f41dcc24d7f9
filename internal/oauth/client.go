package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
)

// Client is somebody who may ask people for access: an assistant.
type Client struct {
	ID        string
	Name      string // clean
	Host      string // of the document that the client is; empty: it registered itself
	Redirects []string
	Snapshot  json.RawMessage // what the client said of itself

	secretHash []byte // of a confidential client; nil: a public one
}

// metadata is what we read of what a client says of itself (RFC 7591, 2). The rest is not looked at.
type metadata struct {
	ID            string   `json:"client_id"`
	Name          string   `json:"client_name"`
	Redirects     []string `json:"redirect_uris"`
	Method        string   `json:"token_endpoint_auth_method"`
	Methods       []string `json:"token_endpoint_auth_methods_supported"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	Scope         string   `json:"scope"`
}

const maxRedirects = 10

// readMetadata reads the members that matter. Its error is a *metadataError.
func readMetadata(m map[string]json.RawMessage) (d metadata, err error) {
	for _, f := range []struct {
		name string
		to   any
	}{
		{"client_id", &d.ID}, {"client_name", &d.Name}, {"redirect_uris", &d.Redirects}, {"token_endpoint_auth_method", &d.Method},
		{"token_endpoint_auth_methods_supported", &d.Methods}, {"grant_types", &d.GrantTypes}, {"response_types", &d.ResponseTypes}, {"scope", &d.Scope},
	} {
		if raw := m[f.name]; raw != nil && json.Unmarshal(raw, f.to) != nil {
			return d, &metadataError{codeInvalidMetadata, f.name + " is not of the kind that RFC 7591 gives it"}
		}
	}
	d.Name = pos.Clip(pos.Clean(d.Name), 80)
	switch {
	case len(d.Redirects) == 0 || len(d.Redirects) > maxRedirects:
		return d, &metadataError{codeInvalidRedirect, fmt.Sprintf("redirect_uris must name 1 to %d redirect URIs", maxRedirects)}
	case d.GrantTypes != nil && !slices.Contains(d.GrantTypes, "authorization_code"):
		return d, &metadataError{codeInvalidMetadata, "grant_types must have authorization_code"}
	case d.ResponseTypes != nil && !slices.Contains(d.ResponseTypes, "code"):
		return d, &metadataError{codeInvalidMetadata, "response_types must have code"}
	}
	for _, r := range d.Redirects {
		if _, ok := parseRedirect(r); !ok {
			return d, &metadataError{codeInvalidRedirect, fmt.Sprintf("%q is not a redirect URI that can be used here: it must be absolute, of plain characters, without user, fragment, wildcard or dot segments", pos.Clip(pos.Clean(r), 60))}
		}
	}
	return d, nil
}

// metadataError is what is wrong with what a client says of itself.
type metadataError struct{ code, detail string }

// Error implements error.
func (e *metadataError) Error() string { return e.detail }

// errNoClient says that nobody has this client_id.
var errNoClient = errors.New("there is no such client")

// errUntrusted says that the operator has not let this client in.
var errUntrusted = errors.New("this client is not trusted by this server")

// client finds who a client_id is, when it asks a person. It fails with errNoClient, errUntrusted, or what the document or
// the database fails with.
func (s *Server) client(ctx context.Context, id string) (Client, error) {
	if !strings.HasPrefix(id, "https://") {
		return s.registered(ctx, id)
	}
	u, ok := parseDocumentURL(id)
	switch {
	case !ok:
		return Client{}, errNoClient
	case !s.o.Trusted.host(u.Host):
		return Client{}, errUntrusted
	}
	return s.documents.of(ctx, id)
}

const registeredSQL = `-- oauth: a client that registered itself
SELECT name, redirect_uris, secret_hash
FROM registered_client($1)`

func (s *Server) registered(ctx context.Context, id string) (Client, error) {
	if !s.made(clientPrefix, id) {
		return Client{}, errNoClient
	}
	c := Client{ID: id}
	err := s.o.Database.Ask(ctx, func(q postgres.Querier) error {
		return q.QueryRow(ctx, registeredSQL, id).Scan(&c.Name, &c.Redirects, &c.secretHash)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return Client{}, errNoClient
	}
	if err != nil {
		return Client{}, fmt.Errorf("client: %w", err)
	}
	c.Snapshot, err = json.Marshal(map[string]any{"client_name": c.Name, "redirect_uris": c.Redirects})
	return c, err
}
