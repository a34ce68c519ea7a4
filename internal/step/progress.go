package step

import "context"

type (
	progressKey struct{}
	noteKey     struct{}
)

// WithProgress gives a context in which Progress calls show. A kind that works
// for longer than a second or two tells through Progress how far it is.
func WithProgress(ctx context.Context, show func(text string)) context.Context {
	return context.WithValue(ctx, progressKey{}, show)
}

// Progress tells the person at the keyboard how far an Apply is, in a few words
// such as "2 backends still have 17 connections, 12s left". Where nobody
// listens it does nothing.
func Progress(ctx context.Context, text string) {
	if show, ok := ctx.Value(progressKey{}).(func(string)); ok {
		show(text)
	}
}

// WithNotes gives a context in which Note calls are kept.
func WithNotes(ctx context.Context, keep func(text string)) context.Context {
	return context.WithValue(ctx, noteKey{}, keep)
}

// Note tells what a person should know about an Apply after it is over, such
// as "1 connection of 192.0.2.1:80 was cut off". Calls must not overlap. Where
// nobody keeps it it does nothing.
func Note(ctx context.Context, text string) {
	if keep, ok := ctx.Value(noteKey{}).(func(string)); ok {
		keep(text)
	}
}
