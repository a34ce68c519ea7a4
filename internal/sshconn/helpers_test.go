package sshconn

import (
	"context"
	"encoding/pem"
	"os"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// encryptKey writes the same key encrypted, without a public key file.
func encryptKey(t *testing.T, file, pass string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(pass))
	if err != nil {
		t.Fatal(err)
	}
	out := file + "_encrypted"
	writeFile(t, out, string(pem.EncodeToMemory(block)), 0o600)
	return out
}

// dialMany makes so many connections at once, and closes each.
func dialMany(t *testing.T, d *Dialer, ep Endpoint, n int) {
	t.Helper()
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			c, err := d.Dial(context.Background(), ep)
			if err != nil {
				t.Error(err)
				return
			}
			_ = c.Close()
		})
	}
	wait.Wait()
}
