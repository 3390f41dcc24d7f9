package app

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// sayer tells a person what happens: lines, and a progress that rewrites itself on a terminal and is a line a phase
// elsewhere.
type sayer struct {
	out      io.Writer
	terminal bool
	mu       sync.Mutex
	phase    string
	open     bool // the cursor stands behind a progress
}

func newSayer(out io.Writer) *sayer { return &sayer{out: out, terminal: isTerminal(out)} }

// line prints a line.
func (s *sayer) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	fmt.Fprintln(s.out, text)
}

// Write lets other packages report lines of their own.
func (s *sayer) Write(b []byte) (int, error) {
	s.line(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

// progress shows how far a phase is.
func (s *sayer) progress(done, total int, phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.terminal:
		const width = 30
		filled := 0
		if total > 0 {
			filled = min(width, width*done/total)
		}
		fmt.Fprintf(s.out, "\r\033[K  [%s%s] %s", strings.Repeat("█", filled), strings.Repeat("·", width-filled), phase)
		s.open = true
	case phase != s.phase:
		fmt.Fprintln(s.out, "  "+phase)
	}
	s.phase = phase
}

// done ends a progress.
func (s *sayer) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

func (s *sayer) end() {
	if s.open {
		fmt.Fprint(s.out, "\r\033[K")
		s.open = false
	}
	s.phase = ""
}
