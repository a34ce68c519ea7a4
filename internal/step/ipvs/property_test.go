package ipvs

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/ipvs/ipvstest"
	"github.com/lvsup/lvsup/internal/step"
)

// genDesired draws from few addresses, so that plans and tables overlap.
func genDesired(t *rapid.T) Desired {
	var d Desired
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 4), 0, 3, rapid.ID).Draw(t, "services") {
		s := Service{
			Protocol: "tcp", Address: fmt.Sprintf("192.0.2.%d", n), Port: 80,
			Scheduler:          rapid.SampledFrom([]string{"rr", "wlc", "sh"}).Draw(t, "scheduler"),
			PersistenceSeconds: rapid.SampledFrom([]int{0, 10, 300}).Draw(t, "persistence"),
			PersistencePrefix:  rapid.SampledFrom([]int{0, 24, 32}).Draw(t, "prefix"),
		}
		if n == 4 {
			s.Address = "2001:db8::4"
			s.PersistencePrefix *= 4
		}
		for _, m := range rapid.SliceOfNDistinct(rapid.IntRange(1, 4), 0, 4, rapid.ID).Draw(t, "backends") {
			b := Backend{
				Address:    fmt.Sprintf("10.0.0.%d", m),
				Port:       rapid.SampledFrom([]uint16{0, 80, 8080}).Draw(t, "port"),
				Forwarding: rapid.SampledFrom([]string{"nat", "dr", "tun"}).Draw(t, "forwarding"),
				Weight:     rapid.IntRange(0, 3).Draw(t, "weight"),
				Hold:       rapid.IntRange(0, 9).Draw(t, "hold") == 0,
			}
			if n == 4 {
				b.Address = fmt.Sprintf("2001:db8::1:%d", m)
			}
			s.Backends = append(s.Backends, b)
		}
		d.Services = append(d.Services, s)
	}
	return d
}

// typeIn fills a kernel with a plan, as a person without lvsup would.
func typeIn(t *rapid.T, k *ipvstest.Kernel, d Desired) {
	var cmds []ipvs.Command
	for _, s := range d.Services {
		key, err := s.key()
		if err != nil {
			t.Fatal(err)
		}
		service := s.service(key)
		service.Flags |= ipvs.FlagOnePacket // something that lvsup does not manage
		cmds = append(cmds, ipvs.AddService(service))
		for _, b := range s.Backends {
			dest, err := b.destination(key)
			if err != nil {
				t.Fatal(err)
			}
			dest.UpperThreshold = 100
			cmds = append(cmds, ipvs.AddDestination(key, dest))
		}
	}
	if _, err := k.Do(context.Background(), cmds); err != nil {
		t.Fatal(err)
	}
}

// TestAnyTableReachesAnyPlan goes from a random table of others through random
// plans to none, and holds what must be true at each step.
func TestAnyTableReachesAnyPlan(t *testing.T) {
	host := newFake(t)
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		kernel := ipvstest.New()
		s := system{Host: host.Host.Host, drain: time.Millisecond,
			open: func(context.Context) (table, error) { return kernel, nil }}
		typeIn(t, kernel, genDesired(t))
		start := stateOf(kernel)
		foreign := step.State{} // what no plan names
		for id, v := range start {
			foreign[id] = v
		}
		owned := step.Owned{}
		plans := append(rapid.SliceOfN(rapid.Custom(genDesired), 1, 3).Draw(t, "plans"), Desired{})
		for _, want := range plans {
			if err := Validate(want); err != nil {
				t.Fatal(err)
			}
			wanted, _, held := flatten(want)
			for id := range wanted {
				delete(foreign, id)
			}
			before := stateOf(kernel)
			have, err := s.observe(ctx, want, owned)
			if err != nil {
				t.Fatal(err)
			}
			changes := Diff(want, owned, have)
			for _, c := range changes {
				owned.Begin(c)
			}
			if n, err := s.apply(ctx, want, changes); err != nil || n != len(changes) {
				t.Fatalf("%d of %d: %v", n, len(changes), err)
			}
			for _, c := range changes {
				owned.End(c)
			}
			after := stateOf(kernel)
			for id := range held {
				if before[id] != after[id] {
					t.Fatalf("held %s went from %q to %q", id, before[id], after[id])
				}
			}
			for id, v := range foreign {
				if after[id] != v {
					t.Fatalf("%s of others went from %q to %q", id, v, after[id])
				}
			}
			for id, v := range wanted {
				if after[id] != v {
					t.Fatalf("%s is %q, want %q", id, after[id], v)
				}
			}
			if have, err = s.observe(ctx, want, owned); err != nil {
				t.Fatal(err)
			}
			if left := Diff(want, owned, have); len(left) > 0 {
				t.Fatalf("a second plan has %v", left)
			}
		}
		if len(owned) > 0 {
			t.Fatalf("with nothing wanted, the record holds %v", owned)
		}
		end, _ := kernel.Dump(ctx)
		for _, service := range end {
			if start[serviceID(service.Key)] != "" && service.Flags&ipvs.FlagOnePacket == 0 {
				t.Fatalf("%s lost a setting that lvsup does not manage", service.Key)
			}
		}
	})
}

func stateOf(k *ipvstest.Kernel) step.State {
	services, _ := k.Dump(context.Background())
	return tableState(services)
}

// FuzzValues holds that what is read as a value is written the same again.
func FuzzValues(f *testing.F) {
	for _, v := range []string{"rr", "rr persistent 10", "sh persistent 60 mask 255.255.0.0", "nat weight 1", "tun weight 4294967295"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s := ipvs.Service{Key: serviceKey(vip, 80)}
		if setService(&s, value) == nil {
			again := ipvs.Service{Key: s.Key}
			if err := setService(&again, serviceValue(s)); err != nil || serviceValue(again) != serviceValue(s) {
				t.Errorf("%q becomes %q, then %v", value, serviceValue(s), err)
			}
		}
		var d ipvs.Destination
		if setBackend(&d, value) == nil {
			var again ipvs.Destination
			if err := setBackend(&again, backendValue(d)); err != nil || again != d {
				t.Errorf("%q becomes %q, then %v", value, backendValue(d), err)
			}
		}
	})
}

// FuzzRules holds that any file in the place of the rules is refused or read,
// and that what is read is written and read the same.
func FuzzRules(f *testing.F) {
	f.Add(encodeRules(tutorial().Services))
	f.Add(`{"version":1}`)
	f.Fuzz(func(t *testing.T, content string) {
		d, err := decodeRules([]byte(content))
		if err != nil {
			if !strings.Contains(err.Error(), RulesFile) {
				t.Errorf("%v does not name the file", err)
			}
			return
		}
		again, err := decodeRules([]byte(encodeRules(d.Services)))
		if err != nil || encodeRules(again.Services) != encodeRules(d.Services) {
			t.Errorf("%q does not survive: %v", content, err)
		}
	})
}
