package salesimport

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// source is one reading of the file, unpacked and in UTF-8 without a byte order mark.
type source struct {
	file *os.File
	read int64 // bytes of the file itself, so that progress is true for a packed one
	size int64
	text *bufio.Reader
}

// Read counts what is taken from the file.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.file.Read(p)
	s.read += int64(n)
	return n, err
}

func (s *source) close() { _ = s.file.Close() }

// openSource starts a reading. Packed files are known by their first bytes, not by their name.
func openSource(path, encoding string) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, pos.Errorf(pos.NotFound, "cannot read %s: %v", path, errors.Unwrap(err)).WithCause(err)
	}
	s := &source{file: f}
	if err := s.start(path, encoding); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *source) start(path, encoding string) error {
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("size of %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return pos.Errorf(pos.Invalid, "%s is not a file; it is read twice, so it cannot be a pipe", path)
	}
	s.size = info.Size()
	s.text = bufio.NewReaderSize(s, 1<<16)
	if head, _ := s.text.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(s.text)
		if err != nil {
			return pos.Errorf(pos.Invalid, "%s looks packed with gzip but cannot be unpacked", path).WithCause(err)
		}
		s.text = bufio.NewReaderSize(z, 1<<16)
	}
	return s.decode(path, encoding)
}

func (s *source) decode(path, encoding string) error {
	head, _ := s.text.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return pos.Errorf(pos.Invalid, "%s is in UTF-16; save it as CSV UTF-8", path)
	case bytes.Equal(head, []byte{0xef, 0xbb, 0xbf}):
		_, err := s.text.Discard(3)
		return err
	case encoding == "windows-1252":
		s.text = bufio.NewReaderSize(charmap.Windows1252.NewDecoder().Reader(s.text), 1<<16)
	}
	return nil
}

// readError puts a failure to read on into words.
func readError(path string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return pos.Errorf(pos.Invalid, "%s is cut off or damaged: it cannot be unpacked to its end", path).WithCause(err)
	}
	return fmt.Errorf("read %s: %w", path, err)
}

// SourceName is the source that a file stands for when none is given: its name without folder and extensions.
func SourceName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return name
}
