// Package statedir is where lvsup remembers things on the machine that it runs on: in
// files below XDG_STATE_HOME, or ~/.local/state (XDG Base Directory Specification),
// readable by their owner.
package statedir

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lvsup/lvsup/internal/replacefile"
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

// Read reads what Write wrote. A file that is not there leaves the value as it is.
func Read(file string, value any) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	return err
}

// Write writes a value as JSON, whole or not at all, readable by its owner.
func Write(file string, value any) error {
	text, err := json.MarshalIndent(value, "", " ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = replacefile.Write(file, append(text, '\n'), 0o600)
	}
	return err
}
