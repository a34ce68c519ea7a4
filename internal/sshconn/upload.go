package sshconn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/shell"
)

// UploadSpec says what to put where. A host that has gzip gets Packed, and unpacks
// it; any other gets what Plain gives.
type UploadSpec struct {
	Packed []byte // the file in gzip; nil: it travels as it is
	// Plain gives the file itself. It is called only where that is what travels,
	// perhaps for several hosts at once.
	Plain func() ([]byte, error)
	Path  string      // absolute, on the host
	Mode  fs.FileMode // permission bits of the finished file, e.g. 0755

	// Become pushes the bytes through sudo, as StartBecome does; Password is
	// its last argument.
	Become   bool
	Password func() (string, error)
}

// Way is how a file came to a host.
type Way string

// The ways of an upload.
const (
	BySFTP Way = "sftp"
	ByExec Way = "exec" // cat over a command's stdin
)

// Uploaded says how an upload went.
type Uploaded struct {
	Way Way
	// Note says why another way than SFTP was taken; empty if nothing is to be
	// said.
	Note string
}

// UploadError says why a file could not be put on a host.
type UploadError struct {
	Host   string
	Path   string
	Reason string // with the way out
}

// Error names the host, the path, the reason and the way out.
func (e *UploadError) Error() string {
	return fmt.Sprintf("cannot put %s on %s: %s", Clean(e.Path), Clean(e.Host), e.Reason)
}

// Upload puts a file on the host. The bytes go into a temporary file (0600)
// beside the destination, where the host hashes what came, unpacks it, flushes it and
// gives it the destination's name by rename(2): a reader sees the old file or the
// whole new one. Missing directories are made (0755).
//
// SFTP is used where it works, else cat over a command's stdin; with Become
// always the latter, so that the elevated process alone touches the file. On
// failure the temporary file is removed; one that a lost connection leaves
// behind is removed by an upload an hour later. Errors are *UploadError,
// *LostError, *BecomeError or the context's, perhaps wrapped.
func (c *Client) Upload(ctx context.Context, u UploadSpec) (Uploaded, error) {
	if err := u.check(); err != nil {
		return Uploaded{}, err
	}
	t := uploadTo{spec: u, dir: path.Dir(u.Path)}
	t.temp = path.Join(t.dir, ".lvsup-upload-"+randomWord())
	gzip, err := c.prepare(ctx, t)
	if err != nil {
		return Uploaded{}, err
	}
	t.payload, t.packed = u.Packed, gzip && u.Packed != nil
	if !t.packed {
		if t.payload, err = u.Plain(); err != nil {
			return Uploaded{}, err
		}
	}
	t.sha256 = fmt.Sprintf("%x", sha256.Sum256(t.payload))
	if u.Become && c.ep.User != "root" {
		return Uploaded{Way: ByExec}, c.settle(ctx, t, c.catOver(ctx, t))
	}
	errSFTP := c.overSFTP(ctx, t)
	if errSFTP == nil {
		return Uploaded{Way: BySFTP}, c.settle(ctx, t, c.commitWith(ctx, t, "", nil))
	}
	c.removeTemp(ctx, t)
	var lost *LostError
	if ctx.Err() != nil || errors.As(errSFTP, &lost) {
		return Uploaded{}, c.failed(ctx, "upload", errSFTP)
	}
	// The shell names the reason (a full disk, a read-only file system), which
	// SFTP version 3 has no code for. So the fallback is also the diagnosis.
	note := fmt.Sprintf("SFTP does not work on %s (%s): the file went through cat over a command", Clean(c.ep.Name), said(errSFTP.Error()))
	return Uploaded{Way: ByExec, Note: note}, c.settle(ctx, t, c.catOver(ctx, t))
}

func (u UploadSpec) check() error {
	switch {
	case !path.IsAbs(u.Path) || path.Clean(u.Path) != u.Path || u.Path == "/":
		return fmt.Errorf("cannot upload to %q: not an absolute, clean path", u.Path)
	case strings.ContainsAny(u.Path, "\n\x00"):
		return fmt.Errorf("cannot upload to %q: the path has a line end", u.Path)
	case u.Mode&^fs.ModePerm != 0:
		return fmt.Errorf("cannot upload %s: mode %v has more than permission bits", u.Path, u.Mode)
	}
	return nil
}

