package sshconn

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// CheckELF says whether the program in data can run on a machine whose uname -m
// is unameM. It reads only the ELF header (elf(5)), so that a wrong agent is
// found before it is pushed.
func CheckELF(data []byte, unameM string) error {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("cannot read the agent as an ELF program: %w", err)
	}
	want, ok := elfMachine(unameM)
	if !ok {
		return fmt.Errorf("cannot run the agent on machine %q: lvsup has agents for x86_64 and aarch64", Clean(unameM))
	}
	if f.Machine != want || f.Class != elf.ELFCLASS64 {
		return fmt.Errorf("cannot run the agent on machine %q: it is built for %s", Clean(unameM), f.Machine)
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
