package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/agentbin"
)

// about says what is measured, where and when.
func (b *bench) about(ctx context.Context) (string, error) {
	first := func(argv ...string) (string, error) {
		r, err := b.run(ctx, argv...)
		if err == nil && r.code != 0 {
			err = fmt.Errorf("cannot ask %s for its version: exit status %d: %s", argv[0], r.code, r.said)
		}
		line, _, _ := strings.Cut(r.said, "\n")
		return strings.TrimSpace(line), err
	}
	text := ""
	for _, argv := range [][]string{{b.options.Lvsup, "version"}, {"ansible", "--version"}, {"ssh", "-V"}, {"uname", "-sr"}} {
		said, err := first(argv...)
		if err != nil {
			return "", err
		}
		text += said + "; "
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, %s%d processors; load average when it began: %s\n", time.Now().UTC().Format("2 January 2006, 15:04 UTC"), text,
		runtime.NumCPU(), strings.Join(strings.Fields(string(load))[:3], ", ")), nil
}

// growth says what lvsup's memory grows by a host, from the smallest series to the
// greatest.
func growth(rows []row) string {
	text := ""
	for _, name := range []string{noChange, drift} {
		var few, many row
		for _, r := range rows {
			if r.name != name || r.trip > 0 || r.lab {
				continue
			}
			if few.hosts == 0 || r.hosts < few.hosts {
				few = r
			}
			if r.hosts > many.hosts {
				many = r
			}
		}
		if few.hosts == many.hosts {
			continue
		}
		memory := func(s sample) int64 { return s.memory }
		more := of(many.samples[lvsup], memory) - of(few.samples[lvsup], memory)
		text += fmt.Sprintf("lvsup's memory, %s: %.1f KiB more a host, from %d to %d hosts.\n", name, float64(more)/1024/float64(many.hosts-few.hosts), few.hosts, many.hosts)
	}
	return text
}

// starts is how often an agent is started to see how long that takes.
const starts = 21

// agentStart measures an agent from its start to its greeting and its end, on a host
// that is up, and what any process takes there.
func (b *bench) agentStart(ctx context.Context) (string, error) {
	agent, err := agentbin.For("x86_64")
	if runtime.GOARCH == "arm64" {
		agent, err = agentbin.For("aarch64")
	}
	if err != nil {
		return "", err
	}
	packed, err := agent.Packed()
	if err != nil {
		return "", err
	}
	data, err := agent.Unpack()
	if err != nil {
		return "", err
	}
	took := func(argv ...string) (time.Duration, error) {
		var all []time.Duration
		for range starts {
			begin := time.Now()
			if _, err := b.site.exec(ctx, b.site.hosts()[0], argv...); err != nil {
				return 0, err
			}
			all = append(all, time.Since(begin))
		}
		return median(all), nil
	}
	nothing, err := took("true")
	if err != nil {
		return "", err
	}
	serve, err := took(filepath.Join("/usr/local/libexec/lvsup", agent.Name), "serve")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("The agent, %.2f MiB (%.2f MiB as it is pushed), from its start to its greeting and its end: %.1f ms more than true.\n",
		float64(len(data))/(1<<20), float64(len(packed))/(1<<20), float64((serve-nothing).Microseconds())/1000), nil
}
