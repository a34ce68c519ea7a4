// Package ipvsbench measures the kind ipvs against ipvsadm(8) on a real kernel:
// make bench-ipvs. It has nothing but that measurement, which is a test by
// technique only: run by name, it boots one User-Mode Linux guest and prints
// one table of ratios.
package ipvsbench
