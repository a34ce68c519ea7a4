package sshconn

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"
	"unicode"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                         "plain",
		" a\r\n\tb ":                    "a b",
		"\x1b[31mred\x07":               `\x1b[31mred\a`,
		"caf\u00e9 \u4e2d":              "caf\u00e9 \u4e2d",
		"\u202egnp.exe":                 `\u202egnp.exe`,
		"\xff\x9b":                      `\xff\x9b`,
		"\u009bA":                       `\u009bA`,
		strings.Repeat("x", 5) + "\x00": `xxxxx\x00`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b]0;title\x07\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Clean(s) {
			if !unicode.IsPrint(r) {
				t.Fatalf("Clean(%q) keeps %q", s, r)
			}
		}
	})
}

func TestCheckELF(t *testing.T) {
	header := func(m elf.Machine, class elf.Class) []byte {
		h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(m), Version: 1, Ehsize: 64, Phentsize: 56, Shentsize: 64}
		copy(h.Ident[:], elf.ELFMAG)
		h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(class), byte(elf.ELFDATA2LSB), 1
		var b bytes.Buffer
		if err := binary.Write(&b, binary.LittleEndian, h); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	amd64 := header(elf.EM_X86_64, elf.ELFCLASS64)
	for _, test := range []struct {
		data    []byte
		machine string
		want    string
	}{
		{amd64, "x86_64", ""},
		{header(elf.EM_AARCH64, elf.ELFCLASS64), "aarch64", ""},
		{amd64, "aarch64", "it is built for EM_X86_64"},
		{amd64, "armv7l", "lvsup has agents for x86_64 and aarch64"},
		{[]byte("#!/bin/sh\n"), "x86_64", "cannot read the agent"},
		{bytes.Repeat([]byte("#!/bin/sh\n"), 10), "x86_64", "cannot read the agent"},
		{nil, "x86_64", "cannot read the agent"},
	} {
		err := CheckELF(bytes.NewReader(test.data), test.machine)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", test.machine, err, test.want)
		}
	}
}

func TestRing(t *testing.T) {
	var lines []string
	r := newRing(8)
	r.onLine = func(s string) { lines = append(lines, s) }
	for _, s := range []string{"one\ntw", "o\n", "\x1b[2Jthree"} {
		if n, err := r.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	r.flush()
	if got := strings.Join(lines, "|"); got != `one|two|\x1b[2Jthree` {
		t.Errorf("lines are %q", got)
	}
	if got := r.String(); got != "[2Jthree" {
		t.Errorf("kept %q", got)
	}
}

func TestPromptWatch(t *testing.T) {
	const prompt = "lvsup-0123:"
	for _, chunk := range []int{1, 2, 3, 5, 100} {
		w := &promptWatch{prompt: prompt, seen: make(chan int, 8)}
		in := "lecture lvsup-lvsup-01" + prompt + "Sorry, lv" + prompt + "end"
		var out []byte
		for s := in; s != ""; {
			n := min(chunk, len(s))
			out = append(out, w.filter([]byte(s[:n]))...)
			s = s[n:]
		}
		if got, want := string(out), "lecture lvsup-lvsup-01Sorry, lvend"; got != want {
			t.Errorf("chunks of %d: shown %q, want %q", chunk, got, want)
		}
		if len(w.seen) != 2 {
			t.Errorf("chunks of %d: %d prompts", chunk, len(w.seen))
		}
	}
}
