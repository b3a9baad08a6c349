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

// Bounds on guessing and on mails, over all nodes of the region. A code has eight digits and goes to an address five times in
// a quarter of an hour, so that somebody who tries all day has a chance of 1 in 40,000.
const (
	maxMails   = 5 // to one address of one organization
	maxTries   = 5 // of one challenge
	mailWindow = 15 * time.Minute
)

// countMail counts a mail to an address before it is sent, or one that will not be sent because the first step was wrong:
// the ledger is asked in either case, so that both take as long and end alike.
//
// A stranger must not be able to use up the mails of an address that needs a first step before a mail is sent: such an
// address would be locked out just when it is needed most. So wrong first steps count for what was typed, and not for the
// address, and mails after a right one count apart from those that anybody may ask for.
func (s *Service) countMail(ctx context.Context, key ...string) *Refusal {
	return s.count(ctx, maxMails, s.deps.Now().Add(mailWindow), append([]string{"mail"}, key...))
}

// countTry counts a code that was typed, before it is looked at.
func (s *Service) countTry(ctx context.Context, c *challenge) *Refusal {
	refusal := s.count(ctx, maxTries, time.Unix(c.Expires, 0).Add(rememberSlack), []string{"try", c.ID})
	if refusal != nil && refusal.Reason == ReasonTooMany {
		return refuse(ReasonTries, refusal.Err)
	}
	return refusal
}

// count lets the ledger count one try, or refuses it with when to come back.
func (s *Service) count(ctx context.Context, limit int, until time.Time, parts []string) *Refusal {
	// No part holds a NUL: ids, folded addresses and checked codes do not.
	key := directory.Hash(seal.HashToken("local attempts\x00" + strings.Join(parts, "\x00")))
	if wait, full := s.full(ctx, key, limit); full { // known without asking the ledger
		refusal := refuse(ReasonTooMany, nil)
		refusal.RetryAfter = wait
		return refusal
	}
	_, err := s.propose(ctx, "", "sign-in", &command.CountAttempt{
		Key: key, Limit: limit, Expires: directory.Time(until.UnixMicro()),
	})
	switch directory.KindOf(err) {
	case 0:
		return nil
	case directory.KindTooLarge:
		refusal := refuse(ReasonTooMany, err)
		refusal.RetryAfter, _ = s.full(ctx, key, limit)
		return refusal
	default:
		return refuse(ledgerReason(err), err)
	}
}

// full tells whether a key has no try left, as far as this node knows, and for how long its count still stands.
func (s *Service) full(ctx context.Context, key directory.Hash, limit int) (wait time.Duration, full bool) {
	if view, err := s.deps.Viewer.View(ctx, state.Local()); err == nil {
		if attempt, ok := view.Attempt(key); ok && !attempt.Expired(s.now()) {
			return time.Duration(attempt.Expires-s.now()) * time.Microsecond, attempt.Tries >= limit
		}
	}
	return mailWindow, false
}
