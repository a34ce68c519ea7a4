package sshconn

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
)

// payload is data of n bytes that does not repeat at any block size.
func payload(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func spec(data []byte, path string) UploadSpec {
	return UploadSpec{Plain: func() ([]byte, error) { return data, nil }, Path: path, Mode: 0o755}
}

// wantFile checks content, mode and that nothing else is in the directory.
func wantFile(t *testing.T, u UploadSpec) {
	t.Helper()
	got, err := os.ReadFile(u.Path)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := u.Plain(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has other content", u.Path)
	}
	info, err := os.Stat(u.Path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != u.Mode {
		t.Errorf("mode is %v, want %v", info.Mode(), u.Mode)
	}
	wantNames(t, filepath.Dir(u.Path), filepath.Base(u.Path))
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", dir, names, want)
	}
}

func TestUploadWays(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(*testServer)
		way  Way
		note string
	}{
		"sftp":           {nil, BySFTP, ""},
		"rc prints":      {func(s *testServer) { s.rcNoise = "Welcome!\nlast login: never" }, BySFTP, ""},
		"sftp off":       {func(s *testServer) { s.noSFTP = true }, ByExec, "the subsystem is off"},
		"sftp polluted":  {func(s *testServer) { s.sftpNoise = "Welcome to web1\n" }, ByExec, "does not speak SFTP"},
		"no posix sha":   {func(s *testServer) { s.path = toolsWithout(s.t, "sha256sum") }, BySFTP, ""},
		"no gzip":        {func(s *testServer) { s.path = toolsWithout(s.t, "gzip") }, BySFTP, ""},
		"sftp read-only": {func(s *testServer) { s.sftpServer = readOnlySFTP }, ByExec, "open: "},
	} {
		for _, packed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, packed %v", name, packed), func(t *testing.T) {
				_, ep := serve(t, test.set)
				c := dial(t, ep, nil)
				u := spec(payload(300_000), filepath.Join(t.TempDir(), "a dir", "it's", "agent"))
				if packed {
					u.Packed = gzipped(t, payload(300_000))
				}
				for range 2 { // the second takes the place of the first
					got, err := c.Upload(context.Background(), u)
					if err != nil {
						t.Fatal(err)
					}
					if got.Way != test.way || !strings.Contains(got.Note, test.note) || (test.note == "") != (got.Note == "") {
						t.Errorf("got %+v, want way %s with note %q", got, test.way, test.note)
					}
					wantFile(t, u)
				}
				if info, _ := os.Stat(filepath.Dir(u.Path)); info.Mode().Perm() != 0o755 {
					t.Errorf("the directory's mode is %v", info.Mode())
				}
			})
		}
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestUploadDamaged has the host get other bytes than were sent, whichever way they
// come: its hash of them must refuse it, with or without a sha256sum of its own. What
// is no gzip is refused by the host's gzip.
func TestUploadDamaged(t *testing.T) {
	damage := func(s *testServer, tools ...string) {
		s.path = toolsWithout(s.t, "cat", tools...)
		writeFile(s.t, filepath.Join(s.path, "cat"), "#!/bin/sh\n/bin/cat | /usr/bin/tr b c\n", 0o755)
		s.sftpServer = serveDamaged
	}
	junk := func(u *UploadSpec) { u.Packed = []byte("no gzip at all") }
	for name, test := range map[string]struct {
		set  func(*testServer)
		spec func(*UploadSpec)
		want string
	}{
		"sftp":          {func(s *testServer) { damage(s) }, nil, "is not what was sent"},
		"exec":          {func(s *testServer) { damage(s); s.noSFTP = true }, nil, "is not what was sent"},
		"no sha256sum":  {func(s *testServer) { damage(s, "sha256sum") }, nil, "is not what was sent"},
		"no gzip, sftp": {nil, junk, "not in gzip format"},
		"no gzip, exec": {func(s *testServer) { s.noSFTP = true }, junk, "not in gzip format"},
	} {
		t.Run(name, func(t *testing.T) {
			_, ep := serve(t, test.set)
			c := dial(t, ep, nil)
			u := spec([]byte(strings.Repeat("abc", 1000)), filepath.Join(t.TempDir(), "agent"))
			if test.spec != nil {
				test.spec(&u)
			}
			var e *UploadError
			if _, err := c.Upload(context.Background(), u); !errors.As(err, &e) || !strings.Contains(e.Reason, test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			wantNames(t, filepath.Dir(u.Path))
		})
	}
}

// damagedDisk keeps other bytes than it is given.
type damagedDisk struct{ sftp.Handlers }

type damagedFile struct{ *os.File }

func (f damagedFile) WriteAt(p []byte, off int64) (int, error) {
	return f.File.WriteAt(bytes.ReplaceAll(p, []byte("b"), []byte("c")), off)
}

func (damagedDisk) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	f, err := os.OpenFile(r.Filepath, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return damagedFile{f}, err
}

func (damagedDisk) Filecmd(*sftp.Request) error { return nil }

func (damagedDisk) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	info, err := os.Stat(r.Filepath)
	return listing{info}, err
}

// listing is the answer to one stat.
type listing []os.FileInfo

func (l listing) ListAt(to []os.FileInfo, _ int64) (int, error) { return copy(to, l), io.EOF }

func serveDamaged(ch io.ReadWriteCloser) error {
	h := sftp.InMemHandler()
	h.FilePut, h.FileCmd, h.FileList = damagedDisk{}, damagedDisk{}, damagedDisk{}
	return sftp.NewRequestServer(ch, h).Serve()
}

