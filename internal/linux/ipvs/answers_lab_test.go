//go:build lab

package ipvs

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"
)

// recorder takes down what goes over a socket.
type recorder struct {
	socket
	exchanges []exchange
}

func (r *recorder) send(b []byte) error {
	r.exchanges = append(r.exchanges, exchange{Request: hex.EncodeToString(unnumbered(b))})
	return r.socket.send(b)
}

func (r *recorder) receive(b []byte) (int, error) {
	n, err := r.socket.receive(b)
	if err == nil {
		last := &r.exchanges[len(r.exchanges)-1]
		last.Answers = append(last.Answers, hex.EncodeToString(unnumbered(b[:n])))
	}
	return n, err
}

// TestKernelAnswers records what the kernel says, byte for byte, of a table with
// one of everything, and what ipvsadm makes of it.
func TestKernelAnswers(t *testing.T) {
	c := dialWithoutDaemons(t)
	ctx := context.Background()
	for _, rule := range [][]string{
		{"-A", "-t", "192.0.2.1:80", "-s", "rr"},
		{"-a", "-t", "192.0.2.1:80", "-r", "10.0.0.1:8080", "-m", "-w", "0", "-x", "100", "-y", "80"},
		{"-a", "-t", "192.0.2.1:80", "-r", "10.0.0.2:80", "-g", "-w", "70000"},
		{"-a", "-t", "192.0.2.1:80", "-r", "10.0.0.3:80", "-i", "--tun-type", "ipip"},
		{"-a", "-t", "192.0.2.1:80", "-r", "10.0.0.4:80", "-i", "--tun-type", "gue", "--tun-port", "6080", "--tun-remcsum"},
		{"-a", "-t", "192.0.2.1:80", "-r", "10.0.0.5:80", "-i", "--tun-type", "gre", "--tun-csum"},
		{"-A", "-t", "[2001:db8::1]:80", "-s", "mh", "-b", "mh-port,mh-fallback", "-p", "10", "-M", "64"},
		{"-a", "-t", "[2001:db8::1]:80", "-r", "[2001:db8::10]:80", "-g", "-x", "2147483647", "-y", "1"},
		{"-A", "-u", "192.0.2.1:5060", "-s", "wrr", "-o", "-p", "60", "--pe", "sip"},
		{"-A", "--sctp-service", "192.0.2.1:3868", "-s", "none"},
		{"-A", "-f", "4294967295", "-s", "wlc", "-p", "360", "-M", "255.255.255.0"},
		{"-a", "-f", "4294967295", "-r", "10.0.0.1:0", "-g"},
		{"-A", "-f", "7", "-6", "-s", "sh", "-b", "flag-3"},
		{"-a", "-f", "7", "-6", "-r", "[2001:db8::11]:0", "-i", "--tun-type", "gue", "--tun-port", "6080", "--tun-nocsum"},
		{"--set", "901", "121", "301"},
		{"--start-daemon", "master", "--mcast-interface", "lo", "--syncid", "255"},
		{"--start-daemon", "backup", "--mcast-interface", "lo", "--syncid", "1", "--sync-maxlen", "1400",
			"--mcast-group", "ff02::99", "--mcast-port", "9000", "--mcast-ttl", "3"},
	} {
		run(t, append([]string{"ipvsadm"}, rule...)...)
	}
	t.Cleanup(func() { run(t, "ipvsadm", "--set", "900", "120", "300") })

	r := &recorder{socket: c.conn}
	c.conn = r
	_, err := c.Info(ctx)
	must(t, err)
	table, err := c.Dump(ctx)
	must(t, err)
	_, err = c.Timeouts(ctx)
	must(t, err)
	_, err = c.Daemons(ctx)
	must(t, err)
	for _, k := range []ServiceKey{key("TCP 192.0.2.1:80"), key("FWM 9")} {
		_, _ = c.Service(ctx, k)
	}
	// Refusals: one of an attribute's value, one of the table's state.
	for _, cmd := range []Command{AddService(table[0].Service), DeleteService(key("FWM 9"))} {
		_, _ = c.Do(ctx, []Command{cmd})
	}
	b, err := json.MarshalIndent(r.exchanges, "", "\t")
	must(t, err)
	record(t, "answers.json", string(b)+"\n")
	for name, options := range map[string][]string{
		"answers-Ln":         {"-L", "-n"},
		"answers-Sn":         {"-S", "-n"},
		"answers-thresholds": {"-L", "-n", "--thresholds"},
		"answers-timeout":    {"-L", "--timeout"},
		"answers-daemon":     {"-L", "--daemon"},
	} {
		record(t, name, run(t, slices.Concat([]string{"ipvsadm"}, options)...))
	}
}
