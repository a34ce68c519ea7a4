package procsys

import (
	"path"
	"strings"
)

// Effective gives the setting that wins for the parameter: a line with its name,
// or else the last pattern that matches it (sysctl.d(5)). Of several names that
// the kernel knows it by, it is the one that is written last. ok is false if no
// file sets it.
func Effective(r Reader, files []File, name string) (winner Setting, ok bool) {
	var all []Setting
	for _, f := range files {
		all = append(all, Parse(f)...)
	}
	effective := bySystemd
	if r == Procps {
		effective = byProcps
	}
	last := -1
	for _, alias := range Aliases(name) {
		if s, at := effective(all, alias); at > last {
			winner, last = s, at
		}
	}
	return winner, last >= 0
}

// bySystemd does it for one name as systemd-sysctl does (parse_file and apply_all
// in src/sysctl/sysctl.c), and says where in the order of writing the setting
// stands; -1 if nothing sets it. A line replaces an earlier one for the same name
// or pattern, in its own place; but one that says the same leaves the earlier where
// it is, so that patterns between the two still beat both.
func bySystemd(all []Setting, name string) (winner Setting, at int) {
	place := map[string]int{}
	for n, s := range all {
		if before, ok := place[s.Name]; ok && all[before].same(s) {
			continue
		}
		place[s.Name] = n
	}
	if n, ok := place[name]; ok {
		return all[n], n
	}
	at = -1
	for pattern, n := range place {
		if n > at && !all[n].Excluded && matches(pattern, name) {
			winner, at = all[n], n
		}
	}
	return winner, at
}

func (s Setting) same(t Setting) bool {
	return s.Excluded == t.Excluded && (s.Excluded || s.Value == t.Value)
}

// byProcps does it as sysctl(8) does (write_setting_list in src/sysctl.c of
// procps-ng 4): every line is written in its turn, but a pattern passes over what
// any line names. Names count as they mean, although sysctl compares them as they
// are spelled; patterns in exclusions, which its later releases take, do not count.
func byProcps(all []Setting, name string) (winner Setting, at int) {
	at = -1
	pattern, patternAt := Setting{}, -1
	for n, s := range all {
		switch {
		case s.Name == name && !s.Excluded, at < 0 && s.Name == name:
			winner, at = s, n
		case s.Name == name: // what a line with "=" said stays
		case !s.Excluded && matches(s.Name, name):
			pattern, patternAt = s, n
		}
	}
	if at < 0 {
		return pattern, patternAt
	}
	return winner, at
}

// matches applies glob(7) to the paths of the two names, so that a star stays
// within one part.
func matches(pattern, name string) bool {
	if !strings.ContainsAny(pattern, "*?[") {
		return false
	}
	p := strings.ReplaceAll(swap.Replace(pattern), "[!", "[^")
	ok, err := path.Match(p, swap.Replace(name))
	return err == nil && ok
}
