package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, s string) (Response, string, error) {
	t.Helper()
	r := bufio.NewReader(strings.NewReader(s))
	var res Response
	err := readResponse(r, &res)
	rest, _ := io.ReadAll(r)
	return res, string(rest), err
}

func TestAnswersAreRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in     string
		status int
		kind   string
		id     string
		body   string
	}{
		"with a length": {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: application/json; charset=utf-8\r\n\r\nhello", 200, "application/json", "", "hello"},
		"in chunks":     {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\nB\r\nlo, reader!\r\n0\r\n\r\n", 200, "", "", "hello, reader!"},
		"no content":    {"HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n", 204, "", "", ""},
		"no reason":     {"HTTP/1.1 202\r\nContent-Length: 0\r\n\r\n", 202, "", "", ""},
		"a session":     {"HTTP/1.1 200 OK\r\nmcp-session-id:  abc\t\r\nContent-Length: 0\r\n\r\n", 200, "", "abc", ""},
	} {
		t.Run(name, func(t *testing.T) {
			res, rest, err := parse(t, tt.in+"HTTP")
			if err != nil {
				t.Fatal(err)
			}
			if res.Status != tt.status || res.Kind != tt.kind || res.Session != tt.id || string(res.Body) != tt.body || rest != "HTTP" {
				t.Errorf("read %d %q %q %q, left %q", res.Status, res.Kind, res.Session, res.Body, rest)
			}
		})
	}
}

func TestOtherAnswersAreRefused(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"older HTTP":        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"not yet an answer": "HTTP/1.1 100 Continue\r\n\r\n",
		"endless body":      "HTTP/1.1 200 OK\r\n\r\nhello",
		"two lengths":       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		"two forms":         "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"compressed":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"signed length":     "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
		"huge length":       "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx",
		"bare line feed":    "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"folded header":     "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
		"long chunk":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
		"trailer":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
		"body without end":  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
		"body of nothing":   "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			if res, _, err := parse(t, in); err == nil {
				t.Errorf("read as %+v", res)
			}
		})
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, part := range []string{": ok\n\n", "id: 1\ndata: \n\nretry", ": 500\n\nevent: m\nda", "ta: x\n", "\n", ""} {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
	}
	in := b.String()
	r := bufio.NewReader(strings.NewReader(in))
	s := &Stream{lines: bufio.NewReader(&chunks{r: r})}
	var got []Event
	e, err := s.Next()
	for ; err == nil; e, err = s.Next() {
		got = append(got, e)
	}
	if diff := cmp.Diff([]Event{{ID: "1"}, {Retry: "500"}, {Data: "x"}}, got); diff != "" || !errors.Is(err, io.EOF) {
		t.Errorf("events (-want +got):\n%s\nend: %v", diff, err)
	}
	cut := &Stream{lines: bufio.NewReader(&chunks{r: bufio.NewReader(strings.NewReader("8\r\n: ok\n\n"))})}
	if e, err := cut.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a stream that breaks off: %v, %v", e, err)
	}
}

// FuzzResponse: whatever comes, it is refused, or it means to us what it means to net/http.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: application/json\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nMcp-Session-Id: a\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 202 \r\ncontent-length: 0\r\n\r\nHTTP/1.1", "HTTP/1.1 200\r\n\r\n", "\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var res Response
		if readResponse(bufio.NewReader(bytes.NewReader(in)), &res) != nil {
			return
		}
		theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(in)), nil)
		if err != nil {
			t.Fatalf("net/http refuses what we take: %v", err)
		}
		body, err := io.ReadAll(theirs.Body)
		if err != nil {
			t.Fatalf("net/http refuses the body that we take: %v", err)
		}
		if theirs.StatusCode != res.Status || !bytes.Equal(body, res.Body) {
			t.Errorf("read as %d %q, by net/http as %d %q", res.Status, res.Body, theirs.StatusCode, body)
		}
	})
}
