package ipvstest

import (
	"context"
	"math"
	"slices"
	"syscall"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
)

// Timeouts gives the timeouts, at first the kernel's defaults.
func (k *Kernel) Timeouts(ctx context.Context) (ipvs.Timeouts, error) {
	return k.timeouts, ctx.Err()
}

// SetTimeouts sets those that are not zero.
func (k *Kernel) SetTimeouts(ctx context.Context, t ipvs.Timeouts) error {
	if err := k.write(ctx); err != nil {
		return &ipvs.Error{Op: ipvs.OpSetTimeouts, Err: err}
	}
	for _, seconds := range []uint32{t.TCP, t.TCPFin, t.UDP} {
		if seconds > uint32(math.MaxInt32/k.HZ) {
			return &ipvs.Error{Op: ipvs.OpSetTimeouts, Err: syscall.EINVAL}
		}
	}
	for from, to := range map[*uint32]*uint32{
		&t.TCP: &k.timeouts.TCP, &t.TCPFin: &k.timeouts.TCPFin, &t.UDP: &k.timeouts.UDP,
	} {
		if *from != 0 {
			*to = *from
		}
	}
	return nil
}

// Daemons gives the sync daemons that run, the master first.
func (k *Kernel) Daemons(ctx context.Context) ([]ipvs.Daemon, error) {
	daemons := slices.Clone(k.daemons)
	slices.SortFunc(daemons, func(a, b ipvs.Daemon) int { return int(a.Role) - int(b.Role) })
	return daemons, ctx.Err()
}

// StartDaemon starts a daemon as start_sync_thread (ip_vs_sync.c) does.
func (k *Kernel) StartDaemon(ctx context.Context, d ipvs.Daemon) error {
	err := k.write(ctx)
	if err == nil {
		err = k.start(d)
	}
	if err != nil {
		return &ipvs.Error{Op: ipvs.OpStartDaemon, Daemon: d, Err: err}
	}
	return nil
}

func (k *Kernel) start(d ipvs.Daemon) error {
	if !d.Group.IsValid() {
		d.Group = ipvs.DefaultDaemonGroup()
	}
	if !d.Group.IsMulticast() || k.mixed() {
		return syscall.EINVAL
	}
	mtu := 1500
	if k.MTU != nil {
		var ok bool
		if mtu, ok = k.MTU[d.Interface]; !ok {
			return syscall.ENODEV
		}
	}
	if d.Role != ipvs.Master && d.Role != ipvs.Backup {
		return syscall.EINVAL
	}
	if k.running(d.Role) >= 0 {
		return syscall.EEXIST
	}
	if d.Port == 0 {
		d.Port = ipvs.DefaultDaemonPort
	}
	if d.TTL == 0 {
		d.TTL = ipvs.DefaultDaemonTTL
	}
	headers, least := 20+8, 1
	if d.Group.Is6() {
		headers = 40 + 8
	}
	if d.Role == ipvs.Backup {
		least = 1024
		mtu = min(max(mtu, 1500), math.MaxUint16)
	} else {
		mtu = 1500
	}
	if d.MaxLength == 0 {
		d.MaxLength = uint16(mtu - headers)
	}
	d.MaxLength = uint16(min(max(int(d.MaxLength), least), math.MaxUint16-headers))
	k.daemons = append(k.daemons, d)
	return nil
}

// StopDaemon stops the daemon of that role, whatever its ID.
func (k *Kernel) StopDaemon(ctx context.Context, role ipvs.DaemonRole, id uint8) error {
	err := k.write(ctx)
	if err == nil {
		if i := k.running(role); i >= 0 {
			k.daemons = slices.Delete(k.daemons, i, i+1)
		} else if role != ipvs.Master && role != ipvs.Backup {
			err = syscall.EINVAL
		} else {
			err = syscall.ESRCH
		}
	}
	if err != nil {
		return &ipvs.Error{Op: ipvs.OpStopDaemon, Daemon: ipvs.Daemon{Role: role, ID: id}, Err: err}
	}
	return nil
}

func (k *Kernel) running(role ipvs.DaemonRole) int {
	return slices.IndexFunc(k.daemons, func(d ipvs.Daemon) bool { return d.Role == role })
}

// mixed reports whether a destination is of another family than its service.
func (k *Kernel) mixed() bool {
	return slices.ContainsFunc(k.services, func(s *ipvs.ServiceState) bool {
		return slices.ContainsFunc(s.Destinations, func(d ipvs.DestinationState) bool {
			return d.Address.Is4() != s.Key.Address.Is4()
		})
	})
}

// write stands before every change.
func (k *Kernel) write(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if k.Write != nil {
		return k.Write()
	}
	return nil
}
