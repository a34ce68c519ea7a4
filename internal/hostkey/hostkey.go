// Package hostkey reads SSH public keys as far as it takes to tell one from
// another: their type and their fingerprint.
package hostkey

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Pin is the one host key that is accepted. The zero Pin names none.
type Pin struct {
	Kind        string // ssh-ed25519, ...; empty where only the fingerprint is known
	Fingerprint string // SHA256:... as ssh-keygen -l prints it
}

// Set says that the pin names a key.
func (p Pin) Set() bool { return p.Fingerprint != "" }

// ParsePin reads a fingerprint, "SHA256:..." as ssh-keygen -l prints it, or a key,
// "TYPE BASE64 [COMMENT]" as in a .pub file. The error says what is wrong in a
// clause.
func ParsePin(text string) (Pin, error) {
	if sum, is := strings.CutPrefix(text, "SHA256:"); is {
		if raw, err := base64.RawStdEncoding.Strict().DecodeString(sum); err != nil || len(raw) != sha256.Size {
			return Pin{}, errors.New("a fingerprint is SHA256: and 43 letters and digits")
		}
		return Pin{Fingerprint: text}, nil
	}
	words := strings.Fields(text)
	if len(words) < 2 {
		return Pin{}, errors.New("it is neither a fingerprint, SHA256:..., nor a type and a key, as in a .pub file")
	}
	wire, err := Decode(words[0], words[1])
	if err != nil {
		return Pin{}, err
	}
	return Pin{Kind: words[0], Fingerprint: Fingerprint(wire)}, nil
}

// Decode gives the wire form (RFC 4253, 6.6) of a key in base64, and looks whether
// it is of the type that it is said to be.
func Decode(kind, text string) ([]byte, error) {
	wire, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("the key is not base64")
	}
	if Kind(wire) != kind {
		return nil, fmt.Errorf("the key is not of type %q", kind)
	}
	return wire, nil
}

// Kind is the type that a key in wire form starts with; empty if it has none.
func Kind(wire []byte) string {
	if len(wire) < 4 {
		return ""
	}
	n := binary.BigEndian.Uint32(wire)
	if uint64(n) > uint64(len(wire)-4) {
		return ""
	}
	return string(wire[4 : 4+n])
}

// Fingerprint is that of a key in wire form, SHA256:... as ssh-keygen -l prints it.
func Fingerprint(wire []byte) string {
	sum := sha256.Sum256(wire)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
