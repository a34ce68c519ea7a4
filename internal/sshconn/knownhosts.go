package sshconn

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // hashed names in known_hosts are defined as HMAC-SHA-1
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lvsup/lvsup/internal/hostkey"
)

// knownHosts is what the known_hosts files say about one host, read as OpenSSH
// does (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT; hostfile.c). The libraries for this
// format refuse a whole file for one line that they cannot read, take an authority
// for a host key, and look for certificates of the authority's own type only.
type knownHosts struct {
	keys        []knownKey
	bare        []knownKey // under the name without its port, which OpenSSH takes where keys is empty
	authorities []knownKey
	// revoked holds every revoked key whatever host it is revoked for: a key that
	// somebody else has as well is no host's.
	revoked []knownKey
	// unread are lines about this host that cannot be read, FILE:LINE each.
	unread []string
}

// knownKey is one key of a known_hosts file.
type knownKey struct {
	kind  string // ssh-ed25519, ...
	wire  []byte // RFC 4253, 6.6
	where string // FILE:LINE
	file  string
}

func (k knownKey) String() string {
	return fmt.Sprintf("%s %s (%s)", k.kind, hostkey.Fingerprint(k.wire), k.where)
}

func hasKey(keys []knownKey, wire []byte) (knownKey, bool) {
	i := slices.IndexFunc(keys, func(k knownKey) bool { return bytes.Equal(k.wire, wire) })
	if i < 0 {
		return knownKey{}, false
	}
	return keys[i], true
}

// readKnownHosts looks a host up in all files; one that does not exist is passed
// over. bare is its name without the port, or empty. A file that cannot be read
// and a revoked key that cannot be read are errors: the key in question might be
// the one that the host shows.
func readKnownHosts(texts *texts, files []string, name, bare string) (*knownHosts, error) {
	k := &knownHosts{}
	for _, file := range files {
		text, err := texts.read(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the known host keys: %w", err)
		}
		n := 0
		for line := range strings.Lines(text) {
			n++
			if surelyOthers(line, name, bare) {
				continue
			}
			if err := k.line(line, file, fmt.Sprintf("%s:%d", file, n), name, bare); err != nil {
				return nil, err
			}
		}
	}
	return k, nil
}

// surelyOthers reports at little cost whether a line is about other hosts only: of a
// thousand lines, which a run over a thousand hosts looks at a thousand times, most
// are. It need not see that of markers, hashes and patterns.
func surelyOthers(line, name, bare string) bool {
	line = strings.TrimLeft(line, " \t")
	end := strings.IndexAny(line, " \t\n")
	if end <= 0 {
		return false
	}
	list := line[:end]
	if strings.ContainsAny(list, "@|#*?!") {
		return false
	}
	for one := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(one, name) || bare != "" && strings.EqualFold(one, bare) {
			return false
		}
	}
	return true
}

// texts keeps the known_hosts files that a run has read, for the other hosts of the
// run. It is safe for concurrent use; the zero value is ready for it.
type texts struct {
	mu    sync.Mutex
	files map[string]savedText
}

// savedText is what a file had when it was so long, and last changed so.
type savedText struct {
	size    int64
	changed time.Time
	text    string
}

// read gives a file as it is now.
func (t *texts) read(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if have, ok := t.files[file]; ok && have.size == info.Size() && have.changed.Equal(info.ModTime()) {
		return have.text, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if t.files == nil {
		t.files = map[string]savedText{}
	}
	t.files[file] = savedText{info.Size(), info.ModTime(), string(data)}
	return t.files[file].text, nil
}

func (k *knownHosts) line(line, file, where, name, bare string) error {
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	marker := ""
	if strings.HasPrefix(words[0], "@") {
		marker, words = words[0], words[1:]
	}
	named, short := false, false
	if len(words) > 0 {
		named = namesHost(words[0], name)
		short = bare != "" && namesHost(words[0], bare)
	}
	if marker != "@revoked" && !named && !short {
		return nil
	}
	key, err := parseKnownKey(words)
	key.where, key.file = where, file
	switch {
	case err != nil && marker == "@revoked":
		return fmt.Errorf("cannot read the revoked key in %s: %w; correct or remove that line", where, err)
	case len(words) > 1 && strings.Trim(words[1], "0123456789") == "":
		// A key of SSH's first version, which nothing speaks any more.
	case err != nil:
		k.unread = append(k.unread, where)
	case marker == "@revoked":
		k.revoked = append(k.revoked, key)
	case marker == "@cert-authority":
		k.authorities = append(k.authorities, key)
	case marker != "":
		k.unread = append(k.unread, where)
	case named:
		k.keys = append(k.keys, key)
	default:
		k.bare = append(k.bare, key)
	}
	return nil
}

// parseKnownKey reads the words of a line from the host names on.
func parseKnownKey(words []string) (knownKey, error) {
	if len(words) < 3 {
		return knownKey{}, errors.New("it has no key")
	}
	wire, err := hostkey.Decode(words[1], words[2])
	return knownKey{kind: words[1], wire: wire}, err
}

// namesHost says whether the first field of a line is about a host: a hashed name,
// or a list of patterns.
func namesHost(list, name string) bool {
	hashed, isHashed := strings.CutPrefix(list, "|1|")
	if !isHashed {
		return matchList(strings.Split(list, ","), name)
	}
	salt, hash, _ := strings.Cut(hashed, "|")
	s, err1 := base64.StdEncoding.DecodeString(salt)
	h, err2 := base64.StdEncoding.DecodeString(hash)
	if err1 != nil || err2 != nil {
		return false
	}
	return hmac.Equal(hashName(name, s), h)
}

func hashName(name string, salt []byte) []byte {
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(name))
	return mac.Sum(nil)
}

// When a host is asked for a certificate.
type turn int

const (
	never turn = iota // its key will do
	first             // an authority for it is on record
	last              // one key alone will do, certified or not
)

// algorithms gives the host key algorithms in the order to ask for them:
// certificates in their turn, whatever their type, the types on record, then the
// others in OpenSSH's own order, so that an unknown host shows the key that ssh would
// see. allowed are those of HostKeyAlgorithms, in its order, if it is set.
func algorithms(kinds []string, certificates turn, allowed []string) []string {
	supported := allowed
	if supported == nil {
		supported = hostKeyAlgorithms()
	}
	var certs, known, rest []string
	for _, a := range supported {
		switch {
		case isCertificate(a):
			certs = append(certs, a)
		case slices.ContainsFunc(kinds, func(kind string) bool { return slices.Contains(keyAlgorithms(kind), a) }):
			known = append(known, a)
		default:
			rest = append(rest, a)
		}
	}
	if len(known)+len(rest) == 0 {
		return certs
	}
	switch certificates {
	case first:
		return slices.Concat(certs, known, rest)
	case last:
		return slices.Concat(known, rest, certs)
	}
	return slices.Concat(known, rest)
}

func keyRank(algorithm string) int {
	for i, prefix := range []string{"ssh-ed25519", "ecdsa-", "sk-", "rsa-sha2-512", "rsa-"} {
		if strings.HasPrefix(algorithm, prefix) {
			return i
		}
	}
	return 5
}

// keyAlgorithms are those that a key of a type may sign with. SHA-1 is the last; it is
// offered only if ssh_config says so (OpenSSH 8.8).
func keyAlgorithms(kind string) []string {
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	return []string{kind}
}
