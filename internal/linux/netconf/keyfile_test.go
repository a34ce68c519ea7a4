package netconf

import (
	"strings"
	"testing"
)

func TestKeyfilesAreRefused(t *testing.T) {
	const rocky = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"
	profile := func(more string) map[string]string {
		return map[string]string{
			"/etc/os-release":                                           rocky,
			IfcfgDir + "/readme-ifcfg-rh.txt":                           "",
			KeyfileDir + "/ens33.nmconnection":                          "[connection]\nid=ens33\n" + more + "\n[ipv4]\nmethod=auto\n",
			KeyfileDir + "/other.nmconnection":                          "[connection]\ninterface-name=ens36\n",
			KeyfileDir + "/old.nmconnection~":                           "[connection]\ninterface-name=ens33\n",
			"/run/NetworkManager/system-connections/Wired.nmconnection": "[connection]\ninterface-name=ens33\n",
		}
	}
	settings, err := ParseSettings("ens33", "192.168.140.20/24", "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for more, refused := range map[string]bool{
		"type=ethernet\ninterface-name=ens33":           true,
		"interface-name = ens33\nautoconnect = true":    true,
		"interface-name=ens33\nautoconnect=false":       false,
		"interface-name=ens37":                          false,
		"type=ethernet":                                 false,
		"timestamp=1\n[ethernet]\ninterface-name=ens33": false,
	} {
		h := newHost(t, profile(more))
		stack := Detect(h, "", []string{"ens33"})
		files, err := Read(h, stack, []string{"ens33"})
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range files.Content {
			if strings.Contains(content, "method=auto") {
				t.Errorf("%s is kept", name)
			}
		}
		_, err = Plan(stack, files, []Settings{settings})
		if got := err != nil && strings.Contains(err.Error(), KeyfileDir+"/ens33.nmconnection"); got != refused {
			t.Errorf("%q: %v", more, err)
		}
	}
}