// uploadTo is one upload under way.
type uploadTo struct {
	spec    UploadSpec
	dir     string
	temp    string
	payload []byte // what travels
	packed  bool   // payload is in gzip
	sha256  string // of payload, lower-case hex
}

// The exit statuses of the scripts below.
const (
	exitMkdir    = 91
	exitWrite    = 92
	exitHash     = 94
	exitNoexec   = 95
	exitChmod    = 96
	exitRename   = 97
	exitOccupied = 98
	exitForeign  = 99
	exitDenied   = 100
)

// vars starts each script: the names in it, quoted once.
func (t uploadTo) vars() string {
	return "LC_ALL=C; export LC_ALL; d=" + shell.Quote(t.dir) + "; p=" + shell.Quote(t.spec.Path) + "; t=" + shell.Quote(t.temp) + "; "
}

// prepare makes the directory, sweeps old temporary files and says whether the host
// has a gzip to unpack with. The scripts have neither line ends nor backslashes,
// which csh and fish would read in their own way.
func (c *Client) prepare(ctx context.Context, t uploadTo) (gzip bool, err error) {
	script := t.vars() + fmt.Sprintf("umask 022; "+
		`[ -d "$p" ] && exit %d; [ -d "$d" ] || mkdir -p -- "$d" || exit %d; `+
		// Who owns the directory can put another program in the place of ours.
		`[ -O "$d" ] || { [ -w "$d" ] && exit %d; exit %d; }; `+
		`find "$d" -maxdepth 1 -name ".lvsup-upload-*" -mmin +60 -exec rm -f {} ";" 2>/dev/null; `+
		`command -v gzip >/dev/null 2>&1 && echo gzip; exit 0`,
		exitOccupied, exitMkdir, exitForeign, exitDenied)
	out, err := c.uploadStep(ctx, t, script, nil)
	return strings.TrimSpace(out) == "gzip", err
}

// runs is a shell test that file can be executed, if it is meant to be; test -x
// sees a file system that is mounted noexec (faccessat(2)).
func (t uploadTo) runs(file string) string {
	if t.spec.Mode&0o111 == 0 {
		return "true"
	}
	return "[ -x " + file + " ]"
}

// commit is the shell text that verifies the temporary file, unpacks it and gives it
// its name. It prints "unverified" and stops where the host has no sha256sum, unless
// the hash is known to be right. What gzip unpacks it checks itself (RFC 1952). Every
// command in it is a fork on the host, and every byte that is written or read there
// costs: that is most of an upload.
func (t uploadTo) commit(verified bool) string {
	script := ""
	if !verified {
		script = fmt.Sprintf(`if command -v sha256sum >/dev/null 2>&1; then set -- $(sha256sum < "$t"); [ "$1" = %s ] || { rm -f -- "$t"; exit %d; }; `+
			`else trap - EXIT; echo unverified; exit 0; fi; `, t.sha256, exitHash)
	}
	if t.packed {
		script += `umask 077; gzip -dc < "$t" > "$t.z" && mv -f -- "$t.z" "$t"` + drop(exitWrite)
	}
	return script +
		fmt.Sprintf(`chmod %o "$t"`, t.spec.Mode) + drop(exitChmod) +
		t.runs(`"$t"`) + drop(exitNoexec) +
		`sync "$t" 2>/dev/null; mv -f -- "$t" "$p"` + drop(exitRename) +
		`sync "$d" 2>/dev/null; exit 0`
}

// drop is the end of a shell command whose failure ends the upload.
func drop(code int) string {
	return fmt.Sprintf(` || { rm -f -- "$t" "$t.z"; exit %d; }; `, code)
}

