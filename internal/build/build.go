// Package build knows which build of lvsup this is. The coordinator and the
// agent it carries must give the same answer.
package build

import "runtime/debug"

// stamp is set by the linker (make build).
var stamp string

// Version is what `lvsup version` prints: the stamp of make build, or what the
// Go toolchain recorded.
func Version() string {
	if stamp != "" {
		return stamp
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
