package httpget

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// MaxBody bounds what is kept of a page, in bytes. The rest of a longer page
// is not read.
const MaxBody = 64 << 10

// Bounds on what a server may send around the page.
const (
	maxLine    = 8 << 10 // bytes in the status line, a header or a chunk's head
	maxHeaders = 100     // headers in one response, and trailers after it
	maxInterim = 10      // 1xx responses before the final one
)

// response is a response as read from the connection.
type response struct {
	status    int
	body      []byte
	truncated bool // the page is longer than MaxBody
}

// readResponse reads one final response, skipping interim ones. The reader's
// buffer must hold at least maxLine bytes.
func readResponse(r *bufio.Reader) (response, error) {
	for range maxInterim {
		head, err := readHead(r)
		if err != nil {
			return response{}, err
		}
		if head.status == 101 {
			return response{}, errors.New("the server switched protocols, which nobody asked for")
		}
		if head.status < 200 {
			continue
		}
		res := response{status: head.status}
		res.body, res.truncated, err = readBody(r, head)
		return res, err
	}
	return response{}, fmt.Errorf("the server sent %d interim responses and no final one", maxInterim)
}

// head is what the start of a response says about its body.
type head struct {
	status  int
	chunked bool
	length  int64 // -1: not given
}

func readHead(r *bufio.Reader) (head, error) {
	line, err := readLine(r)
	if err != nil {
		return head{}, err
	}
	status, minor, err := parseStatus(line)
	if err != nil {
		return head{}, err
	}
	h := head{status: status, length: -1}
	for range maxHeaders + 1 {
		line, err := readLine(r)
		if err != nil {
			return head{}, err
		}
		if line == "" {
			return h, nil
		}
		if err := h.header(line, minor); err != nil {
			return head{}, err
		}
	}
	return head{}, fmt.Errorf("the response has more than %d headers", maxHeaders)
}

// header takes in one header line. Only those that delimit the body matter.
func (h *head) header(line string, minor byte) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t") {
		return fmt.Errorf("the response has a malformed header %.60q", line)
	}
	value = strings.Trim(value, " \t")
	switch strings.ToLower(name) {
	case "content-length":
		n, err := parseDecimal(value)
		if err != nil {
			return fmt.Errorf("the response has a malformed Content-Length %.60q", value)
		}
		// RFC 9112, 6.3: two lengths that differ make the message's end unknown.
		if h.length >= 0 && h.length != n {
			return errors.New("the response has two different Content-Length headers")
		}
		h.length = n
	case "transfer-encoding":
		if minor == '0' || h.chunked || !strings.EqualFold(value, "chunked") {
			return fmt.Errorf("the response has the transfer coding %.60q; only one \"chunked\" is understood", value)
		}
		h.chunked = true
	}
	return nil
}

// parseStatus reads "HTTP/1.x NNN reason".
func parseStatus(line string) (status int, minor byte, err error) {
	malformed := fmt.Errorf("the answer does not start like HTTP/1: %.60q", line)
	rest, ok := strings.CutPrefix(line, "HTTP/1.")
	if !ok || len(rest) < 5 || rest[0] != '0' && rest[0] != '1' || rest[1] != ' ' {
		return 0, 0, malformed
	}
	if len(rest) > 5 && rest[5] != ' ' {
		return 0, 0, malformed
	}
	n, err := parseDecimal(rest[2:5])
	if err != nil || n < 100 {
		return 0, 0, malformed
	}
	return int(n), rest[0], nil
}

// parseDecimal is strconv without signs.
func parseDecimal(s string) (int64, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}

// readBody reads the page, at most MaxBody of it (RFC 9112, 6.3).
func readBody(r *bufio.Reader, h head) (body []byte, truncated bool, err error) {
	switch {
	case h.status == 204 || h.status == 304:
		return nil, false, nil
	case h.chunked:
		return readChunks(r)
	case h.length >= 0:
		body, err = io.ReadAll(io.LimitReader(r, min(h.length, MaxBody)))
		if err == nil && int64(len(body)) < min(h.length, MaxBody) {
			err = io.ErrUnexpectedEOF
		}
		return body, h.length > MaxBody, err
	default:
		body, err = io.ReadAll(io.LimitReader(r, MaxBody+1))
		if len(body) > MaxBody {
			return body[:MaxBody], true, err
		}
		return body, false, err
	}
}

// readChunks reads a chunked body and its trailers (RFC 9112, 7.1). The
// trailers of a truncated page are not read.
func readChunks(r *bufio.Reader) (body []byte, truncated bool, err error) {
	var page bytes.Buffer
	for {
		line, err := readLine(r)
		if err != nil {
			return nil, false, err
		}
		size, err := parseChunkSize(line)
		if err != nil {
			return nil, false, err
		}
		if size == 0 {
			return page.Bytes(), false, skipTrailers(r)
		}
		room := int64(MaxBody - page.Len())
		take := min(size, room)
		n, err := io.CopyN(&page, r, take)
		if err != nil || n < take {
			return nil, false, io.ErrUnexpectedEOF
		}
		if size > room {
			return page.Bytes(), true, nil
		}
		if line, err = readLine(r); err != nil {
			return nil, false, err
		}
		if line != "" {
			return nil, false, errors.New("a chunk of the response is longer than it announced")
		}
	}
}

func parseChunkSize(line string) (int64, error) {
	digits, _, _ := strings.Cut(line, ";")
	digits = strings.TrimRight(digits, " \t")
	if digits == "" || len(digits) > 15 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return 0, fmt.Errorf("the response has a malformed chunk size %.60q", line)
	}
	return strconv.ParseInt(digits, 16, 64)
}

func skipTrailers(r *bufio.Reader) error {
	for range maxHeaders + 1 {
		line, err := readLine(r)
		if err != nil || line == "" {
			return err
		}
	}
	return fmt.Errorf("the response has more than %d trailers", maxHeaders)
}

// readLine reads up to a line feed and drops it with a carriage return before
// it. A stream that ends within the line is io.ErrUnexpectedEOF.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("the response has a line longer than %d bytes", maxLine)
	case errors.Is(err, io.EOF):
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
	return string(line), nil
}
