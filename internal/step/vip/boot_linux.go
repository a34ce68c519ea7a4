package vip

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
)

// runner finds out what would run the boot script, and whether it does. It
// only looks at files, so it says the same of a running host and of an image.
func runner(h host.Host) (script string, r Runner, blocked string, err error) {
	script = scriptPath(h)
	real, err := atomicfile.Resolve(h.Root, script)
	if err != nil {
		return "", "", "", fmt.Errorf("cannot find the boot script: %w", err)
	}
	rel, err := filepath.Rel(h.Root, real)
	if err != nil {
		return "", "", "", err
	}
	script = "/" + rel
	const unit, generator = "rc-local.service", "systemd-rc-local-generator"
	for _, dir := range []string{"/etc/systemd/system", "/run/systemd/system"} {
		if masked(h, filepath.Join(dir, unit)) {
			return script, RCLocal, fmt.Sprintf("%s is masked (%s/%s), so %s does not run at boot: systemctl unmask %s", unit, dir, unit, script, unit), nil
		}
	}
	for _, dir := range []string{"/etc/systemd/system-generators", "/run/systemd/system-generators", "/usr/local/lib/systemd/system-generators"} {
		if masked(h, filepath.Join(dir, generator)) {
			return script, RCLocal, fmt.Sprintf("%s/%s is masked, so nothing starts %s at boot: remove that link", dir, generator, script), nil
		}
	}
	switch {
	case !there(h, "/usr/lib/systemd/system", "/lib/systemd/system"):
		if there(h, "/etc/init.d/rc.local", "/etc/rc.d/rc3.d/S99local", "/etc/rc3.d/S99local") {
			return script, RCLocal, "", nil
		}
		return script, RCLocal, fmt.Sprintf("this host has neither systemd nor an init script that runs %s at boot: add one", script), nil
	case there(h, "/usr/lib/systemd/system-generators/"+generator, "/lib/systemd/system-generators/"+generator),
		there(h, wantsDir+"/"+unit):
		return script, RCLocal, "", nil
	}
	return script, Unit, "", nil
}

// scriptPath is the path that the system's own unit names, or else the one
// whose directory is there: RHEL keeps rc.local in /etc/rc.d.
func scriptPath(h host.Host) string {
	const rhel, other = "/etc/rc.d/rc.local", "/etc/rc.local"
	for _, unit := range []string{"/usr/lib/systemd/system/rc-local.service", "/lib/systemd/system/rc-local.service"} {
		data, _, err := atomicfile.Read(h.Path(unit))
		if err != nil {
			continue // an odd file there only means that it does not say
		}
		for line := range strings.Lines(string(data)) {
			name, ok := strings.CutPrefix(strings.TrimSpace(line), "ConditionFileIsExecutable=")
			if ok && (name == rhel || name == other) {
				return name
			}
		}
	}
	if there(h, "/etc/rc.d") {
		return rhel
	}
	return other
}

// masked reports whether systemd takes the path for a mask: a link to
// /dev/null, or an empty file (systemd.unit(5)).
func masked(h host.Host, name string) bool {
	if target, err := os.Readlink(h.Path(name)); err == nil {
		return target == os.DevNull
	}
	info, err := os.Lstat(h.Path(name))
	return err == nil && info.Mode().IsRegular() && info.Size() == 0
}

// there reports whether one of the paths exists.
func there(h host.Host, paths ...string) bool {
	for _, p := range paths {
		if _, err := os.Lstat(h.Path(p)); err == nil {
			return true
		}
	}
	return false
}

// look tells what is at a path; ok is false for nothing.
func look(h host.Host, name string) (p Path, ok bool, err error) {
	info, err := os.Lstat(h.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("cannot look at %s: %w", name, err)
	}
	p.Mode = fmt.Sprintf("%04o", info.Mode().Perm())
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		p.Kind = "link"
		p.Content, err = os.Readlink(h.Path(name))
	case info.IsDir():
		p.Kind = "dir"
	default:
		var data []byte
		p.Kind = "file"
		data, _, err = atomicfile.Read(h.Path(name))
		p.Content = string(data)
	}
	return p, err == nil, err
}
