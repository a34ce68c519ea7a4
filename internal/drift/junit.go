package drift

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/view"
)

// The elements of JUnit's XML that CI systems read in common: a suite a host, a
// case a kind. Drift is a failure, what could not be looked at an error.
type (
	junitSuites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Suites   []junitSuite
	}
	junitSuite struct {
		XMLName   xml.Name `xml:"testsuite"`
		Name      string   `xml:"name,attr"`
		Tests     int      `xml:"tests,attr"`
		Failures  int      `xml:"failures,attr"`
		Errors    int      `xml:"errors,attr"`
		Timestamp string   `xml:"timestamp,attr"`
		Cases     []junitCase
	}
	junitCase struct {
		XMLName xml.Name      `xml:"testcase"`
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"`
	}
)

func (r *Report) junit(w io.Writer) error {
	all := junitSuites{Name: "lvsup drift"}
	for i := range r.Clusters {
		c := &r.Clusters[i]
		if len(c.Errors) > 0 {
			all.add(r.At, c.Name, junitFailed(c.Name, c.Errors))
		}
		for j := range c.Hosts {
			all.add(r.At, c.Name+"."+c.Hosts[j].Name, c.Hosts[j].junit(c.Name)...)
		}
	}
	out, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	_, err = io.WriteString(w, xml.Header+string(out)+"\n")
	return err
}

func (s *junitSuites) add(at time.Time, name string, cases ...junitCase) {
	suite := junitSuite{Name: name, Timestamp: at.Format("2006-01-02T15:04:05"), Cases: cases, Tests: len(cases)}
	for _, c := range cases {
		if c.Failure != nil {
			suite.Failures++
		}
		if c.Error != nil {
			suite.Errors++
		}
	}
	s.Tests, s.Failures, s.Errors = s.Tests+suite.Tests, s.Failures+suite.Failures, s.Errors+suite.Errors
	s.Suites = append(s.Suites, suite)
}

func (h *Host) junit(cluster string) []junitCase {
	class := cluster + "." + h.Name
	var cases []junitCase
	if !h.Whole() {
		cases = append(cases, junitFailed(class, h.Errors))
	}
	for _, k := range h.Kinds {
		one := junitCase{Class: class, Name: k.Name}
		if n := len(k.Changes); n > 0 {
			one.Failure = &junitProblem{Message: view.Plural(n, "difference"), Type: "drift", Text: "\n" + plain(k.Changes)}
		}
		cases = append(cases, one)
	}
	return cases
}

// junitFailed stands for what could not be looked at.
func junitFailed(class string, errs []string) junitCase {
	return junitCase{Class: class, Name: "looked at", Error: &junitProblem{
		Message: "could not be looked at whole", Type: "unknown", Text: "\n" + strings.Join(errs, "\n") + "\n",
	}}
}

// plain lists differences, a line each, and the lines of files under theirs.
func plain(changes []Difference) string {
	var text strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&text, "%s\n", c)
		for _, line := range view.FileDifference(c.Change) {
			fmt.Fprintf(&text, "    %s\n", line)
		}
	}
	return text.String()
}
