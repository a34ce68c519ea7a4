package ipvs

import "encoding/binary"

// ipvsadm sorts with C's qsort and a comparison that subtracts 32-bit words
// into an int: addresses (and marks) more than 2^31 apart come out the other
// way round, 192.0.2.1 before 10.0.0.1. To print what it prints, lvsup compares
// in the same way. Such an order is not transitive, so the algorithm matters
// too: up to version 2.36 glibc's qsort is a merge sort that splits in the
// middle.

func sortedServices(in []ServiceState) []ServiceState {
	return mergeSort(in, func(a, b ServiceState) int32 {
		x, y := a.Key, b.Key
		return firstNonZero(
			int32(x.FWMark-y.FWMark),
			int32(family(x.Address))-int32(family(y.Address)),
			int32(x.Protocol)-int32(y.Protocol),
			diffWords(address16(x.Address), address16(y.Address), x.Address.Is6()),
			int32(x.Port)-int32(y.Port),
		)
	})
}

func sortedDestinations(in []DestinationState) []DestinationState {
	return mergeSort(in, func(a, b DestinationState) int32 {
		return firstNonZero(
			diffWords(address16(a.Address), address16(b.Address), a.Address.Is6()),
			int32(a.Port)-int32(b.Port),
		)
	})
}

func diffWords(a, b [16]byte, six bool) int32 {
	words := 1
	if six {
		words = 4
	}
	for i := range words {
		x, y := binary.BigEndian.Uint32(a[4*i:]), binary.BigEndian.Uint32(b[4*i:])
		if d := int32(x - y); d != 0 {
			return d
		}
	}
	return 0
}

func firstNonZero(values ...int32) int32 {
	for _, v := range values {
		if v != 0 {
			return v
		}
	}
	return 0
}

func mergeSort[E any](in []E, compare func(a, b E) int32) []E {
	if len(in) < 2 {
		return append([]E(nil), in...)
	}
	left := mergeSort(in[:len(in)/2], compare)
	right := mergeSort(in[len(in)/2:], compare)
	out := make([]E, 0, len(in))
	for len(left) > 0 && len(right) > 0 {
		if compare(left[0], right[0]) <= 0 {
			out, left = append(out, left[0]), left[1:]
		} else {
			out, right = append(out, right[0]), right[1:]
		}
	}
	return append(append(out, left...), right...)
}
