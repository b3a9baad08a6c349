package local

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"domicile/directory"
	"domicile/seal"
)

// Letter is one mail to one person, in plain text.
type Letter struct {
	ID      string // of this letter alone: letters, digits, '.' and '-'
	To      string
	Subject string
	Text    string
}

const (
	maxLetters      = 64 // on their way at one time; further ones are dropped
	letterPatience  = time.Minute
	codeLetterLines = "Your sign-in code is:\n\n    %s %s\n\n" +
		"It signs you in to %s, hosted in %s. It works once, within %d minutes, and only in the browser that asked for it.\n\n%s\n\n" +
		"Nobody from Domicile or from your organization will ever ask you for this code.\n"
	setupLetterLines = "You can set up how you sign in to %s, hosted in %s:\n\n    %s\n\n" +
		"The link is for you alone and works for 24 hours, until you have used it. %s\n\n" +
		"If you did not expect this mail, ask an owner of your organization before you follow the link.\n"
)

// sendLater hands a letter over in the background: how long that takes, and whether it happens at all, must not show in the
// answer to the form that asked for it.
func (s *Service) sendLater(ctx context.Context, letter Letter) {
	select {
	case s.slots <- struct{}{}:
	default:
		s.deps.Metrics.mails.WithLabelValues(mailDropped).Inc()
		s.deps.Logger.WarnContext(ctx, "sign-in mail dropped: too many are on their way")
		return
	}
	s.letters.Go(func() {
		defer func() { <-s.slots }()
		if err := s.send(context.WithoutCancel(ctx), letter); err != nil {
			s.deps.Logger.WarnContext(ctx, "sign-in mail failed", slog.Any("error", err))
		}
	})
}

// send hands a letter over.
func (s *Service) send(ctx context.Context, letter Letter) error {
	if s.deps.Mail == nil {
		s.deps.Metrics.mails.WithLabelValues(mailFailed).Inc()
		return directory.Unavailable(0, nil, "there is no mail server to send by")
	}
	ctx, cancel := context.WithTimeout(ctx, letterPatience)
	defer cancel()
	if err := s.deps.Mail(ctx, letter); err != nil {
		s.deps.Metrics.mails.WithLabelValues(mailFailed).Inc()
		return fmt.Errorf("send a sign-in mail: %w", err)
	}
	s.deps.Metrics.mails.WithLabelValues(mailSent).Inc()
	return nil
}

// codeLetter is the mail with the code of a challenge.
func (s *Service) codeLetter(who *signer, code string) Letter {
	advice := "If you did not ask for it, somebody typed your address by mistake or to try. Nothing has happened; you need not do anything."
	if who.standing != directory.StandingInvited {
		advice = "If you did not ask for it, somebody has your passkey or one of your recovery codes: tell an owner of your organization at once."
	}
	return Letter{
		ID:      "signin-code." + seal.NewID(),
		To:      who.email,
		Subject: "Your sign-in code for " + who.organization.Name,
		Text: fmt.Sprintf(codeLetterLines, code[:mailedDigits/2], code[mailedDigits/2:], who.organization.Name, s.deps.Region.Name,
			int(challengeLifetime.Minutes()), advice),
	}
}

// setupLetter is the mail with the link to the set-up page.
func (s *Service) setupLetter(who *signer, link string) Letter {
	purpose := map[directory.Standing]string{
		directory.StandingRoot: "You are its root user: you sign in with a passkey, or with a recovery code and a code by mail, and never " +
			"through the identity provider. Keep the address " + s.origin + EmergencyPath + " for the day when the passkey is lost.",
		directory.StandingBreakGlass: "Yours is one of its break-glass addresses: with a passkey or a recovery code, and a code by mail, you can " +
			"repair its single sign-on when its identity provider fails, at " + s.origin + EmergencyPath + ".",
		directory.StandingInvited: "You were invited by hand: you sign in with a passkey, or with a code by mail.",
	}[who.standing]
	return Letter{
		ID:      "signin-setup." + seal.NewID(),
		To:      who.email,
		Subject: "Set up your sign-in to " + who.organization.Name,
		Text:    fmt.Sprintf(setupLetterLines, who.organization.Name, s.deps.Region.Name, link, purpose),
	}
}
