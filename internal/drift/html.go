package drift

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/view"
)

//go:embed page.html
var pageText string

// html writes one page, with its style inside and no script.
func (r *Report) html(w io.Writer) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"file":   func(d Difference) []string { return view.FileDifference(d.Change) },
		"symbol": func(d Difference) string { return string(rune(d.Action)) },
		"sort":   sortOfLine,
		"plural": view.Plural,
		"minute": func(t time.Time) string { return t.Format(view.Minute) },
	}).Parse(pageText)
	if err != nil {
		return err
	}
	return page.Execute(w, map[string]any{
		"At": r.At, "Clusters": r.Clusters, "Summary": r.summary(),
	})
}

// sortOfLine is the class of a line of a difference.
func sortOfLine(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return "add"
	case strings.HasPrefix(line, "-"):
		return "del"
	}
	return "same"
}
