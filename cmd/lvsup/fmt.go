package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
)

// formatting is one run of lvsup fmt.
type formatting struct {
	*globals
	check, diff, recursive bool
	h                      *view.Human
	codes                  []report.Code
	doc                    view.Document // for --json
}

func newFmt(g *globals) *cobra.Command {
	f := &formatting{globals: g}
	cmd := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Format plan files in place",
		Long: `Format plans, and files with values for their variables, in place, and print the
names of those that changed. A PATH is a file or a directory; without one it is
the present directory, and with - stdin is formatted to stdout.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.h = g.human()
			if len(args) == 0 {
				args = []string{"."}
			}
			for _, path := range args {
				if err := f.path(cmd.InOrStdin(), path); err != nil {
					f.failed(err)
				}
			}
			if g.json {
				f.doc.Exit, f.doc.Codes = report.Worst(f.codes...), report.Sorted(f.codes)
				return g.result(&f.doc)
			}
			return exit(f.codes...)
		},
	}
	cmd.Flags().BoolVar(&f.check, "check", false, "write nothing; exit with 2 if a file is not formatted")
	cmd.Flags().BoolVar(&f.diff, "diff", false, "show what changes")
	cmd.Flags().BoolVar(&f.recursive, "recursive", false, "go into directories, too")
	return cmd
}

// failed takes down what went wrong with one path; the others are formatted.
func (f *formatting) failed(err error) {
	f.codes = append(f.codes, report.Failed)
	if !f.json {
		f.h.Error(err)
		return
	}
	if f.doc.Error != "" {
		f.doc.Error += "\n"
	}
	f.doc.Error += err.Error()
}

func (f *formatting) path(stdin io.Reader, path string) error {
	if path == "-" {
		src, err := io.ReadAll(io.LimitReader(stdin, hcl.MaxSize+1))
		if err != nil {
			return fmt.Errorf("cannot read stdin: %w", err)
		}
		return f.one("<stdin>", src, func(out []byte) error {
			if f.json {
				f.doc.Text = string(out)
				return nil
			}
			_, err := f.h.Out.Write(out)
			return err
		})
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("cannot format %s: %w", path, errors.Unwrap(err))
	}
	if !info.IsDir() {
		return f.file(path)
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != path && (!f.recursive || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case !entry.IsDir() && isPlanFile(name):
			return f.file(name)
		}
		return nil
	})
}

func isPlanFile(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".hcl" || ext == hcl.VarsExt
}

func (f *formatting) file(name string) error {
	src, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("cannot format %s: %w", name, errors.Unwrap(err))
	}
	return f.one(name, src, func(out []byte) error {
		if bytes.Equal(src, out) || f.check {
			return nil
		}
		target, err := filepath.EvalSymlinks(name) // the file, not the link to it
		if err == nil {
			err = renameio.WriteFile(target, out, 0o644, renameio.WithExistingPermissions())
		}
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
		return nil
	})
}

// one formats a text and hands it on.
func (f *formatting) one(name string, src []byte, write func([]byte) error) error {
	out, diags := hcl.Format(name, src)
	if len(diags) > 0 {
		f.doc.Diagnostics = append(f.doc.Diagnostics, diags...)
		if !f.json {
			hcl.WriteDiagnostics(f.h.Err, map[string][]byte{name: src}, diags, f.h.ErrColor())
		}
		f.codes = append(f.codes, report.Failed)
		return nil
	}
	if !bytes.Equal(src, out) {
		if f.check {
			f.codes = append(f.codes, report.Changes)
		}
		file := view.File{File: name}
		if f.diff {
			file.Diff = udiff.Unified(name, name, string(src), string(out))
		}
		f.doc.Files = append(f.doc.Files, file)
		if name != "<stdin>" && !f.json {
			f.h.Say("%s", view.Clean(name))
		}
		if !f.json {
			f.h.Raw(file.Diff)
		}
	}
	if f.check && name == "<stdin>" {
		return nil
	}
	return write(out)
}
