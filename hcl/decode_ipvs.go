package hcl

import (
	"net/netip"
	"time"

	"github.com/lvsup/lvsup/plans"
)

// ipvs reads the ipvs block.
func (b *block) ipvs() plans.IPVS {
	v := plans.IPVS{Drain: b.durationOr("drain", plans.DefaultDrain), Source: b.source}
	v.Exclusive, _ = b.boolean("exclusive")
	for _, inner := range b.children() {
		inner.children()
		switch inner.schema.name {
		case "timeouts":
			v.Timeouts = plans.Timeouts{
				TCP:    inner.duration("tcp"),
				TCPFin: inner.duration("tcp_fin"),
				UDP:    inner.duration("udp"),
				Source: inner.source,
			}
		case "sync":
			v.Sync = append(v.Sync, inner.syncDaemon())
		}
	}
	return v
}

func (b *block) syncDaemon() plans.SyncDaemon {
	d := plans.SyncDaemon{
		Role:      b.text("role"),
		Interface: b.text("interface"),
		Group:     netip.MustParseAddr(plans.DefaultSyncGroup),
		Port:      plans.DefaultSyncPort,
		TTL:       plans.DefaultSyncTTL,
		Source:    b.source,
	}
	if group := b.address("group"); group.IsValid() {
		d.Group = group
	}
	d.ID, _ = b.number("id", 0, 255)
	if port, there := b.number("port", 1, 65535); there {
		d.Port = uint16(port)
	}
	if ttl, there := b.number("ttl", 1, 255); there {
		d.TTL = ttl
	}
	d.MaxLength, _ = b.number("max_length", 1, 65507)
	return d
}

// durationOr reads a duration that has a default.
func (b *block) durationOr(name string, otherwise time.Duration) time.Duration {
	if d := b.duration(name); b.written(name) {
		return d
	}
	return otherwise
}

// tunnel reads a tunnel block, without its default MSS.
func (b *block) tunnel() plans.Tunnel {
	b.children()
	t := plans.Tunnel{
		Type:     b.textOr("type", plans.TunnelIPIP),
		Checksum: b.textOr("checksum", plans.ChecksumNone),
		Source:   b.source,
	}
	if port, there := b.number("port", 1, 65535); there {
		t.Port = uint16(port)
	}
	if mss, there := b.number("mss", 0, 65495); there {
		t.MSS = mss
	}
	return t
}

// fitted is the tunnel, ipip where the plan has no tunnel block, with the MSS that
// fits unless the plan says another.
func fitted(t plans.Tunnel, outerIPv6, innerIPv6 bool) plans.Tunnel {
	if t.Type == "" && t.Source == nil {
		t.Type, t.Checksum = plans.TunnelIPIP, plans.ChecksumNone
	}
	if _, written := t.Source["mss"]; !written {
		t.MSS = t.FitMSS(outerIPv6, innerIPv6)
	}
	return t
}
