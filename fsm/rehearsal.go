package fsm

import (
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// Rehearse applies one command to a throw-away copy of a view, at the view's own time, and gives the result and the view
// after it: for previews and dry runs. Deadline and request id do not matter. v never changes; any number of goroutines may
// rehearse on it and read it at the same time.
func Rehearse(v *state.View, c command.Command) (command.Result, *state.View) {
	fork := v.Fork()
	tx := newTransaction(fork, &c)
	result, refusal := tx.apply(&c)
	result.Seq, result.Error = tx.seq, refusal
	return result, fork.Publish()
}
