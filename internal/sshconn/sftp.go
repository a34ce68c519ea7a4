package sshconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pkg/sftp"
)

// sftpHandshake bounds the start of SFTP: a subsystem that prints something
// else first may leave both sides waiting.
const sftpHandshake = 10 * time.Second

// overSFTP writes the temporary file through SFTP. Any error means that this
// way does not work, and leaves the temporary file to the caller.
func (c *Client) overSFTP(ctx context.Context, t uploadTo) (err error) {
	defer func() {
		if err != nil {
			err = c.explain(err)
		}
	}()
	session, err := c.ssh.NewSession()
	if err != nil {
		return err
	}
	// Closing the session is what ends a call that hangs.
	defer func() { _ = session.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = session.Close() })
	defer stop()
	slow := time.AfterFunc(sftpHandshake, func() { _ = session.Close() })
	defer slow.Stop()

	stdin, err1 := session.StdinPipe()
	stdout, err2 := session.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := session.RequestSubsystem("sftp"); err != nil {
		return fmt.Errorf("the subsystem is off: %w", err)
	}
	client, err := sftp.NewClientPipe(stdout, stdin, sftp.UseConcurrentWrites(true), sftp.MaxPacket(packet), sftp.MaxConcurrentRequestsPerFile(packetsAtOnce))
	if err != nil {
		return fmt.Errorf("the subsystem does not speak SFTP: %w", err)
	}
	defer func() { _ = client.Close() }()
	slow.Stop()
	return writeSFTP(client, t)
}

func writeSFTP(client *sftp.Client, t uploadTo) error {
	f, err := client.OpenFile(t.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	err = fillSFTP(f, t)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close: %w", cerr)
	}
	return err
}

func fillSFTP(f *sftp.File, t uploadTo) error {
	if err := f.Chmod(0o600); err != nil {
		return fmt.Errorf("chmod: %w", err)
	}
	if _, err := f.ReadFrom(bytes.NewReader(t.payload)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("stat: %w", err)
	}
	if info.Size() != int64(len(t.payload)) {
		return fmt.Errorf("write: %w", io.ErrShortWrite)
	}
	return nil
}
