package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// errNoTerminal means that a question needs a person.
var errNoTerminal = errors.New("standard input is not a terminal")

// canAsk reports whether a person is there to answer.
func canAsk() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// confirm asks a question that only the word yes answers.
func confirm(ctx context.Context, question string) (bool, error) {
	if !canAsk() {
		return false, fmt.Errorf("cannot ask for confirmation: %w; use --yes", errNoTerminal)
	}
	fmt.Fprintf(os.Stderr, "\n%s Only \"yes\" goes on: ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case a := <-answer:
		return a == "yes", nil
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr)
		return false, context.Cause(ctx)
	}
}

// askSecret reads a line without showing it. The terminal shows what is typed
// again when ctx ends first.
func askSecret(ctx context.Context, prompt string) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("cannot ask for %s: %w", prompt, errNoTerminal)
	}
	fmt.Fprintf(os.Stderr, "%s: ", prompt)
	defer fmt.Fprintln(os.Stderr)
	type answer struct {
		secret []byte
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		secret, err := term.ReadPassword(fd)
		answers <- answer{secret, err}
	}()
	select {
	case a := <-answers:
		return string(a.secret), a.err
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}

// becomePassword asks for sudo's password once, however many hosts want it, or
// is nil when the person did not offer to give one.
func (g *globals) becomePassword(ctx context.Context) func() (string, error) {
	if !g.askBecomePass {
		return nil
	}
	var mu sync.Mutex
	var known *string
	return func() (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if known != nil {
			return *known, nil
		}
		defer g.live.Pause()()
		secret, err := askSecret(ctx, "sudo password")
		if err != nil {
			return "", err
		}
		known = &secret
		return secret, nil
	}
}
