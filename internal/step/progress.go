package step

import "context"

type (
	progressKey struct{}
	noteKey     struct{}
	nextKey     struct{}
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

// WithNext gives a context in which Next calls hear.
func WithNext(ctx context.Context, hear func(Change)) context.Context {
	return context.WithValue(ctx, nextKey{}, hear)
}

// Next is what a kind asks before each change: the error is that of a ctx that has
// ended, and then nothing more is to be begun. Whoever waits for the Apply learns from
// it which change is in hand, should it never end.
func Next(ctx context.Context, c Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if hear, ok := ctx.Value(nextKey{}).(func(Change)); ok {
		hear(c)
	}
	return nil
}
