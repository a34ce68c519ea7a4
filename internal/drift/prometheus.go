package drift

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// family is one metric and its samples.
type family struct {
	name, help string
	samples    []sample
}

type sample struct {
	labels []string // name, value, name, value, ...
	value  float64
}

// prometheus writes the text format 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats). A host that could not be
// looked at has no number of differences: an alert on it must not read 0.
func (r *Report) prometheus(w io.Writer) error {
	differences := family{name: "lvsup_drift_differences", help: "Differences between the plan and what was found on the host, by kind of resource."}
	ignored := family{name: "lvsup_drift_ignored", help: "Differences that a rule says nothing of."}
	looked := family{name: "lvsup_drift_host_checked", help: "1 if the host was looked at whole, 0 if it could not be."}
	exit := family{name: "lvsup_drift_exit_code", help: "Exit code of the check: 0 no drift, 2 drift, 4 a host could not be reached."}
	took := family{name: "lvsup_drift_check_seconds", help: "How long the check took."}
	at := family{name: "lvsup_drift_last_check_timestamp_seconds", help: "When the check ended, in seconds since 1970."}
	for _, c := range r.Clusters {
		cluster := []string{"cluster", c.Name}
		for i := range c.Hosts {
			h := &c.Hosts[i]
			host := append(cluster[:2:2], "host", h.Name)
			whole := 0.0
			if h.Whole() {
				whole = 1
			}
			looked.add(whole, host...)
			if !h.Looked {
				continue
			}
			ignored.add(float64(h.Ignored), host...)
			for _, k := range h.Kinds {
				differences.add(float64(len(k.Changes)), append(host[:4:4], "kind", k.Name)...)
			}
		}
		exit.add(float64(c.Exit), cluster...)
		took.add(c.Took.Seconds(), cluster...)
		at.add(float64(r.At.Unix()), cluster...)
	}
	var out strings.Builder
	for _, f := range []family{differences, ignored, looked, exit, took, at} {
		f.write(&out)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (f *family) add(value float64, labels ...string) {
	f.samples = append(f.samples, sample{labels, value})
}

func (f *family) write(out *strings.Builder) {
	fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", f.name, f.help, f.name)
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	for _, s := range f.samples {
		var labels []string
		for i := 0; i < len(s.labels); i += 2 {
			labels = append(labels, s.labels[i]+`="`+escape.Replace(s.labels[i+1])+`"`)
		}
		fmt.Fprintf(out, "%s{%s} %s\n", f.name, strings.Join(labels, ","), strconv.FormatFloat(s.value, 'f', -1, 64))
	}
}
