package httpd

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// process is who has a socket.
type process struct {
	pid  int
	name string // comm, proc_pid_comm(5)
}

// listener finds the process that listens on a TCP port, through the inode of
// its socket (proc_net_tcp(5), proc_pid_fd(5)). ok is false if nobody does, or
// if it cannot be seen.
func listener(h host.Host, port uint16) (process, bool) {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, inode := range listening(h.Path(table), port) {
			inodes["socket:["+inode+"]"] = true
		}
	}
	if len(inodes) == 0 {
		return process{}, false
	}
	links, err := filepath.Glob(h.Path("/proc") + "/[0-9]*/fd/*")
	if err != nil {
		return process{}, false
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !inodes[target] {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil {
			continue
		}
		return process{pid, strings.TrimSpace(string(comm))}, true
	}
	return process{}, false
}

// listening lists the inodes of the sockets that listen on a port. Fields of a
// line: sl, local address:port in hexadecimal, remote, state (0A: listen), ...,
// inode in the tenth.
func listening(table string, port uint16) []string {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	var inodes []string
	suffix := fmt.Sprintf(":%04X", port)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		field := strings.Fields(lines.Text())
		if len(field) >= 10 && strings.HasSuffix(field[1], suffix) && field[3] == "0A" {
			inodes = append(inodes, field[9])
		}
	}
	return inodes
}
