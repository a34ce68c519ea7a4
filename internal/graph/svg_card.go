package graph

import (
	"strings"
)

// row is one line of a card.
type row struct {
	text   string
	font   font
	class  string
	letter string // of a network, before the text; " " keeps its room
	aside  string // muted, behind the text
	sign   State  // at the right edge
	high   float64
}

// card is a frame with rows, laid out for a width.
type card struct {
	box
	class  string
	state  State
	tip    string
	rows   []row
	pad    float64
	insets []*card // below the rows
}

const chipRoom = 26.0

// wide is how wide a row is.
func (r row) wide() float64 {
	w := r.font.width(r.text)
	if r.letter != "" {
		w += chipRoom
	}
	if r.aside != "" {
		w += 8 + smallFont.width(r.aside)
	}
	if r.sign != Planned {
		w += 22
	}
	return w
}

// natural is how wide the card would like to be.
func (c *card) natural() float64 {
	most := 0.0
	for _, r := range c.rows {
		most = max(most, r.wide())
	}
	for _, in := range c.insets {
		most = max(most, in.natural())
	}
	return most + 2*c.pad
}

// fit gives the card its width, breaks rows that are too long, and finds out how
// high it is.
func (c *card) fit(width float64) {
	c.w = width
	room := width - 2*c.pad
	var rows []row
	for _, r := range c.rows {
		if r.wide() <= room {
			rows = append(rows, r)
			continue
		}
		taken := r.wide() - r.font.width(r.text)
		if r.aside != "" {
			taken -= 8 + smallFont.width(r.aside)
		}
		for i, line := range r.font.wrap(r.text, room-taken) {
			next := r
			next.text, next.aside = line, ""
			if i > 0 {
				next.sign = Planned
				if r.letter != "" {
					next.letter = " "
				}
			}
			rows = append(rows, next)
		}
		if r.aside != "" {
			for _, line := range smallFont.wrap(r.aside, room-chipRoom) {
				rows = append(rows, row{text: line, font: smallFont, class: "lv-muted", letter: blankIf(r.letter), high: smallHigh})
			}
		}
	}
	c.rows = rows
	c.h = c.pad * 2
	for _, r := range rows {
		c.h += r.high
	}
	for _, in := range c.insets {
		in.fit(room)
		c.h += in.h + 8
	}
}

func blankIf(letter string) string {
	if letter == "" {
		return ""
	}
	return " "
}

// How high rows are.
const (
	nameHigh  = 21.0
	textHigh  = 19.0
	smallHigh = 17.0
)

// place moves the card.
func (c *card) place(x, y float64) { c.x, c.y = x, y }

func (c *card) draw(d *drawing) {
	d.open(c.tip)
	edge, stroke := c.state.edge()
	d.rect(c.box, c.class+edge, 8, stroke)
	y := c.y + c.pad
	for _, r := range c.rows {
		x := c.x + c.pad
		base := y + r.high/2 + r.font.size*0.36
		if r.letter != "" {
			if r.letter != " " {
				d.chip(x, y+r.high/2-8, r.letter)
			}
			x += chipRoom
		}
		d.sign(c.right()-c.pad-16, y+r.high/2-8, r.sign)
		d.text(x, base, r.font, r.class, "", r.text)
		if r.aside != "" {
			end := c.right() - c.pad
			if r.sign != Planned {
				end -= 22
			}
			d.text(end, base, smallFont, "lv-muted", "end", r.aside)
		}
		y += r.high
	}
	for _, in := range c.insets {
		y += 8
		in.place(c.x+c.pad, y)
		in.draw(d)
		y += in.h
	}
	d.close()
}

// tipOf is what a pointer over a host shows.
func tipOf(n Node) string {
	lines := []string{n.Name}
	for _, a := range n.Addresses {
		lines = append(lines, strings.TrimSpace(a.Interface+" "+a.Prefix.String()))
	}
	lines = append(lines, n.Shares...)
	if n.Short != "" {
		lines = append(lines, n.Short)
	}
	return strings.Join(append(lines, n.Long...), "; ")
}

// nodeCard is a host's card. Of many hosts each says only what tells it apart.
func (p *Picture) nodeCard(n Node, compact, shares bool) *card {
	c := &card{class: "lv-card", state: n.State, tip: tipOf(n), pad: 12}
	name := row{text: n.Name, font: nameFont, class: "lv-text", sign: n.State, high: nameHigh}
	if compact {
		c.pad, name.font, name.high = 8, wordFont, textHigh
	}
	c.rows = append(c.rows, name)
	if n.Foreign {
		letter := ""
		for _, a := range n.Addresses {
			letter = p.letterOf(a)
		}
		c.rows = append(c.rows, row{text: "not lvsup's to touch", font: smallFont, class: "lv-muted", letter: letter, high: smallHigh})
	} else {
		c.rows = append(c.rows, p.addressRows(n, !compact)...)
	}
	if shares {
		for _, s := range n.Shares {
			c.rows = append(c.rows, row{text: s, font: smallFont, class: "lv-muted", high: smallHigh})
		}
	}
	if n.State == Drifted || n.State == Broken {
		c.rows = append(c.rows, row{text: n.Short, font: font{12, true}, class: n.State.class(), high: smallHigh})
	}
	return c
}

func (p *Picture) letterOf(a Address) string {
	if a.Network < 0 {
		return ""
	}
	return p.Networks[a.Network].Letter
}

func (p *Picture) addressRows(n Node, interfaces bool) []row {
	var rows []row
	for _, a := range n.Addresses {
		r := row{text: a.Prefix.String(), font: textFont, class: "lv-text", letter: p.letterOf(a), high: textHigh}
		if interfaces {
			r.aside = a.Interface
		}
		rows = append(rows, r)
	}
	return rows
}

// directorCard has the director's addresses and, if it is the first, the services.
func (p *Picture) directorCard(n Node, first bool) *card {
	c := &card{class: "lv-card", state: n.State, tip: tipOf(n), pad: 14}
	c.rows = []row{
		{text: "Director", font: smallFont, class: "lv-muted", high: smallHigh},
		{text: n.Name, font: nameFont, class: "lv-text", sign: n.State, high: nameHigh},
	}
	c.rows = append(c.rows, p.addressRows(n, true)...)
	if n.State == Drifted || n.State == Broken {
		c.rows = append(c.rows, row{text: n.Short, font: font{12, true}, class: n.State.class(), high: smallHigh})
	}
	if !first {
		return c
	}
	for _, v := range p.VIPs {
		c.insets = append(c.insets, p.vipCard(v))
	}
	return c
}

// vipCard is a virtual address with its services.
func (p *Picture) vipCard(v VIP) *card {
	c := &card{class: "lv-vip", pad: 10}
	head := row{text: "VIP " + v.Address.String(), font: wordFont, class: "lv-text", high: nameHigh}
	switch {
	case !v.Address.IsValid():
		head.text = "By firewall mark"
	case v.Where == "":
		head.aside = "put there by others"
	default:
		head.aside = "on " + v.Where
	}
	c.rows = append(c.rows, head)
	for _, s := range v.services {
		c.rows = append(c.rows,
			row{text: s.Name, font: wordFont, class: "lv-text", aside: s.Match, sign: s.State, high: textHigh},
			row{text: s.How, font: smallFont, class: "lv-muted", high: smallHigh})
		if s.State == Drifted {
			c.rows = append(c.rows, row{text: s.Short, font: font{12, true}, class: s.State.class(), high: smallHigh})
		}
	}
	return c
}
