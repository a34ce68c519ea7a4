package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// forbidden are packages that the agent must not pull in, each with the reason
// why. The agent is pushed to every host and kept small.
var forbidden = map[string]string{
	"net/http":                                "1.4 MiB; package httpget fetches the pages",
	"crypto/tls":                              "nothing in the agent speaks TLS",
	"text/template":                           "keeps the linker from dropping unused methods",
	"github.com/hashicorp/hcl/v2":             "plans are read by the coordinator only",
	"github.com/zclconf/go-cty/cty":           "plans are read by the coordinator only",
	"github.com/spf13/cobra":                  "the agent has three words for a command line",
	"golang.org/x/crypto/ssh":                 "the agent is reached over SSH, it does not speak it",
	"github.com/pkg/sftp":                     "the agent is pushed, it pushes nothing",
	"github.com/lvsup/lvsup/hcl":              "plans are read by the coordinator only",
	"github.com/lvsup/lvsup/coordinator":      "the agent serves it, and must not know it",
	"github.com/lvsup/lvsup/internal/sshconn": "the agent is reached over SSH, it does not speak it",
	"github.com/lvsup/lvsup/internal/view":    "the agent's stdout is the protocol's",
	"github.com/lvsup/lvsup/internal/lab":     "the lab is the coordinator's",
}

func TestAgentStaysLean(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if why, ok := forbidden[dep]; ok {
			t.Errorf("the agent depends on %s: %s", dep, why)
		}
	}
}

// maxAgent is what an agent may weigh compressed, in bytes.
const maxAgent = 3 << 20

func TestAgentIsSmall(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		file := filepath.Join(t.TempDir(), "agent")
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("cannot build for %s: %v\n%s", arch, err, out)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d KiB, %d KiB compressed", arch, len(data)>>10, packed.Len()>>10)
		if packed.Len() > maxAgent {
			t.Errorf("the agent for %s is %d KiB compressed, at most %d are allowed", arch, packed.Len()>>10, maxAgent>>10)
		}
	}
}
