package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxFrame bounds one frame, in bytes of JSON. A peer that announces more is
// broken or hostile and the connection ends.
const MaxFrame = 16 << 20

// ErrFrameTooLarge means that a frame is longer than MaxFrame.
var ErrFrameTooLarge = errors.New("frame is larger than the protocol allows")

// WriteFrame writes v as JSON behind its length in four big-endian bytes, in a
// single Write.
func WriteFrame(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot encode a frame: %w", err)
	}
	if len(body) > MaxFrame {
		return ErrFrameTooLarge
	}
	frame := make([]byte, 4+len(body))
	binary.BigEndian.PutUint32(frame, uint32(len(body)))
	copy(frame[4:], body)
	_, err = w.Write(frame)
	return err
}

// ReadFrame reads one frame into v. It gives io.EOF when the stream ends
// between two frames and io.ErrUnexpectedEOF when it ends within one.
func ReadFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > MaxFrame {
		return fmt.Errorf("%w: %d bytes announced (is something else writing to the session, such as a shell's rc file?)", ErrFrameTooLarge, size)
	}
	// Grow with what arrives rather than with what was announced.
	body, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil {
		return err
	}
	if len(body) < int(size) {
		return io.ErrUnexpectedEOF
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("cannot decode a frame: %w", err)
	}
	return nil
}