// toolsWithout makes a PATH that has what the scripts need but some tools.
func toolsWithout(t *testing.T, missing string, more ...string) string {
	dir := t.TempDir()
	for _, tool := range []string{"sh", "cat", "chmod", "find", "gzip", "mkdir", "mv", "rm", "sha256sum", "sync", "wc"} {
		if tool == missing || slices.Contains(more, tool) {
			continue
		}
		for _, bin := range []string{"/usr/bin/", "/bin/"} {
			if _, err := os.Stat(bin + tool); err == nil {
				if err := os.Symlink(bin+tool, filepath.Join(dir, tool)); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
	}
	return dir
}

func readOnlySFTP(ch io.ReadWriteCloser) error {
	s, err := sftp.NewServer(ch, sftp.ReadOnly())
	if err != nil {
		return err
	}
	return s.Serve()
}

// fullDisk writes a part of each file and then fails as OpenSSH does for
// ENOSPC: with SSH_FX_FAILURE.
type fullDisk struct{ sftp.Handlers }

type fullFile struct{ *os.File }

func (f fullFile) WriteAt(p []byte, off int64) (int, error) {
	if off > 64<<10 {
		return 0, sftp.ErrSSHFxFailure
	}
	return f.File.WriteAt(p, off)
}

func (fullDisk) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	f, err := os.OpenFile(r.Filepath, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return fullFile{f}, err
}

func (fullDisk) Filecmd(*sftp.Request) error { return nil }

func serveFullDisk(ch io.ReadWriteCloser) error {
	h := sftp.InMemHandler()
	h.FilePut, h.FileCmd = fullDisk{}, fullDisk{}
	return sftp.NewRequestServer(ch, h).Serve()
}

// TestUploadDiskFull makes SFTP and cat fail for want of space: the message
// names the reason and no temporary file stays.
func TestUploadDiskFull(t *testing.T) {
	tools := toolsWithout(t, "cat")
	writeFile(t, filepath.Join(tools, "cat"), "#!/bin/sh\nhead -c 1000\necho 'cat: write error: No space left on device' >&2\nexit 1\n", 0o755)
	if err := os.Symlink("/usr/bin/head", filepath.Join(tools, "head")); err != nil {
		t.Fatal(err)
	}
	_, ep := serve(t, func(s *testServer) { s.sftpServer, s.path = serveFullDisk, tools })
	c := dial(t, ep, nil)
	dir := t.TempDir()
	_, err := c.Upload(context.Background(), spec(payload(300_000), filepath.Join(dir, "agent")))
	var failed *UploadError
	if !errors.As(err, &failed) || !strings.Contains(failed.Reason, "no space left in "+dir+"; make room for 293 KiB") {
		t.Errorf("got %v", err)
	}
	wantNames(t, dir)
}

func TestUploadCut(t *testing.T) {
	for name, noSFTP := range map[string]bool{"sftp": false, "exec": true} {
		t.Run(name, func(t *testing.T) {
			_, ep := serve(t, func(s *testServer) { s.noSFTP, s.cutAfter = noSFTP, 500_000 })
			c := dial(t, ep, nil)
			u := spec(payload(2_000_000), filepath.Join(t.TempDir(), "agent"))
			_, err := c.Upload(context.Background(), u)
			var lost *LostError
			if !errors.As(err, &lost) || !strings.Contains(err.Error(), "was lost") {
				t.Fatalf("got %v, want a lost connection", err)
			}
			if _, err := os.Stat(u.Path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the destination exists after a cut upload: %v", err)
			}
			if !noSFTP {
				return // nobody is left there to clear up; see TestUploadSweeps
			}
			dir := filepath.Dir(u.Path)
			for range 100 {
				if entries, _ := os.ReadDir(dir); len(entries) == 0 {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			wantNames(t, dir)
		})
	}
}

// TestUploadSweeps removes what a lost connection left, but not what another
// upload may be writing now.
func TestUploadSweeps(t *testing.T) {
	_, ep := serve(t, nil)
	c := dial(t, ep, nil)
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{".lvsup-upload-old": 2 * time.Hour, ".lvsup-upload-new": time.Minute} {
		writeFile(t, filepath.Join(dir, name), "x", 0o600)
		then := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Upload(context.Background(), spec([]byte("x"), filepath.Join(dir, "agent"))); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, ".lvsup-upload-new", "agent")
}

// TestUploadCancelled has an SFTP server that answers no request.
func TestUploadCancelled(t *testing.T) {
	_, ep := serve(t, func(s *testServer) {
		s.sftpServer = func(ch io.ReadWriteCloser) error {
			_, err := io.Copy(io.Discard, ch)
			return err
		}
	})
	c := dial(t, ep, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	dir := t.TempDir()
	if _, err := c.Upload(ctx, spec(payload(1000), filepath.Join(dir, "agent"))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	wantNames(t, dir)
	if err := c.Err(); err != nil {
		t.Errorf("the connection is gone: %v", err)
	}
}

func TestUploadRefusals(t *testing.T) {
	_, ep := serve(t, nil)
	c := dial(t, ep, nil)
	dir := t.TempDir()
	good := spec([]byte("x"), filepath.Join(dir, "agent"))
	relative := good
	relative.Path = "agent"
	occupied := good
	occupied.Path = dir
	for name, test := range map[string]struct {
		u    UploadSpec
		want string
	}{
		"relative":  {relative, "not an absolute, clean path"},
		"directory": {occupied, "a directory has that name"},
	} {
		if _, err := c.Upload(context.Background(), test.u); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	wantNames(t, dir)
}
