//go:build lab

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// groff has nothing to complain about in any page.
func TestManualIsGroffs(t *testing.T) {
	dir := t.TempDir()
	if err := writeManual(dir, newRoot(newGlobals())); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	var complaints, text bytes.Buffer
	for _, page := range pages {
		cmd := exec.Command("groff", "-ww", "-man", "-Tutf8", page)
		cmd.Stdout, cmd.Stderr = &text, &complaints
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v", page, err)
		}
	}
	if complaints.Len() > 0 || text.Len() == 0 {
		t.Errorf("%d bytes of text, and:\n%s", text.Len(), complaints.String())
	}
}
