package httpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/httpget"
	"github.com/lvsup/lvsup/internal/linux/service"
	"github.com/lvsup/lvsup/internal/step"
)

// patience is how long a server that was just started may take to serve the
// page.
const patience = 5 * time.Second

func (w worker) observe(ctx context.Context, want Desired, owned step.Owned) (Observed, error) {
	have := Observed{Unit: service.Unit{Name: w.unit}}
	if want == (Desired{}) && len(owned) == 0 {
		return have, nil
	}
	var err error
	if have.Unit, err = service.State(ctx, w.host, w.unit); err != nil {
		return have, err
	}
	have.Page, have.HasPage, err = atomicfile.Read(w.host.Path(PagePath))
	return have, err
}

func (w worker) apply(ctx context.Context, want Desired, changes []step.Change) (int, error) {
	brought := false
	for done, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return done, err
		}
		if !c.Action.Mutates() {
			continue
		}
		if err := w.one(ctx, c); err != nil {
			return done, err
		}
		brought = brought || !c.Action.Removes()
	}
	if !brought {
		return len(changes), nil
	}
	return len(changes), w.verify(ctx, []byte(want.page()))
}

// one carries out one change.
func (w worker) one(ctx context.Context, c step.Change) error {
	switch c.Field {
	case step.ContentField:
		return w.write(ctx, c)
	case "enabled":
		if c.To == enabled {
			return service.Enable(ctx, w.host, c.Key)
		}
		return w.off(ctx, c, service.Disable)
	default:
		if c.To == active {
			if err := service.Start(ctx, w.host, c.Key); err != nil {
				return w.blame(err)
			}
			return nil
		}
		return w.off(ctx, c, service.Stop)
	}
}

// off disables or stops a service. Where the package is gone by now, so is the
// service.
func (w worker) off(ctx context.Context, c step.Change, do func(context.Context, host.Host, ...string) error) error {
	unit, err := service.State(ctx, w.host, c.Key)
	if err != nil || !unit.Exists {
		return err
	}
	return do(ctx, w.host, c.Key)
}

func (w worker) write(ctx context.Context, c step.Change) error {
	path := w.host.Path(PagePath)
	if c.Action == step.Delete {
		return atomicfile.Remove(path)
	}
	data, err := step.DecodeBytes(c.To)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteMkdir(path, data, 0o644); err != nil {
		return err
	}
	// A page that somebody moved here has the label of where it was made.
	if _, err := os.Stat(w.host.Path("/sys/fs/selinux/enforce")); err != nil {
		return nil
	}
	res, err := w.host.Run(ctx, "restorecon", PagePath)
	if errors.Is(err, exec.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = res.Err("restorecon", PagePath)
	}
	return err
}

// verify fetches the page back, if the service runs.
func (w worker) verify(ctx context.Context, page []byte) error {
	unit, err := service.State(ctx, w.host, w.unit)
	if err != nil || unit.Active != active {
		return err
	}
	deadline := time.Now().Add(patience)
	for {
		err = w.served(ctx, page)
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(patience / 50):
		}
	}
}

// served compares what the host itself gets with the page.
func (w worker) served(ctx context.Context, page []byte) error {
	const from = "127.0.0.1:80"
	got, err := w.fetch(ctx, httpget.Options{Address: from, Timeout: patience})
	switch {
	case err != nil:
		return w.blame(fmt.Errorf("cannot fetch the test page back: %w", err))
	case got.Status != 200:
		return w.blame(fmt.Errorf("cannot fetch the test page back: %s answers with status %d", from, got.Status))
	case !bytes.Equal(got.Body, page):
		return w.blame(fmt.Errorf("cannot find the test page: %s serves another one (%.60q); another site may be Apache's default", from, got.Body))
	}
	return nil
}

// blame adds who has port 80, if that is not Apache.
func (w worker) blame(err error) error {
	who, ok := listener(w.host, 80)
	if !ok || who.name == "apache2" || who.name == "httpd" {
		return err
	}
	return fmt.Errorf("port 80 belongs to %s (pid %d): stop it, or take the httpd block out of the plan (%w)", who.name, who.pid, err)
}
