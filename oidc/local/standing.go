package local

import (
	"cmp"
	"slices"
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
	since        directory.Time       // passkeys from before were somebody else's, who had the address; 0: of whenever
}

// signerOf says what a folded address is to an organization. The ledger judges the same again when the session opens.
func signerOf(d *state.Directory, email string) (signer, bool) {
	org := d.Organization()
	who := signer{standing: org.Stands(email), organization: org, email: email}
	if who.standing != directory.StandingNone {
		if root, ok := d.RootUser(); ok {
			who.user = root.ID
		}
		return who, true
	}
	user, ok := d.UserByName(email)
	if !ok || !user.Active || user.Source != directory.SourceInvited || mustUseProvider(d, email) {
		return signer{}, false
	}
	who.standing, who.user, who.since = directory.StandingInvited, user.ID, user.Created
	return who, true
}

// mustUseProvider tells whether the organization wants people with this address to come through its identity provider.
func mustUseProvider(d *state.Directory, email string) bool {
	org := d.Organization()
	return org.SignIn.RequireSSO && slices.Contains(org.Domains, directory.EmailDomain(email)) && d.Federated()
}

// takesRecovery tells whether recovery codes are of any use to the address: to an invited person a code by mail is enough.
func (w *signer) takesRecovery() bool {
	return w.standing == directory.StandingRoot || w.standing == directory.StandingBreakGlass
}

// actor names the signer in the ledger: never by the address.
func (w *signer) actor() string {
	as := "user:"
	if w.standing == directory.StandingBreakGlass {
		as = "break-glass:"
	}
	return as + cmp.Or(string(w.user), "root")
}
