package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest is the SHA-256 of changes in hexadecimal: equal digests mean equal plans
// for a host.
func Digest(kinds []KindChanges) (string, error) {
	raw, err := json.Marshal(kinds)
	if err != nil {
		return "", fmt.Errorf("cannot digest the changes: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}
