package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/wire"
)

// message is what agents tell the guard, each over a connection of its own on a
// socket that only root can open.
type message struct {
	Op    string `json:"op"`
	Nonce string `json:"nonce"`
	Cause string `json:"cause,omitempty"` // of msgUndo: what failed

	lock *os.File // sent along with msgHold
	conn *net.UnixConn
}

// The messages.
const (
	msgHold    = "hold"    // keep the host's lock, which comes along
	msgApplied = "applied" // the changes are made
	msgUndo    = "undo"    // take them back now
	msgConfirm = "confirm" // keep them; the answer brings the lock
)

// reply answers a message.
type reply struct {
	OK      bool         `json:"ok"`
	Says    string       `json:"says,omitempty"` // why not
	Outcome wire.Outcome `json:"outcome,omitempty"`
	Left    string       `json:"left,omitempty"`

	lock *os.File // came along
}

// postTimeout bounds a message and its answer.
const postTimeout = rollbackTimeout + 5*time.Second

// maxMessage bounds either, in bytes.
const maxMessage = 64 << 10

// post is where the guard gets its messages.
type post struct {
	listener *net.UnixListener
}

func openPost(path string) (*post, error) {
	// A guard that was killed leaves its socket.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("cannot open the guard's socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot open the guard's socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // the next guard's socket may have the name by then
	return &post{listener: l}, nil
}

func (p *post) close() { p.listener.Close() }

// next waits for a message; one that cannot be read is dropped.
func (p *post) next(ctx context.Context) (*message, error) {
	stop := context.AfterFunc(ctx, func() { _ = p.listener.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		conn, err := p.listener.AcceptUnix()
		if err != nil {
			return nil, err
		}
		_ = conn.SetDeadline(time.Now().Add(postTimeout))
		m := &message{conn: conn}
		if m.lock, err = receive(conn, m); err == nil {
			return m, nil
		}
		conn.Close()
	}
}

func (m *message) answer(r reply) error { return send(m.conn, r, nil) }

// handOver answers and sends the lock along, if there is one.
func (m *message) handOver(r reply, l *lock) error {
	if l == nil {
		return send(m.conn, r, nil)
	}
	return send(m.conn, r, l.file)
}

func (m *message) close() {
	if m.lock != nil {
		m.lock.Close()
	}
	m.conn.Close()
}

// tellGuard sends the guard a message, and the lock with it if there is one.
func (d Dirs) tellGuard(ctx context.Context, op, nonce string, l *lock) (reply, error) {
	return d.exchange(ctx, message{Op: op, Nonce: nonce}, l)
}

func (d Dirs) exchange(ctx context.Context, m message, l *lock) (reply, error) {
	var r reply
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", d.guardSocket())
	if err != nil {
		return r, fmt.Errorf("cannot reach the guard: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(postTimeout))
	unixConn := conn.(*net.UnixConn)
	var file *os.File
	if l != nil {
		file = l.file
	}
	if err := send(unixConn, m, file); err != nil {
		return r, err
	}
	r.lock, err = receive(unixConn, &r)
	return r, err
}

func send(conn *net.UnixConn, v any, file *os.File) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot encode a message of the guard: %w", err)
	}
	var rights []byte
	if file != nil {
		rights = unix.UnixRights(int(file.Fd()))
	}
	if _, _, err := conn.WriteMsgUnix(data, rights, nil); err != nil {
		return fmt.Errorf("cannot send a message of the guard: %w", err)
	}
	if err := conn.CloseWrite(); err != nil {
		return fmt.Errorf("cannot send a message of the guard: %w", err)
	}
	return nil
}

// receive reads a message up to the end of the stream and the file that came
// with it, if any.
func receive(conn *net.UnixConn, into any) (*os.File, error) {
	var data []byte
	var file *os.File
	buf, rights := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4))
	for {
		n, rn, _, _, err := conn.ReadMsgUnix(buf, rights)
		if n <= 0 || err != nil { // the counts of a read that failed are -1
			break
		}
		data = append(data, buf[:n]...)
		if f := fileFrom(rights[:rn]); f != nil {
			file = f
		}
		if len(data) > maxMessage {
			break
		}
	}
	if err := json.Unmarshal(data, into); err != nil {
		if file != nil {
			file.Close()
		}
		return nil, fmt.Errorf("cannot read a message of the guard: %w", err)
	}
	return file, nil
}

func fileFrom(rights []byte) *os.File {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			return os.NewFile(uintptr(fd), "lock")
		}
	}
	return nil
}
