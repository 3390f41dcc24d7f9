package server

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// resourceMetadata is the protected-resource document of RFC 9728. It names no authorization server where there is none.
type resourceMetadata struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers,omitempty"`
	Scopes        []string `json:"scopes_supported"`
	BearerMethods []string `json:"bearer_methods_supported"`
	Name          string   `json:"resource_name"`
}

// protectedResource answers at the root for /mcp, and path-inserted (RFC 9728, 3.1) for every path of the endpoint.
func (s *Server) protectedResource(w http.ResponseWriter, r *http.Request) {
	path := "/" + r.PathValue("path")
	if path == "/" {
		path = "/mcp"
	}
	if !isMCP(path) {
		notFound(w, r)
		return
	}
	doc := resourceMetadata{Resource: s.o.PublicURL + path, Scopes: s.scopes(), BearerMethods: []string{"header"}, Name: "FlowPOS"}
	if pos.PlainToolsets(r.URL.RawQuery) {
		doc.Resource += "?" + r.URL.RawQuery
	}
	if s.o.Authorization != nil {
		doc.Servers = []string{s.o.PublicURL}
	}
	writeDocument(w, doc)
}

// noServer is the document of RFC 8414 where there is no authorization server, and says so: no grant types, no response types,
// and none of the endpoints that would belong to them. Where people can sign in, two members of our own name the documented
// exchange, which speaks JSON and not OAuth's form (docs/decisions/0012-discovery-without-a-server.md).
type noServer struct {
	Issuer        string   `json:"issuer"`
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	Scopes        []string `json:"scopes_supported"`
	Exchange      string   `json:"flowpos_token_exchange_endpoint,omitempty"`
	Refresh       string   `json:"flowpos_token_refresh_endpoint,omitempty"`
}

// authorizationServer answers at the root, and path-inserted (RFC 8414, 3.1) where clients that take the endpoint's URL for
// the issuer look. The issuer is the bare origin in both.
func (s *Server) authorizationServer(w http.ResponseWriter, r *http.Request) {
	if path := r.PathValue("path"); path != "" && !isMCP("/"+path) {
		notFound(w, r)
		return
	}
	if s.o.Authorization != nil {
		writeDocument(w, s.o.Authorization)
		return
	}
	doc := noServer{Issuer: s.o.PublicURL, ResponseTypes: []string{}, GrantTypes: []string{}, Scopes: s.scopes()}
	if s.o.SignIns {
		doc.Exchange, doc.Refresh = s.o.PublicURL+"/mcp/token", s.o.PublicURL+"/mcp/token/refresh"
	}
	writeDocument(w, doc)
}

// openID answers where clients look that know OpenID's discovery only: with the same document, where there is one.
func (s *Server) openID(w http.ResponseWriter, r *http.Request) {
	if s.o.Authorization == nil {
		notFound(w, r)
		return
	}
	s.authorizationServer(w, r)
}

func (s *Server) scopes() []string {
	out := make([]string, 0, len(s.o.ScopesOffered))
	for _, sc := range s.o.ScopesOffered {
		out = append(out, string(sc))
	}
	return out
}

func writeDocument(w http.ResponseWriter, doc any) {
	allowAnyOriginHeaders(w)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_ = json.NewEncoder(w).Encode(doc)
}

// isMCP says whether the path is one of the endpoint's own, with a business that has the form of one.
func isMCP(path string) bool {
	rest, ok := strings.CutPrefix(path, "/mcp")
	rest = strings.TrimPrefix(rest, "/readonly")
	if ok && rest == "" {
		return true
	}
	id, pinned := strings.CutPrefix(rest, "/b/")
	return ok && pinned && pos.ValidID(id)
}

// allowAnyOriginHeaders lets pages of any origin read a public document: clients in a browser look for it.
func allowAnyOriginHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "MCP-Protocol-Version, Content-Type, Authorization")
	h.Set("Access-Control-Max-Age", "86400")
}

func allowAnyOrigin(w http.ResponseWriter, _ *http.Request) {
	allowAnyOriginHeaders(w)
	w.WriteHeader(http.StatusNoContent)
}
