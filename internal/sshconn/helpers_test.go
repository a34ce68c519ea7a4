package sshconn

import (
	"encoding/pem"
	"os"
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
