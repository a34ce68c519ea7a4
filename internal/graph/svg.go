package graph

import (
	"fmt"
	"math"
	"strings"
)

// svg lays the picture out and draws it.
func (p *Picture) svg() string {
	l := p.layout()
	d := &drawing{}
	p.drawNetworks(d, l)
	p.drawFlows(d, l)
	l.client.draw(d)
	for _, c := range l.directors {
		c.draw(d)
	}
	for _, pool := range l.pools {
		pool.draw(d)
	}
	p.drawHead(d, l)
	p.drawLegend(d, l)

	title := "Cluster " + p.Name + ": " + p.summary()
	if !p.Seen.IsZero() {
		title += ", as seen " + p.seenAt()
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="img" aria-labelledby="lvsup-title lvsup-desc" font-family="%s" font-size="13">`+"\n",
		num(l.w), num(l.h), num(l.w), num(l.h), fontFamily)
	fmt.Fprintf(&b, "<title id=\"lvsup-title\">%s</title>\n<desc id=\"lvsup-desc\">%s</desc>\n", escape(title), escape(p.description()))
	b.WriteString(style)
	fmt.Fprintf(&b, "<rect class=\"lv-page\" width=\"%s\" height=\"%s\" rx=\"12\"/>\n", num(l.w), num(l.h))
	b.WriteString(d.b.String())
	b.WriteString("</svg>\n")
	return b.String()
}

func (p *Picture) seenAt() string { return p.Seen.UTC().Format("2006-01-02 15:04") + " UTC" }

// fontFamily is the fonts that systems come with, the best one of each first.
const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"

// style has the colours, for light pages and for dark ones. Names begin with lv-,
// since the picture may be pasted into a page that has names of its own. Text has
// a contrast of at least 4.5 to 1 to what it stands on.
const style = `<style>
.lv-page{fill:#ffffff}
.lv-card{fill:#ffffff;stroke:#cbd5e1}
.lv-pool{fill:#f4f7fb;stroke:#dbe3ee}
.lv-vip{fill:#eaf2ff;stroke:#b6cffb}
.lv-text{fill:#0f172a}
.lv-muted{fill:#475569}
.lv-chip{fill:#dde5f0}
.lv-halo{stroke:#ffffff;stroke-width:5px;stroke-linejoin:round;paint-order:stroke}
.lv-net{fill:none;stroke:#94a3b8}
.lv-dot{fill:#64748b}
.lv-request{fill:none;stroke:#2563eb}
.lv-requested{fill:#2563eb}
.lv-answer{fill:none;stroke:#0f766e}
.lv-answered{fill:#0f766e}
.lv-tunnel{fill:none;stroke:#c7dbfd}
.lv-number{fill:#ffffff}
.lv-well{fill:#15803d}
.lv-drifted{fill:#b45309}
.lv-broken{fill:#b91c1c}
.lv-unseen{fill:#64748b}
.lv-mark{fill:none;stroke:#ffffff}
.lv-edge-drifted{stroke:#b45309}
.lv-edge-broken{stroke:#b91c1c}
@media (prefers-color-scheme:dark){
.lv-page{fill:#0b1220}
.lv-card{fill:#16233a;stroke:#3b4c66}
.lv-pool{fill:#101a2c;stroke:#27364f}
.lv-vip{fill:#12294f;stroke:#2b559c}
.lv-text{fill:#f1f5f9}
.lv-muted{fill:#b3c0d3}
.lv-chip{fill:#38496a}
.lv-halo{stroke:#0b1220}
.lv-net{stroke:#64748b}
.lv-dot{fill:#94a3b8}
.lv-request{stroke:#6ea8fe}
.lv-requested{fill:#6ea8fe}
.lv-answer{stroke:#2dd4bf}
.lv-answered{fill:#2dd4bf}
.lv-tunnel{stroke:#1f3d73}
.lv-number{fill:#0b1220}
.lv-well{fill:#4ade80}
.lv-drifted{fill:#fbbf24}
.lv-broken{fill:#f98080}
.lv-unseen{fill:#a3b1c6}
.lv-mark{stroke:#0b1220}
.lv-edge-drifted{stroke:#fbbf24}
.lv-edge-broken{stroke:#f98080}
}
</style>
<defs>
<marker id="lvsup-request" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="12" markerHeight="12" markerUnits="userSpaceOnUse" orient="auto"><path class="lv-requested" d="M0 0.5L10 5L0 9.5z"/></marker>
<marker id="lvsup-answer" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="12" markerHeight="12" markerUnits="userSpaceOnUse" orient="auto"><path class="lv-answered" d="M0 0.5L10 5L0 9.5z"/></marker>
</defs>
`

// drawing is SVG as it is written.
type drawing struct{ b strings.Builder }

// box is a rectangle; y grows downward.
type box struct{ x, y, w, h float64 }

func (r box) right() float64   { return r.x + r.w }
func (r box) bottom() float64  { return r.y + r.h }
func (r box) middle() float64  { return r.y + r.h/2 }
func (r box) centreX() float64 { return r.x + r.w/2 }

func num(f float64) string {
	return fmt.Sprintf("%g", math.Round(f*2)/2)
}

// escape makes a text fit for SVG, and leaves out what XML cannot have.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffe || r == 0xffff {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// open begins a group with a tooltip, if there is one.
func (d *drawing) open(tip string) {
	d.printf("<g>")
	if tip != "" {
		d.printf("<title>%s</title>", escape(tip))
	}
	d.printf("\n")
}

func (d *drawing) close() { d.printf("</g>\n") }

func (d *drawing) rect(r box, class string, radius, stroke float64) {
	d.printf("<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"%s\" stroke-width=\"%s\"/>\n",
		class, num(r.x), num(r.y), num(r.w), num(r.h), num(radius), num(stroke))
}

// text writes one line; y is that of its base line.
func (d *drawing) text(x, y float64, f font, class, anchor, text string) {
	if text == "" {
		return
	}
	more := ""
	if f.size != textFont.size {
		more += fmt.Sprintf(" font-size=\"%s\"", num(f.size))
	}
	if f.bold {
		more += " font-weight=\"600\""
	}
	if anchor != "" {
		more += " text-anchor=\"" + anchor + "\""
	}
	d.printf("<text class=\"%s\" x=\"%s\" y=\"%s\"%s>%s</text>\n", class, num(x), num(y), more, escape(text))
}

// chip draws the letter of a network.
func (d *drawing) chip(x, y float64, letter string) float64 {
	w := max(18, smallFont.width(letter)+8)
	d.rect(box{x, y, w, 16}, "lv-chip", 4, 0)
	d.text(x+w/2, y+12.5, font{12, true}, "lv-text", "middle", letter)
	return w
}

// bubble draws the number of a step, centred.
func (d *drawing) bubble(x, y float64, class string, n int) {
	d.printf("<circle class=\"%s\" cx=\"%s\" cy=\"%s\" r=\"9\"/>\n", class, num(x), num(y))
	d.text(x, y+4, font{12, true}, "lv-number", "middle", fmt.Sprint(n))
}

// sign draws a state as a shape of 16 by 16 pixels, so that it is told apart
// without colour: a tick in a disc, a triangle, a cross in a square, a ring.
func (d *drawing) sign(x, y float64, s State) {
	at := fmt.Sprintf("transform=\"translate(%s %s)\"", num(x), num(y))
	switch s {
	case Well:
		d.printf("<g %s><circle class=\"lv-well\" cx=\"8\" cy=\"8\" r=\"7.5\"/><path class=\"lv-mark\" d=\"M4.5 8.5L7 11L11.5 5.5\" stroke-width=\"1.8\"/></g>\n", at)
	case Drifted:
		d.printf("<g %s><path class=\"lv-drifted\" d=\"M8 0.5L16 15H0z\"/><path class=\"lv-mark\" d=\"M8 5.5V10M8 11.5V13.3\" stroke-width=\"1.8\"/></g>\n", at)
	case Broken:
		d.printf("<g %s><rect class=\"lv-broken\" x=\"0.5\" y=\"0.5\" width=\"15\" height=\"15\" rx=\"3\"/><path class=\"lv-mark\" d=\"M4.5 4.5L11.5 11.5M11.5 4.5L4.5 11.5\" stroke-width=\"1.8\"/></g>\n", at)
	case Unseen:
		d.printf("<g %s><circle class=\"lv-unseen\" cx=\"8\" cy=\"8\" r=\"7.5\"/><path class=\"lv-mark\" d=\"M4 8H12\" stroke-width=\"1.8\"/></g>\n", at)
	}
}

// class of a word in a state's colour.
func (s State) class() string {
	switch s {
	case Well:
		return "lv-well"
	case Drifted:
		return "lv-drifted"
	case Broken:
		return "lv-broken"
	case Unseen:
		return "lv-unseen"
	}
	return "lv-muted"
}

// edge is the class of a frame in a state, and how thick it is.
func (s State) edge() (class string, stroke float64) {
	switch s {
	case Drifted:
		return " lv-edge-drifted", 2
	case Broken:
		return " lv-edge-broken", 2
	}
	return "", 1
}

// point is a corner of a line.
type point struct{ x, y float64 }

// line draws a line along points, all of whose parts are level or upright, with
// round corners and an arrow's tip of the class lv-request or lv-answer.
func (d *drawing) line(class, more string, stroke float64, points ...point) {
	var b strings.Builder
	for i, p := range points {
		switch {
		case i == 0:
			fmt.Fprintf(&b, "M%s %s", num(p.x), num(p.y))
		case i == len(points)-1:
			fmt.Fprintf(&b, "L%s %s", num(p.x), num(p.y))
		default:
			in, out := toward(p, points[i-1]), toward(p, points[i+1])
			fmt.Fprintf(&b, "L%s %sQ%s %s %s %s", num(in.x), num(in.y), num(p.x), num(p.y), num(out.x), num(out.y))
		}
	}
	d.printf("<path class=\"%s\" d=\"%s\" stroke-width=\"%s\"%s/>\n", class, b.String(), num(stroke), more)
}

// toward is the point where the corner at p begins, on the way to q.
func toward(p, q point) point {
	const radius = 12
	length := math.Abs(q.x-p.x) + math.Abs(q.y-p.y)
	if length == 0 {
		return p
	}
	part := min(radius, length/2) / length
	return point{p.x + (q.x-p.x)*part, p.y + (q.y-p.y)*part}
}
