package httpd

import (
	"fmt"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/httpget"
)

// Desired is the test page of one host. The zero value wants none.
type Desired struct {
	Index string `json:"index,omitempty"` // content of index.html; a final newline is added if missing
}

// Validate refuses a page that could not be checked whole.
func Validate(want Desired) error {
	if len(want.Index) >= httpget.MaxBody {
		return fmt.Errorf("index: a page of %d bytes is too long to be checked; keep it below %d", len(want.Index), httpget.MaxBody)
	}
	return nil
}

// page is the file's content.
func (d Desired) page() string {
	if strings.HasSuffix(d.Index, "\n") {
		return d.Index
	}
	return d.Index + "\n"
}
