package graph

import (
	"strings"
	"unicode/utf8"
)

// font is a size in pixels and a weight.
type font struct {
	size float64
	bold bool
}

// The fonts of a picture.
var (
	titleFont = font{24, true}
	nameFont  = font{15, true}
	textFont  = font{13, false}
	wordFont  = font{13, true}
	smallFont = font{12, false}
)

// width guesses how wide a text is, in pixels. Nobody knows which font a browser
// will take; these are the widths of DejaVu Sans, which is wider than the others
// that the picture asks for, so that nothing overlaps in any of them.
func (f font) width(text string) float64 {
	sum := 0.0
	for _, r := range text {
		switch {
		case r >= utf8.RuneSelf && r != '·' && r != '…':
			sum += 1
		case strings.ContainsRune(" .,:;/|!'ijlI", r):
			sum += 0.33
		case strings.ContainsRune("()[]-frtJ·", r):
			sum += 0.4
		case strings.ContainsRune("mwMW@%…", r):
			sum += 0.98
		case r >= 'A' && r <= 'Z':
			sum += 0.72
		default:
			sum += 0.635
		}
	}
	if f.bold {
		sum *= 1.1
	}
	return sum * f.size
}

// wrap breaks a text into lines that fit: after a space or else a mark if it can,
// anywhere if it must. Nothing is lost but the spaces at which it broke.
func (f font) wrap(text string, room float64) []string {
	text = strings.ToValidUTF8(text, "?")
	var lines []string
	for f.width(text) > room {
		end, mark, space := 0, 0, 0
		for i, r := range text {
			next := i + utf8.RuneLen(r)
			if r == ' ' {
				space = next // at the end of a line it takes no room
				continue
			}
			if f.width(text[:next]) > room {
				break
			}
			end = next
			if strings.ContainsRune("-.:/,_@", r) {
				mark = next
			}
		}
		at := mark
		if f.width(text[:space]) > room*0.4 || at == 0 {
			at = space
		}
		if at == 0 {
			at = max(end, utf8.RuneLen([]rune(text)[0]))
		}
		lines = append(lines, strings.TrimSpace(text[:at]))
		text = strings.TrimSpace(text[at:])
	}
	return append(lines, text)
}

// wide is the width of the widest line.
func (f font) wide(lines ...string) float64 {
	most := 0.0
	for _, l := range lines {
		most = max(most, f.width(l))
	}
	return most
}
