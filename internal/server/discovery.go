package server

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// resourceMetadata is the protected-resource document of RFC 9728. It names no authorization server while there is none.
type resourceMetadata struct {
	Resource      string   `json:"resource"`
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
	doc := resourceMetadata{Resource: s.o.PublicURL + path, BearerMethods: []string{"header"}, Name: "FlowPOS"}
	for _, sc := range s.o.ScopesOffered {
		doc.Scopes = append(doc.Scopes, string(sc))
	}
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
