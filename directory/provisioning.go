package directory

// ProvisioningState says how far an organization is on its way to SCIM. The base URL works only when it is active.
type ProvisioningState uint8

const (
	// SCIMOff is the beginning, and the end of everything that was not wanted any more.
	SCIMOff ProvisioningState = 0
	// SCIMRequested waits for the operator.
	SCIMRequested ProvisioningState = 1
	// SCIMApproved may be activated.
	SCIMApproved ProvisioningState = 2
	// SCIMActive serves the organization's IdP.
	SCIMActive ProvisioningState = 3
)

var provisioningNames = [...]string{
	SCIMOff: "off", SCIMRequested: "requested", SCIMApproved: "approved", SCIMActive: "active",
}

// provisioningSteps has one row per state: where it may go.
var provisioningSteps = [...][]ProvisioningState{
	SCIMOff:       {SCIMRequested, SCIMApproved, SCIMActive},
	SCIMRequested: {SCIMApproved, SCIMActive, SCIMOff},
	SCIMApproved:  {SCIMActive, SCIMOff},
	SCIMActive:    {SCIMOff},
}

// Valid tells whether s is one of the states.
func (s ProvisioningState) Valid() bool { return int(s) < len(provisioningNames) }

// String names the state as the API does.
func (s ProvisioningState) String() string {
	if !s.Valid() {
		return "unknown"
	}
	return provisioningNames[s]
}

// ParseProvisioningState reads what String gives. Errors: KindInvalid.
func ParseProvisioningState(name string) (ProvisioningState, error) {
	for state, known := range provisioningNames {
		if name == known {
			return ProvisioningState(state), nil
		}
	}
	return SCIMOff, Errorf(KindInvalid, "scim", "scim must be off, requested, approved or active")
}

// May tells whether a step from s to next is possible; staying is no step. Who may take it is the doors' affair.
func (s ProvisioningState) May(next ProvisioningState) bool {
	if !s.Valid() {
		return false
	}
	for _, possible := range provisioningSteps[s] {
		if next == possible {
			return true
		}
	}
	return false
}

// Bar is why an organization's IdP is not served now.
type Bar uint8

const (
	// BarNone is none: it is served.
	BarNone Bar = iota
	// BarState is a state other than active.
	BarState
	// BarPlan is a plan that does not include SCIM.
	BarPlan
	// BarPaused is a pause: access stays, requests should come again later.
	BarPaused
)

// BarOf gives what keeps an organization's IdP out, the lasting reasons first.
func (s *Settings) BarOf(o *Organization) Bar {
	switch {
	case o.SCIM != SCIMActive:
		return BarState
	case !s.Allows(o.Plan).SCIM:
		return BarPlan
	case o.SCIMPaused:
		return BarPaused
	}
	return BarNone
}

// DeletePolicy says what becomes of a user that the IdP deletes.
type DeletePolicy uint8

const (
	// PolicyDelete keeps a deleted user for the owner to restore for a while, then forgets it.
	PolicyDelete DeletePolicy = 0
	// PolicyDeactivate keeps it until an owner erases it.
	PolicyDeactivate DeletePolicy = 1
)

var policyNames = [...]string{PolicyDelete: "delete", PolicyDeactivate: "deactivate"}

// Valid tells whether p is one of the policies.
func (p DeletePolicy) Valid() bool { return int(p) < len(policyNames) }

// String names the policy as the API does.
func (p DeletePolicy) String() string {
	if !p.Valid() {
		return "unknown"
	}
	return policyNames[p]
}

// ParseDeletePolicy reads what String gives. Errors: KindInvalid.
func ParseDeletePolicy(name string) (DeletePolicy, error) {
	for policy, known := range policyNames {
		if name == known {
			return DeletePolicy(policy), nil
		}
	}
	return PolicyDelete, Errorf(KindInvalid, "delete_policy", "delete_policy must be delete or deactivate")
}
