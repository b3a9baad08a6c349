package local

import (
	"context"

	"domicile/directory"
	"domicile/fsm/state"
)

// Reasons that only logs know: the page is the one of a step that went well.
const (
	ReasonRecoveryWrong Reason = "recovery_wrong"
	ReasonMailLimited   Reason = "mail_limited" // the address has had its mails
)

// recordTry puts a step that failed into the log of sign-ins of an organization, where the address is anything to it. Strangers
// leave nothing there; that takes as long, but for a row in memory.
func (s *Service) recordTry(ctx context.Context, organization directory.OrganizationID, email string, refusal *Refusal, visit *Visit) {
	if s.deps.Record == nil || refusal.Reason.Class() == ClassForm {
		return
	}
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return
	}
	d, ok := view.Directory(organization)
	if !ok {
		return
	}
	row := directory.SignIn{
		Way: directory.WayLocal, Reason: string(refusal.Reason), Reference: refusal.Reference, Agent: visit.Agent, Address: visit.Address,
	}
	standing, user := d.Stands(email)
	switch standing {
	case directory.StandingNone:
		return
	case directory.StandingBreakGlass:
		row.Way, row.Email = directory.WayBreakGlass, email
	case directory.StandingRoot:
		row.Email = email
	}
	if user != nil {
		row.User = user.ID
	}
	s.deps.Record(organization, row)
}
