// Package local signs in the people who have no identity provider to come from: an organization's root user, its
// break-glass addresses and the people who were invited by hand, with a passkey (Web Authentication Level 3), a recovery
// code or a code by mail; and it lets them set these up.
// It never tells a stranger whether an address is known here, never keeps a code or a challenge but in a sealed cookie of
// the browser that asked for it, and never decides what a session may do.
//
// What opens a session, by what the address is to its organization when the session opens:
//
//	root          a passkey, or a recovery code and then a code by mail
//	break-glass   a passkey or a recovery code, and then a code by mail
//	invited       a passkey, or a code by mail, unless the organization wants its identity provider to be used
//
// A sign-in is one challenge (challenge.go) from its first form to its session, and the ledger takes a challenge once.
// Nothing is written before the first form is sent; then the ledger counts (limit.go), so that guessing is bounded over all
// nodes of the region. A wrong first step is answered like a right one, with a form for a code that was never mailed.
package local
