//go:build linuxroot

package agentbin

import (
	"bytes"
	"debug/elf"
	"hash/crc32"
	"testing"

	"github.com/lvsup/lvsup/internal/wire"
)

// TestBuilt holds that each agent that `make build` made is for its machine, and is what
// its checksum says.
func TestBuilt(t *testing.T) {
	for name, machine := range map[string]elf.Machine{"x86_64": elf.EM_X86_64, "aarch64": elf.EM_AARCH64} {
		a, err := For(name)
		if err != nil {
			t.Fatal(err)
		}
		program, err := a.Unpack()
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(program))
		if err != nil || f.Machine != machine || f.Type != elf.ET_EXEC {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
		sum, err := a.Checksum()
		if want := wire.Checksum(crc32.ChecksumIEEE(program), int64(len(program))); err != nil || sum != want {
			t.Errorf("%s: checksum %s, %v; want %s", name, sum, err, want)
		}
	}
}
