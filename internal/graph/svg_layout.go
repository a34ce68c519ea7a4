package graph

import (
	"math"
	"slices"
)

// layout is where everything is. From left to right: the clients, the director,
// the real servers; below them the networks.
type layout struct {
	w, h      float64
	top       float64 // of the columns
	axis      float64 // where the way of the packets is level
	lane      float64 // where answers go over the director's head; 0: none does
	bottom    float64 // of the columns
	client    *card
	directors []*card
	pools     []*poolCard
	bends     float64 // room for lines that go up or down between director and pools
	gutter    float64 // x right of the pools, for what must pass others
	networks  float64 // top of the first network
	legend    float64
}

// poolCard is a panel with the cards of hosts.
type poolCard struct {
	card
	pool  *Pool // nil: hosts without a part in LVS
	cards []*card
	nodes []Node
}

// Room between things.
const (
	margin  = 36.0
	cardGap = 12.0
	poolGap = 28.0
	netHigh = 56.0
)

// layout tries grids of different widths and takes the one whose picture is the
// closest to a slide's 16 by 9.
func (p *Picture) layout() *layout {
	var best *layout
	for columns := 1; columns <= 8; columns++ {
		l := p.grid(columns)
		if best == nil || l.misfit() < best.misfit() {
			best = l
		}
	}
	return best
}

func (l *layout) misfit() float64 { return math.Abs(math.Log(l.w / l.h * 9 / 16)) }

// grid lays the picture out with real servers in that many columns.
func (p *Picture) grid(columns int) *layout {
	l := &layout{}
	l.client = p.clientCard()
	directorWide := 0.0
	for i, n := range p.Directors {
		c := p.directorCard(n, i == 0)
		directorWide = max(directorWide, min(max(c.natural(), 230), 380))
		l.directors = append(l.directors, c)
	}
	for _, c := range l.directors {
		c.fit(directorWide)
	}
	poolWide := p.panels(l, columns)

	l.top = margin + 72
	if slices.ContainsFunc(p.Pools, func(x Pool) bool { return x.direct() }) {
		l.lane = l.top + 22
		l.top += 62
	}
	// The way of the packets is level: the middles of the clients, the director and
	// the only pool, or of all pools.
	poolsHigh, poolsAxis := p.stackPools(l)
	directorsHigh := stackHigh(l.directors, cardGap)
	axis := max(l.client.h/2, directorsHigh/2, poolsAxis)
	l.axis = l.top + axis
	l.bottom = l.axis + max(l.client.h/2, directorsHigh/2, poolsHigh-poolsAxis)

	x := margin
	l.client.place(x, l.axis-l.client.h/2)
	x += l.client.w + p.firstGap()
	y := l.axis - directorsHigh/2
	for _, c := range l.directors {
		c.place(x, y)
		y += c.h + cardGap
	}
	x += directorWide
	if len(l.pools) > 0 {
		l.bends = 20 * float64(len(p.flows())+1)
		if len(p.flows()) < 2 {
			l.bends = 0
		}
		x += p.secondGap() + l.bends
		y = l.axis - poolsAxis
		for _, pool := range l.pools {
			pool.move(x, y)
			y += pool.h + poolGap
		}
		x += poolWide
	}
	l.gutter = x
	l.w = x + margin
	if len(l.pools) > 1 {
		l.w += 18 + 12*float64(len(p.Networks)+1)
	}
	l.w = max(l.w, 2*margin+p.headWide())
	l.networks = l.bottom + 36
	l.legend = l.networks + netHigh*float64(len(p.Networks))
	l.w, l.h = math.Ceil(l.w), math.Ceil(l.legend+26+margin)
	return l
}

// stackPools gives the height of all pools, and at which height of it packets come in.
func (p *Picture) stackPools(l *layout) (high, axis float64) {
	for i, pool := range l.pools {
		if i > 0 {
			high += poolGap
		}
		if len(p.flows()) == 1 && pool.pool == p.flows()[0] {
			axis = high + pool.h/2
		}
		high += pool.h
	}
	if len(p.flows()) != 1 {
		axis = high / 2
	}
	return high, axis
}

func stackHigh(cards []*card, gap float64) float64 {
	high := 0.0
	for i, c := range cards {
		if i > 0 {
			high += gap
		}
		high += c.h
	}
	return high
}

func (p *Picture) headWide() float64 {
	return max(titleFont.width(p.Name), textFont.width(p.summary()))
}