// catOver sends the bytes over a command's stdin. If the connection is cut, cat
// sees the end of its input, the hash is wrong and the trap clears up.
func (c *Client) catOver(ctx context.Context, t uploadTo) error {
	receive := `umask 077; trap 'rm -f -- "$t" "$t.z"' EXIT; trap 'exit 90' HUP INT TERM; ` +
		fmt.Sprintf(`cat > "$t" || exit %d; `, exitWrite)
	return c.commitWith(ctx, t, receive, t.payload)
}

// commitWith commits the temporary file, after receive has put stdin into it.
func (c *Client) commitWith(ctx context.Context, t uploadTo, receive string, stdin []byte) error {
	out, err := c.uploadStep(ctx, t, t.vars()+receive+t.commit(false), stdin)
	if err != nil || strings.TrimSpace(out) != "unverified" {
		return err
	}
	back, err := c.uploadStep(ctx, t, t.vars()+`exec cat "$t"`, nil)
	if err != nil {
		return err
	}
	if back != string(t.payload) {
		return t.failure(c, exitHash, "")
	}
	_, err = c.uploadStep(ctx, t, t.vars()+t.commit(true), nil)
	return err
}

// uploadStep runs one script under the identity that the upload uses.
func (c *Client) uploadStep(ctx context.Context, t uploadTo, script string, stdin []byte) (string, error) {
	var s *Session
	var err error
	name := "the upload of " + path.Base(t.spec.Path)
	if t.spec.Become {
		s, err = c.startBecome(ctx, name, script, nil, t.spec.Password)
	} else {
		s, err = c.start(ctx, name, script, nil)
	}
	if err != nil {
		return "", err
	}
	out, stderr, code, err := s.finish(bytes.NewReader(stdin), len(t.payload)+MaxOutput)
	if err != nil {
		return "", err
	}
	if code != 0 {
		return "", t.failure(c, code, string(stderr))
	}
	return string(out), nil
}

// settle removes the temporary file after a failure.
func (c *Client) settle(ctx context.Context, t uploadTo, err error) error {
	if err != nil {
		c.removeTemp(ctx, t)
	}
	return err
}

func (c *Client) removeTemp(ctx context.Context, t uploadTo) {
	if c.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = c.uploadStep(ctx, t, t.vars()+`rm -f -- "$t" "$t.z"`, nil) // the first error is the one to tell
}

// room is how many bytes the upload needs on the host at once, at most.
func (t uploadTo) room() int {
	packed := t.spec.Packed
	if len(packed) < 4 {
		return len(t.payload)
	}
	return len(packed) + int(binary.LittleEndian.Uint32(packed[len(packed)-4:])) // ISIZE in RFC 1952
}

// failure puts a script's exit status and stderr into words.
func (t uploadTo) failure(c *Client, code int, stderr string) error {
	e := &UploadError{Host: c.ep.Name, Path: t.spec.Path}
	has := func(s string) bool { return strings.Contains(stderr, s) }
	switch {
	case has("No space left on device"), has("Disk quota exceeded"):
		e.Reason = fmt.Sprintf("no space left in %s; make room for %d KiB", t.dir, t.room()/1024+1)
	case has("Read-only file system"):
		e.Reason = fmt.Sprintf("%s is on a read-only file system; remount it writable", t.dir)
	case code == exitDenied, has("Permission denied"), has("Operation not permitted"):
		e.Reason = fmt.Sprintf("user %s may not write in %s; connect as root or set become = true in the plan's connection", c.ep.User, t.dir)
		if stderr != "" {
			e.Reason += " (" + said(stderr) + ")"
		}
	case code == exitForeign:
		e.Reason = fmt.Sprintf("%s belongs to another user, who could replace what is run from there; look whose it is, and remove it or give it to root", t.dir)
	case code == exitNoexec:
		e.Reason = fmt.Sprintf("%s is on a file system mounted noexec, so nothing can be run from there; remount it with exec", t.dir)
	case code == exitHash:
		e.Reason = "what arrived on the host is not what was sent; try again, and check the host's disk and memory"
	case code == exitOccupied:
		e.Reason = "a directory has that name; remove it"
	default:
		e.Reason = fmt.Sprintf("exit status %d: %s", code, said(stderr))
	}
	return e
}
