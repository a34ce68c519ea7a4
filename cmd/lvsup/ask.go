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

	"github.com/lvsup/lvsup/internal/sshconn"
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
	once := g.askingOnce()
	return func() (string, error) { return once(ctx, "sudo password") }
}

// loginPassword asks for the password once for all hosts of the plan. A jump host
// is not told that one: it has its own.
func (g *globals) loginPassword(ctx context.Context) func(context.Context, sshconn.Login) (string, error) {
	once := g.askingOnce()
	return func(_ context.Context, who sshconn.Login) (string, error) {
		if who.Jump {
			return once(ctx, fmt.Sprintf("password of %s on the jump host %s", who.User, who.Host))
		}
		return once(ctx, "password to log in with")
	}
}

// secret is askSecret for hosts that are worked on at once.
func (g *globals) secret(ctx context.Context, prompt string) (string, error) {
	g.asking.Lock()
	defer g.asking.Unlock()
	defer g.live.Pause()()
	return askSecret(ctx, prompt)
}

// askingOnce asks for each secret once.
func (g *globals) askingOnce() func(ctx context.Context, prompt string) (string, error) {
	var mu sync.Mutex
	known := map[string]string{}
	return func(ctx context.Context, prompt string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if secret, ok := known[prompt]; ok {
			return secret, nil
		}
		secret, err := g.secret(ctx, prompt)
		if err == nil {
			known[prompt] = secret
		}
		return secret, err
	}
}

// answer puts a host's question to the person. The answer is never shown, for who
// would rely on the host to say whether it is a secret?
func (g *globals) answer(ctx context.Context, who sshconn.Login, question string, _ bool) (string, error) {
	return g.secret(ctx, fmt.Sprintf("%s@%s asks: %s", who.User, who.Host, strings.TrimSuffix(question, ":")))
}
