package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// Dirs are lvsup's own places on a host.
type Dirs struct {
	Data string // the ownership record and what the boot restore reads
	Run  string // the lock; gone after a reboot
	Lib  string // the agent itself
}

// DefaultDirs are the places on a real host.
func DefaultDirs() Dirs {
	return Dirs{Data: "/var/lib/lvsup", Run: "/run/lvsup", Lib: "/usr/local/libexec/lvsup"}
}

// Agent serves one coordinator. It answers requests one at a time and must not
// be used from several goroutines.
type Agent struct {
	host  host.Host
	dirs  Dirs
	build string
	log   zerolog.Logger
	kinds map[string]step.Any
	names []string // of the kinds, in the order given to New
	store store
	lock  *lock
	// answers to the ARP questions that the last request for facts began; nil: none
	answers <-chan wire.ARPResponse

	launch func(ctx context.Context, nonce string) error // starts the guard
	ending bool                                          // guarded changes are made: another agent goes on
	quick  time.Duration                                 // how long a rollback that fails is tried again at once

	hasAddress func(netip.Addr) bool // whether this host has the address
	look       time.Duration         // how often cutOff looks
	silence    time.Duration         // after which the connection is taken for cut
	pace       pace                  // of what is told while a request is worked on
}

// New makes an agent for the kinds. build is what `lvsup version` prints.
func New(h host.Host, dirs Dirs, build string, kinds []step.Any, log zerolog.Logger) *Agent {
	a := &Agent{host: h, dirs: dirs, build: build, log: log, kinds: map[string]step.Any{}, store: store{dirs.Data}, quick: rollbackQuick, hasAddress: hasAddress, look: cutLook, silence: wire.Silence, pace: pace{look: wire.ProgressInterval, alive: wire.AliveInterval}}
	a.launch = func(ctx context.Context, nonce string) error { return launchGuard(ctx, h, nonce) }
	for _, k := range kinds {
		a.kinds[k.Name()] = k
		a.names = append(a.names, k.Name())
	}
	return a
}

// Serve speaks the protocol until in ends, which is how a coordinator says
// goodbye and also how its death looks, or is silent for wire.Silence, which is
// how a cut connection looks. What is being done then stops between two changes.
func (a *Agent) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() { a.lock.release() }()
	if err := os.MkdirAll(a.dirs.Run, 0o700); err != nil {
		a.log.Warn().Err(err).Msg("cannot make the run directory")
	}
	hello := wire.Hello{Protocol: wire.Version, Build: a.build, Kinds: a.names, Machine: machine(), Checksum: ownChecksum()}
	if err := wire.WriteFrame(out, hello); err != nil {
		return fmt.Errorf("cannot greet the coordinator: %w", err)
	}
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	heard := listen(in, a.silence, cancel, func() { stop(errStopped) })
	cut := a.cutOff(ctx, cancel)
	for {
		var req wire.Request
		select {
		case <-cut:
			return errors.New("the address that this session came in by is gone")
		case <-heard.silent:
			return errSilent
		case r, more := <-heard.requests:
			if !more {
				return endOf(<-heard.ended)
			}
			req = r
		}
		may := ctx
		if req.Op == wire.OpApply {
			may = work // the others change nothing
		}
		progress := &teller{out: out, id: req.ID, at: short(string(req.Op))}
		progress.begin(ctx, a.pace)
		res := a.answer(withTeller(may, progress), req)
		err := unlessLost(heard.silent, func() error {
			progress.end()
			return respond(out, req.Op, res)
		})
		if err != nil {
			return fmt.Errorf("cannot answer the coordinator: %w", err)
		}
		if a.ending {
			return nil // the guard has the lock, and whoever confirms goes on
		}
	}
}

// respond writes an answer, or that it is too long.
func respond(out io.Writer, op wire.Op, res wire.Response) error {
	err := wire.WriteFrame(out, res)
	if errors.Is(err, wire.ErrFrameTooLarge) { // and so nothing was written
		return wire.WriteFrame(out, wire.Response{ID: res.ID, Error: wire.Failf(wire.CodeFailed, "the answer to %s is too long to send: over %d MiB", op, wire.MaxFrame>>20)})
	}
	return err
}

func endOf(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("cannot read from the coordinator: %w", err)
}

// machine is uname -m, empty if the kernel does not tell.
func machine() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Machine[:])
}

// ownChecksum lets the coordinator see that this is the agent it would push. Where
// it cannot be read it is empty, which is no agent's. The file is looked at where the
// kernel has it in memory: copying it would take longer than all else at the start. A
// process has but one file.
var ownChecksum = sync.OnceValue(func() string {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return ""
	}
	defer func() { _ = unix.Munmap(data) }()
	return wire.Checksum(crc32.ChecksumIEEE(data), info.Size())
})

func (a *Agent) answer(ctx context.Context, req wire.Request) wire.Response {
	res := wire.Response{ID: req.ID}
	body, err := a.dispatch(ctx, req)
	if err == nil && body != nil {
		res.Body, err = json.Marshal(body)
	}
	if err != nil {
		var known *wire.Error
		if !errors.As(err, &known) {
			known = wire.Failf(wire.CodeFailed, "%s", err)
		}
		a.log.Error().Str("op", string(req.Op)).Str("code", string(known.Code)).Msg(known.Message)
		res.Body, res.Error = nil, known
	}
	return res
}
