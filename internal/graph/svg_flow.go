package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

const (
	requestMore = ` marker-end="url(#lvsup-request)"`
	dashes      = ` stroke-dasharray="7 5"`
	answerMore  = dashes + ` marker-end="url(#lvsup-answer)"`
	thick       = 2.5
	apart       = 15.0 // from the axis of a way to its request and its answer
)

// drawFlows draws the way of requests and of answers.
func (p *Picture) drawFlows(d *drawing, l *layout) {
	if len(p.flows()) == 0 || len(l.directors) == 0 {
		return
	}
	through := slices.ContainsFunc(p.Pools, func(x Pool) bool { return x.through() })
	dir := l.directors[0].box
	p.drawFirst(d, l, dir, through)
	from := dir.right()
	for i, c := range l.pools {
		if c.pool == nil || len(c.pool.Ways) == 0 {
			continue
		}
		start := l.start(i, len(p.flows()), dir)
		// Lines that go up leave the lower to the right of the upper, and lines
		// that go down the other way round, so that none crosses another.
		turn := from + 20*float64(i+1)
		if c.middle() > start {
			turn = from + 20*float64(len(p.flows())-i)
		}
		request, answer := c.middle(), 0.0
		shift := 0.0
		if c.pool.through() {
			shift = apart
			request, answer = c.middle()-apart, c.middle()+apart
		}
		p.drawRequest(d, c, []point{{from, start - shift}, {turn, start - shift}, {turn, request}, {c.x, request}})
		bend := turn
		if shift > 0 {
			if c.middle() > start+1 {
				bend -= 10
			} else if c.middle() < start-1 {
				bend += 10
			}
			d.line("lv-answer", answerMore, thick, straight([]point{{c.x, answer}, {bend, answer}, {bend, start + shift}, {from, start + shift}})...)
		}
		p.labelWay(d, l, c, request, answer, from+l.bends)
		if c.pool.direct() {
			p.drawDirect(d, l, i)
		}
	}
	if l.lane > 0 {
		x := (l.client.centreX() + dir.right()) / 2
		text := "answer, straight to the client"
		w := wordFont.width(text)
		d.bubble(x-w/2-15, l.lane-14, "lv-answered", 3)
		d.text(x-w/2, l.lane-9.5, wordFont, "lv-text", "", text)
	}
}

// drawFirst draws the way between clients and director.
func (p *Picture) drawFirst(d *drawing, l *layout, dir box, through bool) {
	shift := 0.0
	if through {
		shift = apart
	}
	left, right := l.client.right(), dir.x
	x := left + 26
	y := l.axis - shift
	d.line("lv-request", requestMore, thick, point{left, y}, point{right, y})
	d.bubble(x, y-31, "lv-requested", 1)
	d.text(x+16, y-26.5, wordFont, "lv-text", "", "request")
	d.text(x-9, y-11, smallFont, "lv-muted", "", "to the VIP")
	if through {
		y = l.axis + shift
		d.line("lv-answer", answerMore, thick, point{right, y}, point{left, y})
		d.bubble(x, y+19, "lv-answered", 4)
		d.text(x+16, y+23.5, wordFont, "lv-text", "", "answer")
		d.text(x-9, y+41, smallFont, "lv-muted", "", "from the VIP")
	}
}

// start is where on the director's edge the way to a pool begins.
func (l *layout) start(i, n int, dir box) float64 {
	if n == 1 {
		return l.axis
	}
	step := min(56, (dir.h-60)/float64(n-1))
	y := dir.middle() + step*(float64(i)-float64(n-1)/2)
	if math.Abs(y-l.pools[i].middle()) < 24 && l.pools[i].middle() < dir.bottom()-24 {
		return l.pools[i].middle() // no bend that small
	}
	return y
}

func (p *Picture) drawRequest(d *drawing, c *poolCard, way []point) {
	way = straight(way)
	if slices.Contains(c.pool.Ways, plans.ForwardTUN) {
		band := slices.Clone(way)
		band[len(band)-1].x -= 14
		d.line("lv-tunnel", "", 14, band...)
	}
	d.line("lv-request", requestMore, thick, way...)
}

