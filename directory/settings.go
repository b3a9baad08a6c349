package directory

// Settings are what the operator decides for every organization of a region. The zero value is usable: no plans, SCIM off
// until asked for, and only after sign-in is live.
type Settings struct {
	Plans             []Plan            // empty: every organization may use everything
	DefaultPlan       string            // the plan of organizations that name none; empty or one of Plans
	NewSCIM           ProvisioningState // of an organization whose creator does not say
	SCIMWithoutSignIn bool              // SCIM may be approved and activated before sign-in is live
	RequestRate       int               // SCIM requests per second, organization and node; 0: the default; negative: no limit
	Modified          Time
	Version           uint64
}

// Plan is what an organization may use.
type Plan struct {
	Name   string
	SignIn bool
	SCIM   bool
}

const (
	// MaxPlans bounds the plans of a region.
	MaxPlans = 50
	// DefaultRequestRate is the SCIM requests per second, organization and node, where the settings do not say.
	DefaultRequestRate = 100

	maxPlanLength  = 64
	maxRequestRate = 1_000_000
)

// Validate checks the fields that the operator chose.
func (s *Settings) Validate() error {
	if len(s.Plans) > MaxPlans {
		return Errorf(KindTooLarge, "plans", "at most %d plans", MaxPlans)
	}
	seen := make(map[string]bool, len(s.Plans))
	for _, plan := range s.Plans {
		if plan.Name == "" || len(plan.Name) > maxPlanLength {
			return Errorf(KindInvalid, "plans", "the name of a plan must have 1 to %d characters", maxPlanLength)
		}
		if seen[plan.Name] {
			return Errorf(KindInvalid, "plans", "plan %q is listed twice", plan.Name)
		}
		seen[plan.Name] = true
	}
	if s.DefaultPlan != "" && !seen[s.DefaultPlan] {
		return Errorf(KindInvalid, "default_plan", "default_plan must be one of the plans")
	}
	if !s.NewSCIM.Valid() {
		return Errorf(KindInvalid, "new_scim", "new_scim must be off, requested, approved or active")
	}
	if s.RequestRate > maxRequestRate {
		return Errorf(KindInvalid, "request_rate", "request_rate must be at most %d", maxRequestRate)
	}
	return nil
}

// Allows gives what an organization of a plan may use; the empty plan is the default plan. A plan that is not there, and
// a default that was not chosen, allow nothing; where there are no plans at all, everything is allowed.
func (s *Settings) Allows(plan string) Plan {
	if plan == "" {
		plan = s.DefaultPlan
	}
	if len(s.Plans) == 0 {
		return Plan{Name: plan, SignIn: true, SCIM: true}
	}
	for _, known := range s.Plans {
		if known.Name == plan {
			return known
		}
	}
	return Plan{Name: plan}
}

// Rate gives the SCIM requests per second, organization and node; 0 is unlimited.
func (s *Settings) Rate() int {
	switch {
	case s.RequestRate == 0:
		return DefaultRequestRate
	case s.RequestRate < 0:
		return 0
	}
	return s.RequestRate
}
