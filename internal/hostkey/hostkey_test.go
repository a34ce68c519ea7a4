package hostkey

import "testing"

// The key and its fingerprint are what ssh-keygen -t ed25519 and ssh-keygen -l printed.
const (
	aKey         = "AAAAC3NzaC1lZDI1NTE5AAAAIN/UatI2dK8OOWb1/wHOd3DHWdWrz8x5FE0Zp/6owILV"
	aFingerprint = "SHA256:p1sBzawHURhDJrGRjXrA9HA+0pOhj+uyu2caaixkU5U"
)

func TestParsePin(t *testing.T) {
	for text, want := range map[string]Pin{
		"ssh-ed25519 " + aKey:                     {"ssh-ed25519", aFingerprint},
		"  ssh-ed25519  " + aKey + " root@master": {"ssh-ed25519", aFingerprint},
		aFingerprint:                              {"", aFingerprint},
	} {
		if got, err := ParsePin(text); got != want || err != nil {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "SHA256:", "SHA256:short", aFingerprint + "=", "MD5:00:11", "ssh-ed25519", "ssh-rsa " + aKey, "ssh-ed25519 AAAA", "ssh-ed25519 ####",
		"ssh-ed25519 //////////8=", "master ssh-ed25519 " + aKey,
	} {
		if got, err := ParsePin(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

// FuzzParsePin holds that what is taken for a key has one fingerprint, by which it is
// found again.
func FuzzParsePin(f *testing.F) {
	f.Add("ssh-ed25519 " + aKey)
	f.Add(aFingerprint)
	f.Add("ssh-rsa /////w==")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePin(text)
		if err != nil {
			return
		}
		again, err := ParsePin(p.Fingerprint)
		if err != nil || again.Fingerprint != p.Fingerprint || !p.Set() {
			t.Errorf("%q: %+v, then %+v, %v", text, p, again, err)
		}
	})
}
