package agentbin

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/lvsup/lvsup/internal/wire"
)

// TestChecksum holds that the end of what gzip made is the checksum of what went in.
func TestChecksum(t *testing.T) {
	binary := bytes.Repeat([]byte("an agent\n"), 1000)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(binary); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	open := func(content []byte) fs.File {
		name := filepath.Join(t.TempDir(), "packed")
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	got, err := checksum(open(packed.Bytes()))
	if want := wire.Checksum(crc32.ChecksumIEEE(binary), int64(len(binary))); err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := checksum(open([]byte("short"))); err == nil {
		t.Error("a checksum of nothing")
	}
}
