package byhand

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/replacefile"
	"github.com/lvsup/lvsup/plans"
)

// shebang and mark begin every script; the hash of what follows ends the line, so
// that a script that somebody has edited is told from one as it was written.
const (
	shebang = "#!/bin/sh\n"
	mark    = "# Written by lvsup plan --script. sha256 of the rest: "
)

// Write writes the scripts of all hosts to DIR/HOST.sh, with mode 0700, and gives
// their paths in the order in which they are to be run. Scripts of an earlier plan
// are replaced. Nothing is written if a file stands in the way that is none of
// lvsup's, or was edited since.
func Write(dir string, p *plans.Plan, seen time.Time) ([]string, error) {
	texts := map[string]string{}
	for _, h := range p.Hosts {
		text, err := Script(p, h, seen)
		if err != nil {
			return nil, err
		}
		texts[h.Host] = shebang + mark + hash(text) + "\n" + text
	}
	var paths []string
	for _, name := range Order(p) {
		path := filepath.Join(dir, filepath.Base(name)+".sh")
		if err := replaceable(path); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder for the scripts: %w", err)
	}
	for i, name := range Order(p) {
		if err := replacefile.Write(paths[i], []byte(texts[name]), 0o700); err != nil {
			return nil, fmt.Errorf("cannot write the script for %s: %w", name, err)
		}
	}
	return paths, nil
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// replaceable is an error if something is at the path that Write has not written
// just so.
func replaceable(path string) error {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot write a script there: %w", err)
	}
	rest, ours := strings.CutPrefix(string(data), shebang+mark)
	sum, text, _ := strings.Cut(rest, "\n")
	switch {
	case !ours:
		return fmt.Errorf("cannot replace %s: lvsup has not written it; move it away, or name another folder", path)
	case sum != hash(text):
		return fmt.Errorf("cannot replace %s: it was edited since lvsup wrote it; move it away, or name another folder", path)
	}
	return nil
}
