package agentbin

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
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
	got, err := Agent{Packed: packed.Bytes()}.Checksum()
	if want := wire.Checksum(crc32.ChecksumIEEE(binary), int64(len(binary))); err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := (Agent{Packed: []byte("short")}).Checksum(); err == nil {
		t.Error("a checksum of nothing")
	}
}
