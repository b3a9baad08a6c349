package main

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"domicile/directory"
)

const settingsPath = "/api/v1/settings"

// settings are a region's settings as the API shows and takes them.
type settings struct {
	Plans             []plan `json:"plans"`
	DefaultPlan       string `json:"default_plan"`
	NewSCIM           string `json:"new_scim"`
	SCIMWithoutSignIn bool   `json:"scim_without_sign_in"`
	RequestRate       int    `json:"request_rate"`
	Version           uint64 `json:"version"`
}

type plan struct {
	Name   string `json:"name"`
	SignIn bool   `json:"sign_in"`
	SCIM   bool   `json:"scim"`
}

func (p plan) String() string {
	var features []string
	if p.SignIn {
		features = append(features, "sign-in")
	}
	if p.SCIM {
		features = append(features, "scim")
	}
	return p.Name + "=" + strings.Join(features, "+")
}

// parsePlan reads what String gives: NAME=sign-in+scim.
func parsePlan(text string) (plan, error) {
	name, features, ok := strings.Cut(text, "=")
	p := plan{Name: name}
	for _, feature := range strings.Split(features, "+") {
		switch feature {
		case "":
		case "sign-in":
			p.SignIn = true
		case "scim":
			p.SCIM = true
		default:
			ok = false
		}
	}
	if !ok || name == "" {
		return plan{}, usagef("--plan must be NAME=sign-in+scim, with none, one or both of sign-in and scim")
	}
	return p, nil
}

func (s *settings) sheet() sheet {
	var plans []string
	for _, p := range s.Plans {
		plans = append(plans, p.String())
	}
	rate := strconv.Itoa(s.RequestRate) + " per second"
	switch {
	case s.RequestRate == 0:
		rate = strconv.Itoa(directory.DefaultRequestRate) + " per second (the default)"
	case s.RequestRate < 0:
		rate = "no limit"
	}
	return sheet{rows: [][]string{
		{"plans", cmp.Or(strings.Join(plans, ", "), "none: every organization may use everything")},
		{"default plan", orDash(s.DefaultPlan)}, {"new scim", s.NewSCIM},
		{"scim without sign-in", yesOrNo(s.SCIMWithoutSignIn)}, {"request rate", rate},
	}}
}

func newSettingsCommand() *cobra.Command {
	t := new(target)
	return group("settings", "The settings of a region", t, newSettingsGetCommand(t), newSettingsSetCommand(t))
}

func newSettingsGetCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "get", Short: "Show the region's settings", Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			var answer settings
			if err := c.call(cmd.Context(), http.MethodGet, settingsPath, nil, &answer); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), answer, answer.sheet())
		},
	}
}

// settingsFlags are what can be chosen. Only what is given changes.
type settingsFlags struct {
	plans                []string
	defaultPlan, newSCIM string
	withoutSignIn        bool
	rate                 int
}

func (f *settingsFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.plans, "plan", nil, "a plan and what it includes, `NAME=sign-in+scim`; may be repeated; all plans at once")
	cmd.Flags().StringVar(&f.defaultPlan, "default-plan", "", "the plan of organizations that name none")
	cmd.Flags().StringVar(&f.newSCIM, "new-scim", "", "SCIM of new organizations whose maker does not say: off, requested, approved or active")
	cmd.Flags().BoolVar(&f.withoutSignIn, "scim-without-sign-in", false, "SCIM may be switched on before sign-in is live")
	cmd.Flags().IntVar(&f.rate, "request-rate", 0, "SCIM requests per second of one organization on one node; 0: 100; -1: no limit")
}

// change takes over what was given.
func (f *settingsFlags) change(cmd *cobra.Command, s *settings) error {
	given := cmd.Flags().Changed
	if given("plan") {
		s.Plans = []plan{}
		for _, text := range f.plans {
			if text == "" { // --plan= takes all away
				continue
			}
			p, err := parsePlan(text)
			if err != nil {
				return err
			}
			s.Plans = append(s.Plans, p)
		}
	}
	if given("default-plan") {
		s.DefaultPlan = f.defaultPlan
	}
	if given("new-scim") {
		s.NewSCIM = f.newSCIM
	}
	if given("scim-without-sign-in") {
		s.SCIMWithoutSignIn = f.withoutSignIn
	}
	if given("request-rate") {
		s.RequestRate = f.rate
	}
	return nil
}

func newSettingsSetCommand(t *target) *cobra.Command {
	var f settingsFlags
	cmd := &cobra.Command{
		Use: "set", Short: "Change what the flags name; the rest stays", Args: arguments(cobra.NoArgs),
		Example: "domicile settings set --plan basic=sign-in --plan business=sign-in+scim --default-plan basic",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.change(cmd, new(settings)); err != nil {
				return err // before the region is asked anything
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			var s settings
			if err := c.call(cmd.Context(), http.MethodGet, settingsPath, nil, &s); err != nil {
				return err
			}
			if err := f.change(cmd, &s); err != nil {
				return err
			}
			if err := c.call(cmd.Context(), http.MethodPut, settingsPath, s, &s); err != nil {
				return err
			}
			return t.print(cmd.OutOrStdout(), s, s.sheet())
		},
	}
	f.add(cmd)
	return cmd
}
