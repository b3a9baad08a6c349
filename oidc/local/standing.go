package local

import (
	"cmp"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
)

// maxEmail bounds an address, RFC 5321 §4.5.3.1.
const maxEmail = 254

// foldEmail gives the comparison key of an address that was typed; empty if it is none.
func foldEmail(typed string) string {
	email := directory.Fold(strings.TrimSpace(typed))
	if len(email) > maxEmail || directory.EmailDomain(email) == "" {
		return ""
	}
	return email
}

// signer is an address that may sign in here.
type signer struct {
	standing     directory.Standing
	organization *directory.Organization
	email        string               // folded
	user         directory.ResourceID // that signs in; empty: the root user, whom the ledger has to make
}

// signerOf says what a folded address is to an organization. The ledger judges the same again when the session opens.
func signerOf(d *state.Directory, email string) (signer, bool) {
	standing, user := d.Stands(email)
	switch standing {
	case directory.StandingNone:
		return signer{}, false
	case directory.StandingInvited:
		if !user.Active || d.MustUseProvider(email) {
			return signer{}, false
		}
	}
	who := signer{standing: standing, organization: d.Organization(), email: email}
	if user != nil {
		who.user = user.ID
	}
	return who, true
}

// takesRecovery tells whether recovery codes are of any use to the address: to an invited person a code by mail is enough.
func (w *signer) takesRecovery() bool {
	return w.standing == directory.StandingRoot || w.standing == directory.StandingBreakGlass
}

// actor names the signer in the ledger: never by the address. Whoever breaks glass is named by the session.
func (w *signer) actor(session directory.SessionID) string {
	if w.standing == directory.StandingBreakGlass {
		return "break-glass:" + string(session)
	}
	return "user:" + cmp.Or(string(w.user), "root")
}
