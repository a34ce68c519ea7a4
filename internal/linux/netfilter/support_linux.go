package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// SupportsIP reports why the kernel's nf_tables takes no rules for IPv4 packets;
// nil if it does. Some kernels have it for bridges only, and neither nft(8) nor
// the iptables that is made of it shows that before a rule is added. The
// question is a batch that makes a table and has no end, which the kernel checks
// and then drops, as `nft --check` does (nfnetlink_rcv_batch in
// net/netfilter/nfnetlink.c). The kernel loads nf_tables for it where it can.
func SupportsIP() error {
	if err := trial(); err != nil {
		return fmt.Errorf("the kernel's nf_tables takes no IPv4 rules: %w", err)
	}
	return nil
}

// hasTables reports whether this process's network namespace has tables of nf_tables; true,
// too, if the kernel does not say. It is what nft(8) would be told, without a process of
// its own, which on most hosts finds nothing.
func hasTables() bool {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return true
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(trialTimeout)); err != nil {
		return true
	}
	tables, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETTABLE), Flags: netlink.Request | netlink.Dump},
		Data:   []byte{unix.NFPROTO_UNSPEC, 0, 0, 0}, // struct nfgenmsg: tables of every family
	})
	return err != nil || len(tables) > 0
}

// The parts of a batch (include/uapi/linux/netfilter/nfnetlink.h, nf_tables.h).
const (
	tableName    = 1 // NFTA_TABLE_NAME
	trialTimeout = 10 * time.Second
)

func trial() error {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(trialTimeout)); err != nil {
		return err
	}
	e := netlink.NewAttributeEncoder()
	e.String(tableName, "lvsup-trial")
	name, err := e.Encode()
	if err != nil {
		return err
	}
	// struct nfgenmsg: family, version, resource in network order.
	begin := binary.BigEndian.AppendUint16([]byte{unix.AF_UNSPEC, 0}, unix.NFNL_SUBSYS_NFTABLES)
	table := append([]byte{unix.NFPROTO_IPV4, 0, 0, 0}, name...)
	_, err = conn.SendMessages([]netlink.Message{
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_BEGIN, Flags: netlink.Request}, Data: begin},
		{Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWTABLE),
			Flags: netlink.Request | netlink.Acknowledge | netlink.Create,
		}, Data: table},
	})
	if err == nil {
		_, err = conn.Receive()
	}
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}
