package web

import (
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// language is one that the pages speak.
type language string

const (
	spanish language = "es"
	english language = "en"
)

func languages() []language { return []language{spanish, english} }

// languageOf is the language that a browser asks for: the better liked of ours, Spanish when it names neither.
func languageOf(r *http.Request) language {
	best, most := spanish, 0.0
	for _, part := range strings.SplitN(r.Header.Get("Accept-Language"), ",", 20) {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		quality := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			v, err := strconv.ParseFloat(q, 64)
			if err != nil || v < 0 || v > 1 {
				continue
			}
			quality = v
		}
		tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
		for _, l := range languages() {
			if tag == string(l) && quality > most {
				best, most = l, quality
			}
		}
	}
	return best
}

// texts are what the pages say in one language, by name.
type texts map[string]string

func textsOf(l language) texts {
	if l == english {
		return englishTexts()
	}
	return spanishTexts()
}

// say is a text; a name that does not exist fails the page, which a test looks for.
func (t texts) say(name string, args ...any) (string, error) {
	s, ok := t[name]
	if !ok {
		return "", fmt.Errorf("there is no text %q", name)
	}
	if len(args) > 0 {
		return fmt.Sprintf(s, args...), nil
	}
	return s, nil
}

// with is a text with names in it, which people have typed: each is set apart, so that it cannot change what stands
// around it, not even its direction.
func (t texts) with(name string, args ...string) (template.HTML, error) {
	s, ok := t[name]
	if !ok {
		return "", fmt.Errorf("there is no text %q", name)
	}
	marked := make([]any, len(args))
	for i, a := range args {
		marked[i] = "<bdi>" + template.HTMLEscapeString(a) + "</bdi>"
	}
	return template.HTML(fmt.Sprintf(template.HTMLEscapeString(s), marked...)), nil
}