// straight leaves out the bends of a line that has none.
func straight(way []point) []point {
	if d := way[0].y - way[3].y; d > -1 && d < 1 {
		return []point{way[0], {way[3].x, way[0].y}}
	}
	return way
}

// labelWay says what the director does to packets for a pool.
func (p *Picture) labelWay(d *drawing, l *layout, c *poolCard, request, answer, x float64) {
	x += 26
	how, detail := c.pool.request()
	y := request
	if detail == "" {
		y += 16
	}
	d.bubble(x, y-31, "lv-requested", 2)
	d.text(x+16, y-26.5, wordFont, "lv-text", "", how)
	d.text(x-9, y-11, smallFont, "lv-muted", "", detail)
	if answer > 0 {
		d.bubble(x, answer+19, "lv-answered", 3)
		d.text(x+16, answer+23.5, wordFont, "lv-text", "", "answer")
		d.text(x-9, answer+41, smallFont, "lv-muted", "", answerDetail)
	}
}

// drawDirect draws the way of answers that do not pass the director: over its
// head, and right of the pools above. The last pool's way goes all the way, and
// those of the others join it.
func (p *Picture) drawDirect(d *drawing, l *layout, i int) {
	c := l.pools[i]
	last := !slices.ContainsFunc(l.pools[i+1:], func(o *poolCard) bool { return o.pool != nil && o.pool.direct() })
	x := l.gutter + 14
	way := []point{{c.right(), c.y + 24}, {x, c.y + 24}, {x, l.lane}}
	if i == 0 {
		way = []point{{c.centreX(), c.y}, {c.centreX(), l.lane}}
	}
	if !last {
		d.line("lv-answer", dashes, thick, way[:2]...)
		return
	}
	d.line("lv-answer", answerMore, thick, append(way, point{l.client.centreX(), l.lane}, point{l.client.centreX(), l.client.y})...)
}

// tap is how far the lines of two networks are apart where they leave a host.
const tap = 34.0

// drawNetworks draws each network as a line below the hosts that are in it.
// Networks of the clients end at the director, where lower ones leave further
// right; those behind it begin there, and lower ones leave further left. So few of
// their lines cross.
func (p *Picture) drawNetworks(d *drawing, l *layout) {
	var labels []func()
	outside := slices.IndexFunc(p.Networks, func(n Network) bool { return !p.asked(n) })
	if outside < 0 {
		outside = len(p.Networks)
	}
	for i, n := range p.Networks {
		y := l.networks + netHigh*float64(i)
		var taps []float64
		join := func(more string, way ...point) {
			x := way[len(way)-1].x
			d.line("lv-net", more, 2, append(way, point{x, y})...)
			d.printf("<circle class=\"lv-dot\" cx=\"%s\" cy=\"%s\" r=\"4.5\"/>\n", num(x), num(y))
			taps = append(taps, x)
		}
		left := 32 + tap*float64(len(p.Networks)-1-i)
		right := 32 + tap*float64(i)
		if p.asked(n) {
			join(` stroke-dasharray="3 4"`, point{l.client.x + min(left, l.client.w-16), l.client.bottom()})
		}
		for k, c := range l.directors {
			if slices.Contains(networksIn(p.Directors[k:k+1]), i) {
				at := i
				if i >= outside {
					at = len(p.Networks) - 1 - i + outside
				}
				join("", point{c.x + 32 + tap*float64(at), c.bottom()})
			}
		}
		for k, c := range l.pools {
			switch {
			case !slices.Contains(networksIn(c.nodes), i):
			case k == len(l.pools)-1:
				join("", point{c.x + right, c.bottom()})
			default: // past the pools below
				stub := c.bottom() - 22 - 12*float64(i)
				join("", point{c.right(), stub}, point{l.gutter + 28 + 12*float64(i), stub})
			}
		}
		if len(taps) == 0 {
			continue
		}
		from, to := slices.Min(taps)-16, slices.Max(taps)+16
		d.line("lv-net", ` stroke-linecap="round"`, 4, point{from, y}, point{to, y})
		labels = append(labels, func() { p.labelNetwork(d, n, from, y) })
	}
	for _, label := range labels {
		label()
	}
}

