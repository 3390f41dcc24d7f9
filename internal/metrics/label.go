package metrics

import (
	"net/http"
	"strconv"
)

// other stands for what OpenTelemetry calls so: a value that somebody outside chose.
const other = "_OTHER"

// knownMethod is the HTTP method if it is one.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodOptions, http.MethodHead, http.MethodPut, http.MethodPatch:
		return method
	}
	return other
}

// knownOperation is the MCP method if it is one.
func knownOperation(method string) string {
	switch method {
	case "initialize", "ping", "server/discover", "tools/list", "tools/call", "prompts/list", "prompts/get", "resources/list", "resources/read",
		"resources/templates/list", "resources/subscribe", "resources/unsubscribe", "completion/complete", "logging/setLevel",
		"subscriptions/listen", "notifications/initialized", "notifications/cancelled", "notifications/progress",
		"notifications/roots/list_changed":
		return method
	}
	return other
}

// code is an HTTP status as text, without memory for the usual ones.
func code(status int) string {
	switch status {
	case 200:
		return "200"
	case 202:
		return "202"
	case 0:
		return "none" // nothing was written: the client left
	}
	return strconv.Itoa(status)
}
