package main

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/lvsup/lvsup/internal/build"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// output is how a run talks to programs.
type output struct {
	json    bool               // no text for people
	bare    bool               // of --json only the results, each a document by itself
	report  bool               // documents go to where results go, too
	stream  *view.Stream       // nil: not begun
	several []string           // the clusters, of a plan with several
	turn    *view.Turn         // among them; nil: it is the only one
	shard   *view.Shard        // nil: all of the fleet
	diags   []plans.Diagnostic // of the plan that was read last
}

// events is the stream that --json prints.
func (g *globals) events() *view.Stream {
	if g.stream == nil {
		g.stream = view.NewStream(redacting{g, os.Stdout})
		if g.bare {
			g.stream = view.NewStream(io.Discard)
		}
	}
	return g.stream
}

// begin tells a program that something is done now, which takes its time.
func (g *globals) begin() {
	if g.json {
		g.events().Begin(g.command, g.cluster, build.Version())
	}
}

// progress is who listens to a run. plain says whether it leaves lines behind where
// nobody watches.
func (g *globals) progress(h *view.Human, plain bool) func(report.Event) {
	switch {
	case g.json:
		return g.events().Event
	case watched():
		live := g.watch(h)
		return func(e report.Event) {
			e.Quiet = e.Quiet || !plain && e.Type != report.RunEnding
			e.At = time.Now()
			_ = g.turn.Tell(func() error { live.Event(e); return nil })
		}
	case plain:
		return h.Event
	}
	return nil
}

// notice tells what a person should know.
func (g *globals) notice(h *view.Human, text string) {
	if g.json {
		g.events().Notice(text)
		return
	}
	h.Note("%s", view.Clean(text))
}

// result prints the outcome of a command as JSON, and gives the exit.
func (g *globals) result(doc *view.Document) error {
	doc.Command, doc.Shard = g.command, g.shard
	if s := g.run.Shard; doc.Shard == nil && s.N > 0 { // it did not come to read the plan
		doc.Shard = &view.Shard{Index: s.Index, Of: s.N, Clusters: []string{}}
	}
	var err error
	if g.several != nil && doc.Clusters == nil {
		err = g.events().Cluster(doc)
	} else {
		err = g.events().Result(doc)
	}
	if err == nil && g.report && doc.Clusters == nil {
		err = view.WriteJSON(g.out(), doc)
	}
	if err != nil {
		return err
	}
	return exit(doc.Exit)
}

// mistaken is the result of a plan, or a file beside it, that has mistakes.
func (g *globals) mistaken(diags []plans.Diagnostic) error {
	if g.json {
		return g.result(&view.Document{Diagnostics: diags, Error: errDiagnostics.Error(), Exit: report.Failed})
	}
	return exit(report.Failed)
}

// end prints why a command failed, if nothing did so yet, and gives its exit code.
func (g *globals) end(err error) report.Code {
	g.live.Close()
	var coded *exitError
	if errors.As(err, &coded) {
		return coded.code
	}
	if err == nil {
		return report.Done
	}
	code := codeOf(err)
	var refused *noJSONError
	if g.json && !g.bare && !errors.As(err, &refused) {
		_ = g.result(&view.Document{Error: err.Error(), Exit: code, Codes: report.Sorted([]report.Code{code})})
		return code
	}
	g.human().Error(err)
	return code
}

// noJSONError says why a command does not take --json.
type noJSONError struct{ text string }

// Error gives the text.
func (e *noJSONError) Error() string { return e.text }

// noJSON is an error if --json was given.
func (g *globals) noJSON(text string) error {
	if g.json {
		return &noJSONError{text}
	}
	return nil
}
