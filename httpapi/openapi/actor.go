package openapi

import "github.com/gin-gonic/gin"

// Role is as what somebody uses the API. The zero value may do most; each other one may do less than those before it.
type Role uint8

// The roles.
const (
	Operator   Role = iota // runs the region: has the operator's token
	Owner                  // is an organization's root user, and signed in: its own organization only
	BreakGlass             // signed in by a break-glass address: the settings of sign-in of its own organization only
)

// May tells whether somebody of this role may use what is for least and the roles above it.
func (r Role) May(least Role) bool { return r <= least }

// Caller is whom the hallway let in.
type Caller struct {
	Actor string // as the ledger calls it
	Role  Role
}

// callerKey is where a request carries its caller.
type callerKey struct{}

// SetCaller notes in whose name a request acts. The hallway does so once it has let the caller in.
func SetCaller(c *gin.Context, caller Caller) { c.Set(callerKey{}, caller) }

// CallerOf gives whom the hallway let in. It panics where nobody was: nothing may be done in nobody's name.
func CallerOf(c *gin.Context) Caller { return c.MustGet(callerKey{}).(Caller) }

// Actor gives in whose name a request acts, as the ledger calls it. It panics as CallerOf does.
func Actor(c *gin.Context) string { return CallerOf(c).Actor }
