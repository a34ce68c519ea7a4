//go:build linux && linuxroot

package atomicfile

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLabel stands in for the kernel, which gives a new file its directory's
// label, and for the policy.
func TestLabel(t *testing.T) {
	const inherited = "unconfined_u:object_r:etc_t:s0"
	dir := t.TempDir()
	runs := filepath.Join(dir, "enforce")
	if err := os.WriteFile(runs, []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ runs, says, want string }{
		"the policy names another type": {runs, "echo system_u:object_r:initrc_exec_t:s0", "unconfined_u:object_r:initrc_exec_t:s0"},
		"the policy names this type":    {runs, "echo system_u:object_r:etc_t:s0", inherited},
		"the policy knows nothing":      {runs, "echo '<<none>>'", inherited},
		"the policy cannot be read":     {runs, "exit 1", inherited},
		"SELinux does not run":          {runs + "-not", "echo system_u:object_r:initrc_exec_t:s0", inherited},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "new"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := unix.Fsetxattr(int(f.Fd()), labelName, []byte(inherited+"\x00"), 0); err != nil {
				t.Fatal(err)
			}
			program := filepath.Join(t.TempDir(), "matchpathcon")
			script := "#!/bin/sh\n[ \"$*\" = '-N -n -m file /etc/rc.d/rc.local' ] || exit 2\n" + tt.says + "\n"
			if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := label(f, "/etc/rc.d/rc.local", tt.runs, program); err != nil {
				t.Fatal(err)
			}
			value := make([]byte, 256)
			n, err := unix.Fgetxattr(int(f.Fd()), labelName, value)
			if got := string(value[:max(n, 0)]); err != nil || got != tt.want+"\x00" {
				t.Errorf("the label is %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
