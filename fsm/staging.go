package fsm

import (
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func stageMembers(tx *transaction, p *command.StageMembers) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if p.Change == (directory.ChangeID{}) {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "change", "a staged change needs an id")
	}
	add, refusal := memberNumbers(d, p.Add)
	if refusal != nil {
		return command.Result{}, refusal
	}
	part := directory.StagedPart{Add: add, Remove: knownNumbers(d, p.Remove)}
	next := &directory.StagedChange{ID: p.Change, Organization: tx.organization, Expires: tx.now + directory.StagedLife}
	changes, numbers := d.StagedCounts()
	if old, ok := d.Staged(p.Change); ok {
		next.Parts = slices.Clip(old.Parts) // what is appended goes into a new list
		changes--
	}
	next.Parts = append(next.Parts, part)
	switch {
	case changes >= directory.MaxStagedChanges:
		return command.Result{}, tooMuchStaged("at most %d large changes may wait at a time", directory.MaxStagedChanges)
	case numbers+len(part.Add)+len(part.Remove) > directory.MaxStagedNumbers:
		return command.Result{}, tooMuchStaged("at most %d members may wait in large changes", directory.MaxStagedNumbers)
	case len(next.Parts) > directory.MaxStagedParts:
		return command.Result{}, tooMuchStaged("a large change has at most %d parts", directory.MaxStagedParts)
	}
	tx.state.PutStaged(d, next)
	return tx.changed(tx.now), nil
}

func tooMuchStaged(format string, bound int) *directory.Error {
	return directory.Errorf(directory.KindTooLarge, "members", format, bound)
}

// use drops a staged change that took effect; nil is none.
func (tx *transaction) use(d *state.Directory, change *directory.StagedChange) {
	if change != nil {
		tx.state.DropStaged(d, change)
	}
}
