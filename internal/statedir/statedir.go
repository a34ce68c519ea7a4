// Package statedir is where lvsup remembers things on the machine that it runs on: in
// files below XDG_STATE_HOME, or ~/.local/state (XDG Base Directory Specification),
// readable by their owner.
package statedir

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// Dir is the folder for things of one sort.
func Dir(sort string) (string, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "lvsup", sort), nil
}

// File is the file in a folder that is about one cluster of a plan, and whatever
// else tells it from others. A plan is its file's absolute path.
func File(dir, plan, cluster string, more ...string) (string, error) {
	plan, err := filepath.Abs(plan)
	if err != nil {
		return "", err
	}
	key := plan + "\x00" + cluster
	for _, m := range more {
		key += "\x00" + m
	}
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(dir, fmt.Sprintf("%x.json", sum[:12])), nil
}