// asked reports whether requests come in by the network: a VIP is of it.
func (p *Picture) asked(n Network) bool {
	return slices.ContainsFunc(p.VIPs, func(v VIP) bool { return v.Address.IsValid() && n.Prefix.Contains(v.Address) })
}

// labelNetwork writes below a network which one it is.
func (p *Picture) labelNetwork(d *drawing, n Network, x, y float64) {
	text := n.Prefix.String()
	x += d.chip(x, y+8, n.Letter) + 8
	d.text(x, y+20.5, wordFont, "lv-text lv-halo", "", text)
	var all []string
	for _, g := range n.Gateways {
		all = append(all, g.String())
	}
	if len(all) > 0 {
		d.text(x, y+37, smallFont, "lv-muted lv-halo", "", "gateway "+strings.Join(all, ", "))
	}
}

// drawHead writes the cluster's name and what it is.
func (p *Picture) drawHead(d *drawing, l *layout) {
	d.text(margin, margin+20, titleFont, "lv-text", "", p.Name)
	d.text(margin, margin+44, textFont, "lv-muted", "", p.summary())
	if p.Seen.IsZero() {
		return
	}
	state, words := p.overall()
	w := wordFont.width(words)
	x := max(l.w-margin-w, margin+p.headWide()+40)
	d.open(strings.Join(p.Trouble, "; "))
	d.sign(x-24, margin+6, state)
	d.text(x, margin+19, wordFont, state.class(), "", words)
	d.text(x, margin+38, smallFont, "lv-muted", "", "seen "+p.seenAt())
	d.close()
}

// overall is the worst state of any host, and how many are not as planned.
func (p *Picture) overall() (State, string) {
	count := map[State]int{}
	all := slices.Concat(p.Directors, p.Others)
	for _, pool := range p.Pools {
		all = append(all, pool.Nodes...)
	}
	for _, n := range all {
		count[n.State]++
	}
	state, looked := Well, len(all)-count[Unseen]
	var words []string
	if n := count[Drifted]; n > 0 {
		state, words = Drifted, append(words, fmt.Sprintf("%d of %d hosts differ", n, looked))
	}
	if n := count[Broken]; n > 0 {
		state, words = Broken, append(words, fmt.Sprintf("%d of %d not seen whole", n, looked))
	}
	if len(p.Trouble) > 0 {
		state, words = Broken, append(words, view.Plural(len(p.Trouble), "error"))
	}
	if state == Well {
		words = []string{"as planned"}
	}
	return state, strings.Join(words, ", ")
}

// drawLegend says what lines and signs mean.
func (p *Picture) drawLegend(d *drawing, l *layout) {
	x, y := margin, l.legend+14
	item := func(room float64, text string, draw func(x float64)) {
		draw(x)
		d.text(x+room, y+4.5, smallFont, "lv-muted", "", text)
		x += room + smallFont.width(text) + 22
	}
	arrow := func(class, more string) func(float64) {
		return func(x float64) { d.line(class, more, thick, point{x, y}, point{x + 34, y}) }
	}
	if len(p.flows()) > 0 {
		item(42, "request", arrow("lv-request", requestMore))
		item(42, "answer", arrow("lv-answer", answerMore))
	}
	if len(p.Networks) > 0 {
		item(26, "network", func(x float64) { d.chip(x, y-8, p.Networks[0].Letter) })
	}
	if p.Seen.IsZero() {
		return
	}
	for _, s := range []struct {
		state State
		text  string
	}{{Well, "as planned"}, {Drifted, "differs"}, {Broken, "not reached, or not seen whole"}, {Unseen, "not looked at"}} {
		item(22, s.text, func(x float64) { d.sign(x, y-8, s.state) })
	}
}
