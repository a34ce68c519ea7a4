// Package firstplan makes a first plan out of the answers to a few questions. It
// asks nobody itself: it says what the next question is, and takes or refuses the
// answer.
//
// The judge of an answer is the plan language: with each one the whole plan is
// written and read, with sensible values for what is not answered yet. So an answer
// is refused with the words that lvsup validate has for the same mistake.
package firstplan
