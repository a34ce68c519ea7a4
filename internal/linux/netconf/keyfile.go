package netconf

import (
	"fmt"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
)

// keyfileDir is where NetworkManager keeps profiles in its own format. Those
// under /run are its makeshifts, and give way to any other.
const keyfileDir = "/etc/NetworkManager/system-connections"

// readKeyfiles finds the interfaces that a profile of NetworkManager's own
// brings up at boot. Only the names are kept: the files hold secrets too.
func (f *Files) readKeyfiles(h host.Host) error {
	for _, name := range glob(h, keyfileDir+"/*") {
		if leftover(name) {
			continue
		}
		data, ok, err := atomicfile.Read(h.Path(name))
		if err != nil {
			return err
		}
		if ifname := keyfileInterface(string(data)); ok && ifname != "" {
			if f.Keyfiles == nil {
				f.Keyfiles = map[string]string{}
			}
			f.Keyfiles[ifname] = name
		}
	}
	return nil
}

// keyfileInterface gives the interface that a keyfile is for
// (nm-settings-keyfile(5)); empty if it names none or does not start by itself.
func keyfileInterface(content string) string {
	section, name := "", ""
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); {
		case section != "[connection]":
		case key == "interface-name":
			name = value
		case key == "autoconnect" && (value == "false" || value == "0" || value == "no"):
			return ""
		}
	}
	return name
}

// checkKeyfiles refuses to write an ifcfg file beside a profile for the same
// interface: NetworkManager takes the one that it used last, so the address
// would not come back at boot.
func (f Files) checkKeyfiles(all []Settings) error {
	for _, s := range all {
		if name := f.Keyfiles[s.Name]; name != "" {
			return fmt.Errorf("cannot keep the address of %s for the next boot: NetworkManager has it in %s and would not take the ifcfg file that lvsup writes; "+
				"turn it into one (nmcli connection migrate --plugin ifcfg-rh), or set the address with nmcli and leave the interface block out of the plan", s.Name, name)
		}
	}
	return nil
}
