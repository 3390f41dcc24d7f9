package mcphttp

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

const headerToolsets = "X-Mcp-Toolsets"

// toolsets are those that a request asks for, by the parameter toolsets of its URL and by the header X-MCP-Toolsets, each as
// often as it comes. Other parameters are nobody's business.
func toolsets(r *http.Request) (pos.Toolsets, error) {
	words := r.Header[headerToolsets]
	if strings.Contains(r.URL.RawQuery, "toolsets") {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return 0, errors.New("the parameters of this URL cannot be read; toolsets are named like ?toolsets=reports,writes")
		}
		words = append(query["toolsets"], words...)
	}
	if len(words) == 0 {
		return 0, nil
	}
	return pos.ParseToolsets(strings.Join(words, ","))
}
