package web

import (
	"mime"
	"net/http"
	"net/url"
	"slices"

	"github.com/flowpos/flowpos-backend/internal/oauth"
)

// maxForm is far above any real form: an ID token has about a kilobyte.
const maxForm = 64 << 10

// readForm reads a form that one of our own pages sent, and otherwise answers itself. Each field but the ones with several
// answers is there at most once.
func (h *Handler) readForm(w http.ResponseWriter, r *http.Request) bool {
	if err := h.fromUs(r); err != nil {
		h.problem(w, r, refusedForm(http.StatusForbidden, "this form was sent from another site", err))
		return false
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		h.problem(w, r, refusedForm(http.StatusUnsupportedMediaType, "this is not a form", err))
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		h.problem(w, r, refusedForm(http.StatusBadRequest, "the form cannot be read", err))
		return false
	}
	for name, values := range r.PostForm {
		if len(values) > 1 && !slices.Contains([]string{"business", "scope", "toolset"}, name) {
			h.problem(w, r, refusedForm(http.StatusBadRequest, "a field of the form is there twice", nil))
			return false
		}
	}
	return true
}

// fromUs says whether a browser sent this from a page of ours. Our pages send no referrer, which makes the origin of their
// forms "null": browsers without Sec-Fetch-Site, such as Safari before 16.4, say no more than that, and then the token in
// the form decides alone.
func (h *Handler) fromUs(r *http.Request) error {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "null" {
		return nil
	}
	return h.cross.Check(r)
}

func refusedForm(status int, detail string, cause error) *oauth.Problem {
	return &oauth.Problem{Kind: oauth.BadRequest, Status: status, Detail: detail, Cause: cause}
}

// notOurForm is a form whose token does not belong to this browser: it is old, or somebody forged it.
func notOurForm() *oauth.Problem {
	return &oauth.Problem{
		Kind: oauth.Expired, Status: http.StatusForbidden,
		Detail: "the token of the form does not belong to this browser",
	}
}

// maxQuery bounds what an assistant may ask with; real requests have less than 2 kB.
const maxQuery = 16 << 10

// queryOf reads the query of a request, all of it or nothing: what r.URL.Query would leave out silently is a mistake.
func queryOf(r *http.Request) (url.Values, *oauth.Problem) {
	bad := func(detail string, cause error) *oauth.Problem {
		return &oauth.Problem{Kind: oauth.BadRequest, Status: http.StatusBadRequest, Code: "invalid_request", Detail: detail, Cause: cause}
	}
	if len(r.URL.RawQuery) > maxQuery {
		return nil, bad("the query of the URL is longer than 16 kB", nil)
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, bad("the query of the URL cannot be read", err)
	}
	return q, nil
}
