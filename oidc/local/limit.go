package local

import (
	"context"
	"strings"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
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

// countMail counts a mail to an address before it is sent, or one that will not be sent because the first step was wrong:
// the ledger is asked in either case, so that both take as long and end alike.
//
// A stranger must not be able to use up the mails of somebody else. From one place there are only some of them, so that it
// takes many places to stop all. An address that needs a first step before a mail is sent would be locked out just when it is
// needed most: wrong first steps count for what was typed, and not for the address, and mails after a right one count apart
// from those that anybody may ask for.
func (s *Service) countMail(ctx context.Context, void bool, place string, key ...string) *Refusal {
	return s.count(ctx, void, s.deps.Now().Add(mailWindow),
		tally{maxMails, append([]string{"mail", place}, key...)},
		tally{maxAllMail, append([]string{"all mail"}, key...)})
}

// countTry counts a code that was typed, before it is looked at.
func (s *Service) countTry(ctx context.Context, c *challenge) *Refusal {
	refusal := s.count(ctx, c.Void, time.Unix(c.Expires, 0).Add(rememberSlack), tally{maxTries, []string{"try", c.ID}})
	if refusal != nil && refusal.Reason == ReasonTooMany {
		return refuse(ReasonTries, refusal.Err)
	}
	return refusal
}

// tally is something of which only so many tries are allowed.
type tally struct {
	limit int
	parts []string
}

// key is what the ledger knows a tally by. No part holds a NUL: ids, folded addresses, places and checked codes do not.
func (t *tally) key() directory.Hash {
	return seal.HashToken("local attempts\x00" + strings.Join(t.parts, "\x00"))
}

// count lets the ledger count one try, or refuses it with when to come back.
func (s *Service) count(ctx context.Context, void bool, until time.Time, tallies ...tally) *Refusal {
	try := &command.CountAttempt{Expires: directory.Time(until.UnixMicro()), Void: void}
	for _, t := range tallies {
		try.Counts = append(try.Counts, command.AttemptCount{Key: t.key(), Limit: t.limit})
	}
	if wait, full := s.full(ctx, try); full { // known without asking the ledger
		refusal := refuse(ReasonTooMany, nil)
		refusal.RetryAfter = wait
		return refusal
	}
	_, err := s.propose(ctx, "", "sign-in", try)
	switch directory.KindOf(err) {
	case 0:
		return nil
	case directory.KindTooLarge:
		refusal := refuse(ReasonTooMany, err)
		refusal.RetryAfter, _ = s.full(ctx, try)
		return refusal
	default:
		return refuse(ledgerReason(err), err)
	}
}

// full tells whether a key has no try left, as far as this node knows, and for how long its count still stands.
func (s *Service) full(ctx context.Context, try *command.CountAttempt) (wait time.Duration, full bool) {
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return mailWindow, false
	}
	for _, count := range try.Counts {
		attempt, ok := view.Attempt(count.Key)
		if ok && !attempt.Expired(s.now()) && attempt.Tries >= count.Limit {
			return time.Duration(attempt.Expires-s.now()) * time.Microsecond, true
		}
	}
	return mailWindow, false
}
