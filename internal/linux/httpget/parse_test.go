package httpget

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func parse(s string) (response, error) {
	return readResponse(bufio.NewReaderSize(strings.NewReader(s), maxLine))
}

func TestReadResponse(t *testing.T) {
	big := strings.Repeat("x", MaxBody+1)
	tests := []struct {
		name, in  string
		status    int
		body      string
		truncated bool
	}{
		{"content length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, not this", 200, "hello", false},
		{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length:2\r\n\r\nhi", 200, "hi", false},
		{"close", "HTTP/1.0 200 OK\r\n\r\nto the end", 200, "to the end", false},
		{"bare line feeds", "HTTP/1.1 404 Not Found\nContent-Length: 2\n\nno", 404, "no", false},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", false},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nThis\r\nA;x=y\r\n is a page\r\n0\r\n\r\n", 200, "This is a page", false},
		{"chunked wins over length", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\nTrailer: t\r\n\r\n", 200, "hi", false},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", false},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\nrubbish", 204, "", false},
		{"long, length", "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + big, 200, big[:MaxBody], true},
		{"long, close", "HTTP/1.1 200 OK\r\n\r\n" + big, 200, big[:MaxBody], true},
		{"long, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" + big + "\r\n0\r\n\r\n", 200, big[:MaxBody], true},
		{"exactly full", "HTTP/1.1 200 OK\r\n\r\n" + big[:MaxBody], 200, big[:MaxBody], false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if got.status != tt.status || string(got.body) != tt.body || got.truncated != tt.truncated {
				t.Errorf("got %d %.40q (truncated %t), want %d %.40q (truncated %t)",
					got.status, got.body, got.truncated, tt.status, tt.body, tt.truncated)
			}
		})
	}
}

func TestReadResponseRefuses(t *testing.T) {
	tests := []struct{ name, in, says string }{
		{"nothing", "", "unexpected EOF"},
		{"ssh", "SSH-2.0-OpenSSH_9.2\r\n", "does not start like HTTP/1"},
		{"http 2", "HTTP/2 200 OK\r\n\r\n", "does not start like HTTP/1"},
		{"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "does not start like HTTP/1"},
		{"signed length", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", "malformed Content-Length"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "two different"},
		{"short body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "unexpected EOF"},
		{"folded header", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "malformed header"},
		{"other coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "transfer coding"},
		{"chunks in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "transfer coding"},
		{"bad chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "chunk size"},
		{"chunk overrun", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", "longer than it announced"},
		{"chunk cut off", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "unexpected EOF"},
		{"endless interim", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20), "interim responses"},
		{"switching", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "switched protocols"},
		{"endless line", "HTTP/1.1 200 " + strings.Repeat("x", 2*maxLine), "line longer"},
		{"endless headers", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 200), "more than 100 headers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(tt.in)
			if err == nil {
				t.Fatalf("accepted as %d %.40q", got.status, got.body)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
		})
	}
}

// FuzzReadResponse holds two laws: whatever arrives is bounded, and where
// net/http accepts the same bytes too, it reads the same page.
func FuzzReadResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nThis\r\n0\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\nto the end",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readResponse(bufio.NewReaderSize(bytes.NewReader(data), maxLine))
		if len(got.body) > MaxBody {
			t.Fatalf("kept %d bytes", len(got.body))
		}
		if err != nil {
			return
		}
		if got.status < 200 || got.status > 999 {
			t.Fatalf("final status %d", got.status)
		}
		theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), nil)
		if err != nil || theirs.StatusCode < 200 || got.truncated {
			return
		}
		body, err := io.ReadAll(theirs.Body)
		if err == nil && (theirs.StatusCode != got.status || !bytes.Equal(body, got.body)) {
			t.Fatalf("read %d %q, net/http reads %d %q", got.status, got.body, theirs.StatusCode, body)
		}
	})
}
