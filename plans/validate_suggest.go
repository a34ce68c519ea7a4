package plans

// Nearest returns the candidate that a person most likely meant by word, or ""
// if none is close. Close is: some letter in common, and at most one slip (a
// letter too many, missing, wrong, or swapped with its neighbour) for every three
// letters plus one, four in all; two for short words that share their first letter.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", min(len(word)/3+1, 4)
	for _, candidate := range candidates {
		if candidate == word {
			continue
		}
		limit := bestDistance
		if best == "" && len(word) > 0 && len(candidate) > 0 && word[0] == candidate[0] {
			limit = max(limit, 2)
		}
		if d := slips(word, candidate); d <= limit && d < max(len(word), len(candidate)) && (best == "" || d < bestDistance) {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// slips counts typing mistakes between a and b: the Damerau-Levenshtein
// distance in its "optimal string alignment" form, over bytes, ignoring the
// case of ASCII letters. Words longer than 64 bytes are never near anything.
func slips(a, b string) int {
	const tooLong = 64
	if len(a) > tooLong || len(b) > tooLong {
		return max(len(a), len(b))
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if lowerASCII(a[i-1]) == lowerASCII(b[j-1]) {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && lowerASCII(a[i-1]) == lowerASCII(b[j-2]) && lowerASCII(a[i-2]) == lowerASCII(b[j-1]) {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
