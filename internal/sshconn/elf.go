package sshconn

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// elfHeader is how long the header of a 64-bit program is (elf(5)), in bytes.
const elfHeader = 64

// CheckELF says whether a program can run on a machine whose uname -m is unameM. It
// reads only the ELF header, so that a wrong agent is found before it is pushed.
func CheckELF(program io.Reader, unameM string) error {
	var h elf.Header64
	if err := binary.Read(io.LimitReader(program, elfHeader), binary.LittleEndian, &h); err != nil {
		return fmt.Errorf("cannot read the agent as an ELF program: %w", err)
	}
	if string(h.Ident[:4]) != elf.ELFMAG {
		return errors.New("cannot read the agent as an ELF program: it does not begin as one")
	}
	want, ok := elfMachine(unameM)
	if !ok {
		return fmt.Errorf("cannot run the agent on machine %q: lvsup has agents for x86_64 and aarch64", Clean(unameM))
	}
	if got := elf.Machine(h.Machine); got != want || elf.Class(h.Ident[elf.EI_CLASS]) != elf.ELFCLASS64 {
		return fmt.Errorf("cannot run the agent on machine %q: it is built for %s", Clean(unameM), got)
	}
	return nil
}

func elfMachine(unameM string) (elf.Machine, bool) {
	switch unameM {
	case "x86_64", "amd64":
		return elf.EM_X86_64, true
	case "aarch64", "arm64":
		return elf.EM_AARCH64, true
	}
	return elf.EM_NONE, false
}
