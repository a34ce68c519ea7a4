package ipvs

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// exchange is a request and the datagrams that answered it, in hexadecimal
// digits, without sequence numbers.
type exchange struct {
	Request string
	Answers []string
}

// unnumbered gives a copy of messages with sequence number and sender zero.
func unnumbered(b []byte) []byte { return numbered(b, 0) }

func numbered(b []byte, seq uint32) []byte {
	b = bytes.Clone(b)
	for rest := b; len(rest) >= messageHeader; {
		binary.NativeEndian.PutUint32(rest[8:], seq)
		binary.NativeEndian.PutUint32(rest[12:], 0)
		rest = rest[min(int(binary.NativeEndian.Uint32(rest)+3)&^3, len(rest)):]
	}
	return b
}

// replay is a kernel that answers as another one did.
type replay struct {
	answers map[string][][]byte // by request
	seq     uint32
	pending [][]byte
}

func (r *replay) Close() error                { return nil }
func (r *replay) SetDeadline(time.Time) error { return nil }

func (r *replay) send(b []byte) error {
	answers, ok := r.answers[string(unnumbered(b))]
	if !ok {
		return fmt.Errorf("nothing was recorded for the request % x", b)
	}
	r.seq, r.pending = binary.NativeEndian.Uint32(b[8:]), answers
	return nil
}

func (r *replay) receive(b []byte) (int, error) {
	if len(r.pending) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, numbered(r.pending[0], r.seq))
	r.pending = r.pending[1:]
	return n, nil
}

// replayed gives a client of the kernel that was recorded.
func replayed(tb testing.TB) (*Client, *replay) {
	tb.Helper()
	b, err := os.ReadFile("testdata/kernel/answers.json")
	if err != nil {
		tb.Fatal(err)
	}
	var exchanges []exchange
	if err := json.Unmarshal(b, &exchanges); err != nil {
		tb.Fatal(err)
	}
	digits := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
	r := &replay{answers: map[string][][]byte{}}
	for _, e := range exchanges {
		var answers [][]byte
		for _, a := range e.Answers {
			answers = append(answers, digits(a))
		}
		r.answers[string(digits(e.Request))] = answers
	}
	family := binary.NativeEndian.Uint16(digits(exchanges[0].Request)[4:])
	return &Client{conn: r, family: family, batch: 10}, r
}

// TestTheKernelsAnswersAreReadAsIpvsadmReadsThem takes answers of a real kernel
// and compares what comes of them with what ipvsadm printed at the time.
func TestTheKernelsAnswersAreReadAsIpvsadmReadsThem(t *testing.T) {
	c, _ := replayed(t)
	ctx := context.Background()
	info, err := c.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	services, err := c.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	timeouts, err := c.Timeouts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	daemons, err := c.Daemons(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var table, rules, daemonLines strings.Builder
	if err := errors.Join(WriteTable(&table, Table{info, services}), WriteRules(&rules, services)); err != nil {
		t.Fatal(err)
	}
	for _, d := range daemons {
		fmt.Fprintf(&daemonLines, "%s sync daemon (mcast=%s, syncid=%d, maxlen=%d, group=%s, port=%d, ttl=%d)\n",
			d.Role, d.Interface, d.ID, d.MaxLength, d.Group, d.Port, d.TTL)
	}
	for name, got := range map[string]string{
		"answers-Ln":      table.String(),
		"answers-Sn":      rules.String(),
		"answers-timeout": fmt.Sprintf("Timeout (tcp tcpfin udp): %d %d %d\n", timeouts.TCP, timeouts.TCPFin, timeouts.UDP),
		"answers-daemon":  daemonLines.String(),
	} {
		if diff := cmp.Diff(fixture(t, name), got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	thresholds := fixture(t, "answers-thresholds")
	backends := 0
	for _, s := range services {
		for _, d := range s.Destinations {
			backends++
			line := fmt.Sprintf("  -> %-28s %-10d %-10d %-10d %-10d\n", endpoint(d.Addr()), d.UpperThreshold, d.LowerThreshold, d.ActiveConns, d.InActConns)
			if !strings.Contains(thresholds, line) {
				t.Errorf("ipvsadm --thresholds does not have %q", line)
			}
		}
	}
	if backends != 8 {
		t.Errorf("%d backends", backends)
	}
}

func TestTheKernelsRefusalsAreRead(t *testing.T) {
	c, _ := replayed(t)
	ctx := context.Background()
	missing := ServiceKey{Address: netip.IPv4Unspecified(), FWMark: 9}
	if _, err := c.Service(ctx, missing); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("a missing service: %v", err)
	}
	if err := c.DelService(ctx, missing); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("deleting a missing service: %v", err)
	}
	table, err := c.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddService(ctx, table[0].Service); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("adding one that is there: %v", err)
	}
}

// BenchmarkDump reads 10,000 backends, each a recorded one, in datagrams as
// large as the kernel's.
func BenchmarkDump(b *testing.B) {
	c, r := replayed(b)
	table, err := c.Dump(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	for request, answers := range r.answers {
		if request[messageHeader] != cmdGetDest || len(answers) < 2 {
			continue
		}
		size := int(binary.NativeEndian.Uint32(answers[0]))
		one, done := answers[0][:size], answers[len(answers)-1]
		var full [][]byte
		for left := 10_000 / len(table); left > 0; {
			n := min(left, (messageBuffer-1)/size)
			full = append(full, bytes.Repeat(one, n))
			left -= n
		}
		r.answers[request] = append(full, done)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Dump(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAServiceThatGoesWhileReadIsLeftOut holds what the kernel calls an empty
// success: the destinations of a service that has gone since the services were
// listed.
func TestAServiceThatGoesWhileReadIsLeftOut(t *testing.T) {
	c, r := replayed(t)
	before, err := c.Dump(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	gone := before[0].Key
	for request, answers := range r.answers {
		asks := func(cmd uint8, flags uint16, k ServiceKey) bool {
			return request == string(appendMessage(nil, c.family, flags, 0, cmd, ofService(k)))
		}
		if asks(cmdGetDest, flagDump, gone) {
			r.answers[request] = answers[len(answers)-1:]
		}
	}
	// The answer about a service that is not there is the same for each.
	missing := appendMessage(nil, c.family, 0, 0, cmdGetService, ofService(ServiceKey{Address: netip.IPv4Unspecified(), FWMark: 9}))
	asked := appendMessage(nil, c.family, 0, 0, cmdGetService, ofService(gone))
	r.answers[string(asked)] = r.answers[string(missing)]
	after, err := c.Dump(context.Background())
	if err != nil || len(after) != len(before)-1 || after[0].Key == gone {
		t.Errorf("%d services of %d, %v", len(after), len(before), err)
	}
}
