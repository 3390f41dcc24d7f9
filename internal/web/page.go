package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

//go:embed templates/*.html
var templates embed.FS

// page is what a template shows inside the frame that all pages have in common.
type page struct {
	Lang    language
	Name    string // of the template; its title is the text title.NAME
	Who     string // the person or assistant in the title, if any
	Wide    bool
	Scripts []string
	Page    any
}

// copyable is text to copy, and what it is.
type copyable struct{ Label, Text string }

// pages are the templates of one language, by name.
type pages map[string]*template.Template

func pageNames() []string { return []string{"consent", "deliver", "problem", "settings"} }

func parsePages(a assets) (map[language]pages, error) {
	out := map[language]pages{}
	for _, l := range languages() {
		t := textsOf(l)
		out[l] = pages{}
		for _, name := range pageNames() {
			tmpl := template.New("layout.html").Option("missingkey=error").Funcs(template.FuncMap{
				"say": t.say, "asset": a.url, "copyOf": func(label, text string) copyable { return copyable{label, text} },
				"naming": t.with, "either": pos.Lang(l).Say,
			})
			tmpl, err := tmpl.ParseFS(templates, "templates/layout.html", "templates/parts.html", "templates/"+name+".html")
			if err != nil {
				return nil, fmt.Errorf("web: %w", err)
			}
			out[l][name] = tmpl
		}
	}
	return out, nil
}

// show answers with a page, whole or not at all.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, status int, p page) {
	p.Lang = languageOf(r)
	var b bytes.Buffer
	if err := h.pages[p.Lang][p.Name].Execute(&b, p); err != nil {
		h.o.Log.LogAttrs(r.Context(), slog.LevelError, "page", slog.String("page", p.Name), slog.Any("error", err), slog.String("request_id", pos.RequestID(r.Context())))
		http.Error(w, "internal error ("+pos.RequestID(r.Context())+")", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(p.Lang))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
