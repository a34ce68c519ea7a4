package ipvs

// The names and numbers of the generic netlink interface, from
// include/uapi/linux/ip_vs.h.
const (
	familyName    = "IPVS"
	familyVersion = 1
)

// Commands (IPVS_CMD_*).
const (
	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7
	cmdGetDest    = 8
	cmdNewDaemon  = 9
	cmdDelDaemon  = 10
	cmdGetDaemon  = 11
	cmdSetConfig  = 12 // the answer to cmdGetConfig carries this one
	cmdGetConfig  = 13
	cmdSetInfo    = 14 // the answer to cmdGetInfo carries this one
	cmdGetInfo    = 15
)

// Attributes of the first level (IPVS_CMD_ATTR_*).
const (
	attrService       = 1
	attrDest          = 2
	attrDaemon        = 3
	attrTimeoutTCP    = 4 // u32, seconds
	attrTimeoutTCPFin = 5
	attrTimeoutUDP    = 6
)

// Attributes of a service (IPVS_SVC_ATTR_*), nested in attrService.
const (
	svcFamily   = 1  // u16
	svcProtocol = 2  // u16
	svcAddress  = 3  // 16 bytes, IPv4 in the first 4
	svcPort     = 4  // u16, big-endian
	svcFWMark   = 5  // u32, native
	svcSched    = 6  // string
	svcFlags    = 7  // two u32: value, mask
	svcTimeout  = 8  // u32, seconds
	svcNetmask  = 9  // IPv4: u32, big-endian; IPv6: prefix length, u32, native
	svcStats    = 10 // nested, u32
	svcPEName   = 11 // string
	svcStats64  = 12 // nested, u64
)

// Attributes of a destination (IPVS_DEST_ATTR_*), nested in attrDest.
const (
	dstAddress      = 1  // 16 bytes, IPv4 in the first 4
	dstPort         = 2  // u16, big-endian
	dstForwarding   = 3  // u32
	dstWeight       = 4  // u32
	dstUpper        = 5  // u32
	dstLower        = 6  // u32
	dstActiveConns  = 7  // u32
	dstInActConns   = 8  // u32
	dstPersistConns = 9  // u32
	dstStats        = 10 // nested, u32
	dstFamily       = 11 // u16, since kernel 3.18
	dstStats64      = 12 // nested, u64
	dstTunType      = 13 // u8, since kernel 5.3
	dstTunPort      = 14 // u16, big-endian
	dstTunFlags     = 15 // u16, native
)

// Attributes of a sync daemon (IPVS_DAEMON_ATTR_*), nested in attrDaemon.
const (
	daemonState     = 1 // u32: 1 master, 2 backup
	daemonInterface = 2 // string
	daemonID        = 3 // u32, of which 8 bits count
	daemonMaxLength = 4 // u16, native, since kernel 4.3 as all below
	daemonGroup     = 5 // IPv4, big-endian
	daemonGroup6    = 6 // 16 bytes
	daemonPort      = 7 // u16, native
	daemonTTL       = 8 // u8
)

// Attributes of statistics (IPVS_STATS_ATTR_*), u32 in the old block and u64
// in the new one. The rates are per second.
const (
	statConns    = 1
	statInPkts   = 2
	statOutPkts  = 3
	statInBytes  = 4
	statOutBytes = 5
	statCPS      = 6
	statInPPS    = 7
	statOutPPS   = 8
	statInBPS    = 9
	statOutBPS   = 10
)

// Attributes of the answer to cmdGetInfo (IPVS_INFO_ATTR_*).
const (
	infoVersion  = 1 // u32, one byte a part
	infoConnSize = 2 // u32, slots of the connection hash table
)

// Address families (include/linux/socket.h), the same on every architecture.
const (
	afINET  = 2
	afINET6 = 10
)
