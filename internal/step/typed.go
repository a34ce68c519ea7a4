package step

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/lvsup/lvsup/internal/shell"
)

// ownDir is where lvsup keeps what is nobody else's business.
const ownDir = "/var/lib/lvsup"

// FileCommands is what a person would type for a change of a file's content
// (ContentField). Each command may have several lines. mode is that of a new
// file; one that is there keeps its own.
func FileCommands(c Change, mode fs.FileMode) []string {
	name := shell.Quote(c.Key)
	if c.Action == Delete {
		return []string{"rm -f " + name}
	}
	to, err := DecodeBytes(c.To)
	if err != nil {
		return nil // no change that was made with EncodeBytes
	}
	from, err := DecodeBytes(c.From)
	if added, ok := strings.CutPrefix(string(to), string(from)); err == nil && ok && added != "" && strings.HasSuffix(string(from), "\n") {
		return []string{write(added, ">> "+name)}
	}
	var commands []string
	if c.Action == Create {
		switch dir := path.Dir(c.Key); {
		case dir == ownDir:
			commands = append(commands, "install -d -m 0700 "+ownDir)
		case !slices.Contains(usualDirs(), dir):
			commands = append(commands, "mkdir -p "+shell.Quote(dir))
		}
		if mode&0o044 == 0 {
			commands = append(commands, fmt.Sprintf("install -m %04o /dev/null %s", mode, name)) // nobody reads it meanwhile
		}
	}
	commands = append(commands, write(string(to), "> "+name))
	if c.Action == Create && mode&0o044 != 0 && mode != 0o644 {
		commands = append(commands, fmt.Sprintf("chmod %04o %s", mode, name))
	}
	return commands
}

// usualDirs are on every system that has what lvsup writes into them.
func usualDirs() []string {
	return []string{
		"/etc", "/etc/modules-load.d", "/etc/netplan", "/etc/network", "/etc/network/interfaces.d", "/etc/NetworkManager/system-connections",
		"/etc/rc.d", "/etc/selinux", "/etc/sysconfig", "/etc/sysconfig/network-scripts", "/etc/sysctl.d", "/etc/systemd/network", "/etc/systemd/system", "/var/www/html",
	}
}

// write gives the command that writes the text, byte for byte. What a terminal
// would not show as it is travels in base64.
func write(text, where string) string {
	switch {
	case text == "":
		return ": " + where
	case !visible(text):
		return hereDocument("base64 -d "+where, folded(base64.StdEncoding.EncodeToString([]byte(text))))
	case !strings.HasSuffix(text, "\n"):
		return "printf '%s' " + shell.Quote(text) + " " + where
	}
	return hereDocument("cat "+where, text)
}

func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r == unicode.ReplacementChar || r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
	})
}

// hereDocument ends at the first of EOF, EOF1, ... that is no line of the text.
func hereDocument(command, text string) string {
	lines, end := strings.Split(text, "\n"), "EOF"
	for n := 1; slices.Contains(lines, end); n++ {
		end = fmt.Sprintf("EOF%d", n)
	}
	return command + " <<'" + end + "'\n" + text + end
}

// folded cuts base64 into lines of 76 characters (RFC 2045).
func folded(text string) string {
	var b strings.Builder
	for line := range slices.Chunk([]byte(text), 76) {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}
