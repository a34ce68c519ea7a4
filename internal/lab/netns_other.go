//go:build !linux

package lab

import "errors"

var errLinuxOnly = errors.New("cannot run a lab: it needs Linux")

func inNetns(string, int, func() error) error { return errLinuxOnly }

func allowedCPUs() ([]int, error) { return nil, errLinuxOnly }

func netnsInode(string) (uint64, error) { return 0, errLinuxOnly }
