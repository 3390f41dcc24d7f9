package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

const maxForm = 64 << 10

// refusal is an answer of RFC 6749, 5.2.
type refusal struct {
	status int
	code   string
	detail string
}

// Error implements error.
func (r *refusal) Error() string { return r.detail }

// tooMany is what is over a limit.
type tooMany struct {
	wait time.Duration
	what string
}

// Error implements error.
func (t *tooMany) Error() string {
	return fmt.Sprintf("too many %s; try again in %d seconds", t.what, limit.Seconds(t.wait))
}

func refused(code, detail string) error { return &refusal{http.StatusBadRequest, code, detail} }

// readForm reads the parameters of a request, each once. They belong into the body: a URL ends up in logs.
func readForm(r *http.Request) (url.Values, error) {
	if r.URL.RawQuery != "" {
		return nil, refused(codeInvalidRequest, "parameters belong into the body, not into the URL")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, &refusal{http.StatusUnsupportedMediaType, codeInvalidRequest, "Content-Type must be application/x-www-form-urlencoded"}
	}
	body, err := readBody(r, maxForm)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, refused(codeInvalidRequest, "the body is not a form")
	}
	for name, v := range form {
		if len(v) > 1 && name != "resource" && name != "audience" { // RFC 8693, 2.1 and RFC 8707, 2 allow several of those
			return nil, refused(codeInvalidRequest, pos.Clip(plain(name), 40)+" is there twice")
		}
		for _, x := range v {
			if !utf8.ValidString(x) || strings.ContainsRune(x, 0) {
				return nil, refused(codeInvalidRequest, pos.Clip(plain(name), 40)+" is not text")
			}
		}
	}
	return form, nil
}

func readBody(r *http.Request, most int64) ([]byte, error) {
	tooLarge := &refusal{http.StatusRequestEntityTooLarge, codeInvalidRequest, fmt.Sprintf("the body is larger than %d KiB", most>>10)}
	if v := r.Header.Get("Content-Encoding"); v != "" && !strings.EqualFold(v, "identity") {
		return nil, &refusal{http.StatusUnsupportedMediaType, codeInvalidRequest, "compressed bodies are not accepted"}
	}
	if r.ContentLength > most {
		return nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	switch {
	case err != nil:
		return nil, refused(codeInvalidRequest, "the body did not arrive")
	case int64(len(body)) > most:
		return nil, tooLarge
	}
	return body, nil
}

// write answers with JSON that nobody may keep (RFC 6749, 5.1). Any page may read it: there is nothing in it but for who
// holds a code, a token or a secret.
func write(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// fail answers what a step of a client failed with, and logs it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, what, ref string, err error, facts ...any) {
	f, ok := errors.AsType[*refusal](err)
	if t, many := errors.AsType[*tooMany](err); many {
		f, ok = &refusal{http.StatusTooManyRequests, codeUnavailable, t.Error()}, true
		w.Header().Set("Retry-After", strconv.Itoa(limit.Seconds(t.wait)))
	}
	if !ok {
		p := asProblem(r.Context(), err)
		f = &refusal{p.Status, p.Code, plain(p.Detail)}
		if p.Kind == BadSignIn || p.Kind == NoAccount {
			f.status = http.StatusBadRequest
		}
		if p.Kind == Unavailable {
			w.Header().Set("Retry-After", "2")
		}
	}
	if cause := err.Error(); cause != f.detail {
		facts = append(facts, "cause", cause)
	}
	s.refusedStep(r.Context(), what, ref, f.status, append(facts, "error", f.code, "detail", f.detail)...)
	if f.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" { // RFC 6749, 5.2
		w.Header().Set("WWW-Authenticate", `Basic realm="flowpos"`)
	}
	write(w, f.status, map[string]string{"error": f.code, "error_description": f.detail})
}

// shared lets pages of any origin use what needs no cookie, and answers what is not a POST. It returns false when that was
// the answer.
func shared(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	switch r.Method {
	case http.MethodPost:
		return true
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, MCP-Protocol-Version")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	default:
		h.Set("Allow", "POST, OPTIONS")
		write(w, http.StatusMethodNotAllowed, map[string]string{"error": codeInvalidRequest, "error_description": "only POST is served here"})
	}
	return false
}
