package main

import (
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/flowpos/flowpos-backend/bench/script"
)

// floor is the handler.
type floor struct {
	keys     map[[sha256.Size]byte]struct{}
	answers  *answers
	sessions *sessions
	reader   *reader
	stopping chan struct{}
}

// ServeHTTP implements http.Handler.
func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if _, known := f.keys[sha256.Sum256([]byte(key))]; !known {
		http.Error(w, "unknown key", http.StatusUnauthorized)
		return
	}
	id := r.Header.Get("Mcp-Session-Id")
	if id != "" && !f.sessions.has(id) {
		http.Error(w, "unknown session", http.StatusNotFound)
		return
	}
	switch r.Method {
	case http.MethodPost:
		f.post(w, r, id)
	case http.MethodGet:
		f.listen(w, r, id)
	case http.MethodDelete:
		f.sessions.end(id)
		common(w.Header())
		w.WriteHeader(http.StatusNoContent)
	}
}

// common are the headers that every answer of ours has.
func common(h http.Header) {
	h.Set("X-Request-Id", "AAAAAAAAAAAAAAAAAAAAAAAAAA")
	h.Set("X-Content-Type-Options", "nosniff")
}

func (f *floor) post(w http.ResponseWriter, r *http.Request, id string) {
	a := f.answers.to(r.Body)
	if a == nil {
		http.Error(w, "this body is not in the script", http.StatusBadRequest)
		return
	}
	h := w.Header()
	common(h)
	for _, kv := range a.header {
		h.Set(kv[0], kv[1])
	}
	switch a.does {
	case script.Opens:
		h.Set("Mcp-Session-Id", f.sessions.begin())
	case script.Queries:
		if err := f.reader.read(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	case script.Tells:
		f.sessions.tell(id)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// answers are the prepared answers by the whole body of their request.
type answers struct {
	byBody  map[string]*answer
	buffers sync.Pool
}

type answer struct {
	does   script.Does
	status int
	header [][2]string
	body   []byte
}

const maxBody = 4 << 10

func newAnswers(in []script.Answer) *answers {
	out := &answers{byBody: map[string]*answer{}, buffers: sync.Pool{New: func() any { return new([maxBody]byte) }}}
	for _, a := range in {
		x := &answer{does: a.Does, status: a.Status, body: []byte(a.Body)}
		for k, v := range a.Header {
			x.header = append(x.header, [2]string{k, v})
		}
		if a.Body != "" {
			x.header = append(x.header, [2]string{"Content-Length", strconv.Itoa(len(a.Body))})
		}
		out.byBody[a.Request] = x
	}
	return out
}

// to is the answer to a body, nil when there is none.
func (a *answers) to(body io.Reader) *answer {
	buf := a.buffers.Get().(*[maxBody]byte)
	defer a.buffers.Put(buf)
	n, err := io.ReadFull(body, buf[:])
	if err != io.ErrUnexpectedEOF { // a body that fills the buffer is none of ours
		return nil
	}
	return a.byBody[string(buf[:n])]
}

// sessions are the ids in force, each with what wakes its stream.
type sessions struct {
	mu   sync.RWMutex
	told map[string]chan struct{}
}

func newSessions() *sessions { return &sessions{told: map[string]chan struct{}{}} }

func (s *sessions) begin() string {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[id] = nil
	return id
}

func (s *sessions) has(id string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.told[id]
	return ok
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.told, id)
}

// listen is what wakes the session's stream.
func (s *sessions) listen(id string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan struct{}, 1)
	s.told[id] = c
	return c
}

func (s *sessions) tell(id string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	select {
	case s.told[id] <- struct{}{}:
	default:
	}
}