// panels makes the panels of real servers and others, all of one width.
func (p *Picture) panels(l *layout, columns int) float64 {
	for i := range p.Pools {
		pool := &p.Pools[i]
		l.pools = append(l.pools, p.panel(pool.heading(), pool.rules(), pool.Nodes, pool))
	}
	if len(p.Others) > 0 {
		l.pools = append(l.pools, p.panel("Hosts without a part in LVS", nil, p.Others, nil))
	}
	most := 0.0
	for _, c := range l.pools {
		most = max(most, c.wanted(columns))
	}
	across := 1
	for _, c := range l.pools {
		across = max(across, c.across(columns))
	}
	for _, c := range l.pools {
		c.arrange(across, most)
	}
	return most
}

// many is how many hosts of a panel are too many for all details.
const many = 8

func (p *Picture) panel(heading string, rules []string, nodes []Node, pool *Pool) *poolCard {
	c := &poolCard{card: card{class: "lv-pool", pad: 14}, pool: pool, nodes: nodes}
	compact := len(nodes) > many
	same := compact && !slices.ContainsFunc(nodes, func(n Node) bool { return !slices.Equal(n.Shares, nodes[0].Shares) })
	c.rows = []row{{text: heading, font: wordFont, class: "lv-text", high: nameHigh}}
	for _, r := range rules {
		c.rows = append(c.rows, row{text: r, font: smallFont, class: "lv-muted", high: smallHigh})
	}
	if same {
		for _, s := range nodes[0].Shares {
			c.rows = append(c.rows, row{text: "each with " + s, font: smallFont, class: "lv-muted", high: smallHigh})
		}
	}
	for _, n := range nodes {
		c.cards = append(c.cards, p.nodeCard(n, compact, !same))
	}
	return c
}

// wanted is how wide the panel would like to be with that many columns of cards.
func (c *poolCard) wanted(columns int) float64 {
	return max(min(c.card.natural(), 420), c.cardWide()*float64(c.across(columns))+cardGap*float64(c.across(columns)-1)+2*c.pad)
}

func (c *poolCard) across(columns int) int { return min(columns, len(c.cards)) }

// cardWide is one width for all cards of the panel.
func (c *poolCard) cardWide() float64 {
	most := 140.0
	for _, n := range c.cards {
		most = max(most, n.natural())
	}
	return min(most, 290)
}

// arrange gives the panel its width and its cards their places in it, so many
// across.
func (c *poolCard) arrange(across int, width float64) {
	c.card.fit(width)
	room := (width - 2*c.pad - cardGap*float64(across-1)) / float64(across)
	y := c.h - c.pad + 8
	for i := 0; i < len(c.cards); i += across {
		line := c.cards[i:min(i+across, len(c.cards))]
		high := 0.0
		for _, n := range line {
			n.fit(room)
			high = max(high, n.h)
		}
		for j, n := range line {
			n.h = high
			n.place(c.pad+float64(j)*(room+cardGap), y)
		}
		y += high + cardGap
	}
	c.h = y - cardGap + c.pad
}

// move puts the panel and its cards where they belong.
func (c *poolCard) move(x, y float64) {
	c.place(x, y)
	for _, n := range c.cards {
		n.place(n.x+x, n.y+y)
	}
}

func (c *poolCard) draw(d *drawing) {
	c.card.draw(d)
	for _, n := range c.cards {
		n.draw(d)
	}
}

// clientCard stands for those who ask.
func (p *Picture) clientCard() *card {
	c := &card{class: "lv-card", pad: 14}
	c.rows = []row{{text: "Clients", font: nameFont, class: "lv-text", high: nameHigh}}
	for _, line := range p.clients() {
		c.rows = append(c.rows, row{text: line, font: smallFont, class: "lv-muted", high: smallHigh})
	}
	c.fit(min(max(c.natural(), 150), 240))
	return c
}

// flows are the pools that get packets.
func (p *Picture) flows() []*Pool {
	var all []*Pool
	for i := range p.Pools {
		if len(p.Pools[i].Ways) > 0 {
			all = append(all, &p.Pools[i])
		}
	}
	return all
}

// firstGap is the room between clients and director.
func (p *Picture) firstGap() float64 {
	return smallFont.wide("to the VIP", "from the VIP") + 80
}

// secondGap is the room between director and real servers, without that of bends.
func (p *Picture) secondGap() float64 {
	most := 80.0
	for _, pool := range p.flows() {
		how, detail := pool.request()
		most = max(most, wordFont.width(how)+24, smallFont.width(detail))
		if pool.through() {
			most = max(most, smallFont.width(answerDetail))
		}
	}
	return most + 44
}

const answerDetail = "by their gateway"
