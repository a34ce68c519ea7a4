package procsys

import "testing"

// effectiveCase is a history of files and what wins in it: FILE:LINE=VALUE,
// "excluded" for VALUE where the parameter is left alone, empty where nothing
// sets it. TestReadersAgree lets the real readers judge the same table.
type effectiveCase struct {
	name  string
	files []string // 0.conf, 1.conf, ...
	want  string
	// procps, if not empty, is what wins there instead.
	procps string
}

const (
	forward = "net.ipv4.ip_forward"
	rpAll   = "net.ipv4.conf.all.rp_filter"
)

func effectiveCases() map[string]effectiveCase {
	return map[string]effectiveCase{
		"none":                            {forward, []string{"# net.ipv4.ip_forward = 1\n;net.ipv4.ip_forward=1\n\nnet.ipv4.ip_forward\n"}, "", ""},
		"blanks":                          {forward, []string{"\n \tnet.ipv4.ip_forward\t=  1  \n"}, "0:2=1", ""},
		"the last line wins":              {forward, []string{"net.ipv4.ip_forward=0\nnet.ipv4.ip_forward=1"}, "0:2=1", ""},
		"the last file wins":              {forward, []string{"net.ipv4.ip_forward=1", "net/ipv4/ip_forward=0"}, "1:1=0", ""},
		"a leading slash":                 {forward, []string{"net.ipv4.ip_forward=0", "/net/ipv4/ip_forward=1"}, "1:1=1", ""},
		"failure ignored":                 {forward, []string{"-net.ipv4.ip_forward=1"}, "0:1=1", ""},
		"excluded later":                  {forward, []string{"net.ipv4.ip_forward=1", "-net.ipv4.ip_forward"}, "1:1=excluded", "0:1=1"},
		"excluded earlier":                {forward, []string{"-net.ipv4.ip_forward", "net.ipv4.ip_forward=1"}, "1:1=1", ""},
		"excluded from a pattern":         {rpAll, []string{"net.ipv4.conf.*.rp_filter=2", "-net.ipv4.conf.all.rp_filter"}, "1:1=excluded", ""},
		"the other name later":            {forward, []string{"net.ipv4.ip_forward=1", "net.ipv4.conf.all.forwarding=0"}, "1:1=0", ""},
		"the other name earlier":          {forward, []string{"net.ipv4.conf.all.forwarding=0", "net.ipv4.ip_forward=1"}, "1:1=1", ""},
		"a pattern":                       {rpAll, []string{"net.ipv4.conf.*.rp_filter=2"}, "0:1=2", ""},
		"the last pattern":                {rpAll, []string{"net.ipv4.conf.al*.rp_filter=2", "net.ipv4.conf.a*.rp_filter=1"}, "1:1=1", ""},
		"a pattern with slashes":          {rpAll, []string{"net/ipv4/conf/[!b]ll/rp_filter=2"}, "0:1=2", ""},
		"a name beats a later pattern":    {rpAll, []string{"net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.*.rp_filter=2"}, "0:1=1", ""},
		"a star stays within one part":    {rpAll, []string{"net.*.rp_filter=2"}, "", ""},
		"a later pattern, the other name": {forward, []string{"net.ipv4.ip_forward=1", "net.ipv4.conf.*.forwarding=0"}, "1:1=0", ""},
		"an earlier one, the other name":  {forward, []string{"net.ipv4.conf.*.forwarding=0", "net.ipv4.ip_forward=1"}, "1:1=1", ""},
	}
}

func TestEffective(t *testing.T) {
	for name, c := range effectiveCases() {
		t.Run(name, func(t *testing.T) {
			var files []File
			for i, text := range c.files {
				files = append(files, File{Real: string(rune('0' + i)), Text: text})
			}
			for _, r := range []Reader{Systemd, Procps} {
				want, got := c.want, ""
				if r == Procps && c.procps != "" {
					want = c.procps
				}
				if s, ok := Effective(r, files, c.name); ok {
					got = s.String() + "=" + s.Value
					if s.Excluded {
						got += "excluded"
					}
				}
				if got != want {
					t.Errorf("%s: got %q, want %q", r, got, want)
				}
			}
		})
	}
}
