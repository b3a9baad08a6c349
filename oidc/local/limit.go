package local

import (
	"context"
	"strings"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// Bounds on guessing and on mails, over all nodes of the region. A code has eight digits and goes to an address ten times in a
// quarter of an hour, so that somebody who tries all day, from several networks, has a chance of 1 in 20,000.
const (
	maxMails   = 5  // to one address of one organization, asked for from one place
	maxAllMail = 10 // the same, from all places
	maxTries   = 5  // of one challenge
	mailWindow = 15 * time.Minute
)

// maySend counts a mail to an address before it is sent, and tells whether it may be. Where it may not, nobody learns: the answer
// is the one that strangers get.
//
// A stranger must not be able to use up the mails of somebody else. For requests from one network there are only some of them, so
// it takes several to stop all. An address that needs a first step before a mail is sent would be locked out just when it is
// needed most, so those after a right one count apart from those that anybody may ask for.
func (s *Service) maySend(ctx context.Context, place string, key ...string) (bool, *Refusal) {
	return s.count(ctx, false, s.deps.Now().Add(mailWindow),
		tally{maxMails, append([]string{"mail", place}, key...)},
		tally{maxAllMail, append([]string{"all mail"}, key...)})
}

// mayTry counts a code that was typed, before it is looked at, and tells whether it may be right.
func (s *Service) mayTry(ctx context.Context, c *challenge) (bool, *Refusal) {
	return s.count(ctx, c.Void, time.Unix(c.Expires, 0).Add(rememberSlack), tally{maxTries, []string{"try", c.ID}})
}

// pretend asks the ledger to count what nobody did, so that a stranger waits as long as others.
func (s *Service) pretend(ctx context.Context) *Refusal {
	_, refusal := s.count(ctx, true, s.deps.Now().Add(mailWindow), tally{maxMails, []string{"nothing"}})
	return refusal
}

// tally is something of which only so many tries are allowed.
type tally struct {
	limit int
	parts []string
}

// key is what the ledger knows a tally by. No part holds a NUL: ids, folded addresses and places do not.
func (t *tally) key() directory.Hash {
	return seal.HashToken("local attempts\x00" + strings.Join(t.parts, "\x00"))
}

// count lets the ledger count one try, and tells whether it was one of those that are allowed. A stranger's is void, and leaves no
// trace.
func (s *Service) count(ctx context.Context, void bool, until time.Time, tallies ...tally) (bool, *Refusal) {
	try := &command.CountAttempt{Expires: directory.Time(until.UnixMicro()), Void: void}
	for _, t := range tallies {
		try.Counts = append(try.Counts, command.AttemptCount{Key: t.key(), Limit: t.limit})
	}
	_, err := s.propose(ctx, "", "sign-in", try)
	switch directory.KindOf(err) {
	case 0:
		return true, nil
	case directory.KindTooLarge:
		return false, nil
	default:
		return false, refuse(ledgerReason(err), err)
	}
}
