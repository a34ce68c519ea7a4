//go:build lab

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lvsup/lvsup/internal/lab"
	"github.com/lvsup/lvsup/internal/view"
)

// cmdDiagnosed runs doctor, which must find one cause and nothing else. What it
// said is kept for mend.
//
//	diagnosed CODE HOST [ARG...]   the code and the host; arguments go to doctor
func cmdDiagnosed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: diagnosed CODE HOST [ARG...]")
	}
	words := append([]string{"doctor", "--json", "-F", ts.Getenv("F"), ts.Getenv("PLAN")}, args[2:]...)
	var exit *exec.ExitError
	if err := ts.Exec("lvsup", words...); err != nil && !errors.As(err, &exit) {
		ts.Fatalf("doctor: %v", err)
	}
	doc := diagnosis(ts, ts.ReadFile("stdout"))
	ts.Check(os.WriteFile(ts.MkAbs("doctor.json"), []byte(ts.ReadFile("stdout")), 0o600))
	if found := doc.Diagnosis.Findings; len(found) != 1 || found[0].Code != args[0] || !slices.Equal(found[0].Hosts, args[1:2]) {
		ts.Fatalf("doctor did not find %s on %s alone", args[0], args[1])
	}
	if want := diagnosisCode(doc.Diagnosis); doc.Exit != want {
		ts.Fatalf("doctor ended with %d, want %d", doc.Exit, want)
	}
}

func diagnosis(ts *testscript.TestScript, text string) *view.Document {
	var doc view.Document
	ts.Check(lastJSON(text, &doc))
	if doc.Diagnosis == nil {
		ts.Fatalf("doctor gave no diagnosis: %s", doc.Error)
	}
	return &doc
}

// cmdMend types what doctor said.
func cmdMend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: mend")
	}
	typed := 0
	for _, fix := range diagnosis(ts, ts.ReadFile("doctor.json")).Diagnosis.Findings[0].Fixes {
		switch {
		case fix.Command == "":
			continue
		case fix.Host != "":
			ts.Check(guest(ts, fix.Host, []string{"sh", "-c", fix.Command}))
		default:
			ts.Check(ts.Exec("sh", "-c", fix.Command+" --yes"))
		}
		typed++
	}
	if typed == 0 {
		ts.Fatalf("doctor named no command")
	}
}

// cmdCable plugs a guest's card into a bridge of the lab, or pulls its cable.
//
//	cable HOST NIC [BRIDGE]
func cmdCable(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: cable HOST NIC [BRIDGE]")
	}
	bridge := ""
	if len(args) == 3 {
		bridge = args[2]
	}
	ts.Check(lab.Cable(context.Background(), lab.Options{Name: ts.Getenv("LAB")}, args[0], args[1], bridge))
}
