package oidctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// claim is one member of a payload. Payloads are lists, not maps, because some
// faults need the same name twice.
type claim struct {
	name  string
	value any
}

type claims []claim

func (c *claims) set(name string, value any) {
	for i := range *c {
		if (*c)[i].name == name {
			(*c)[i].value = value
			return
		}
	}
	c.add(name, value)
}

func (c *claims) add(name string, value any) { *c = append(*c, claim{name, value}) }

func (c *claims) remove(name string) {
	*c = slices.DeleteFunc(*c, func(m claim) bool { return m.name == name })
}

// MarshalJSON writes the members in order, duplicates included.
func (c claims) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range c {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("claim %s: %w", m.name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// claimFault changes a correct payload into the wrong one.
type claimFault struct {
	fault Fault
	apply func(c *claims, now time.Time, client, foreign string)
}

// claimFaults is applied in order. Times are unix seconds.
func claimFaults() []claimFault {
	set := func(name string, value any) func(*claims, time.Time, string, string) {
		return func(c *claims, _ time.Time, _, _ string) { c.set(name, value) }
	}
	drop := func(names ...string) func(*claims, time.Time, string, string) {
		return func(c *claims, _ time.Time, _, _ string) {
			for _, name := range names {
				c.remove(name)
			}
		}
	}
	at := func(name string, offset time.Duration) func(*claims, time.Time, string, string) {
		return func(c *claims, now time.Time, _, _ string) { c.set(name, now.Add(offset).Unix()) }
	}
	return []claimFault{
		{IssWrong, func(c *claims, _ time.Time, _, foreign string) { c.set("iss", foreign) }},
		{IssSlash, func(c *claims, _ time.Time, _, _ string) { c.set("iss", toggleSlash(c.text("iss"))) }},
		{IssCase, func(c *claims, _ time.Time, _, _ string) {
			scheme, rest, _ := strings.Cut(c.text("iss"), ":")
			c.set("iss", strings.ToUpper(scheme)+":"+rest)
		}},
		{AudOther, set("aud", "another-client")},
		{AudMissing, drop("aud")},
		{AudArray, func(c *claims, _ time.Time, client, _ string) { c.set("aud", []string{client, "another-client"}) }},
		{AzpForeign, set("azp", "another-client")},
		{NonceMissing, drop("nonce")},
		{NonceOther, set("nonce", "a-nonce-of-somebody-else")},
		{IatMissing, drop("iat")},
		{IatFuture, at("iat", time.Hour)},
		{IatOld, at("iat", -48*time.Hour)},
		{ExpMissing, drop("exp")},
		{ExpPast, at("exp", -time.Hour)},
		{NbfFuture, at("nbf", time.Hour)},
		{AuthTimeMissing, drop("auth_time")},
		{AuthTimeOld, at("auth_time", -48*time.Hour)},
		{SubMissing, drop("sub")},
		{SubEmpty, set("sub", "")},
		{SubLong, set("sub", strings.Repeat("s", 300))},
		{SubNumber, set("sub", 42)},
		{SubOther, set("sub", "another-subject")},
		{AtHashWrong, set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
		{CHashWrong, set("c_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
		{EventsClaim, set("events", map[string]any{logoutEvent: map[string]any{}})},
		{DuplicateClaims, func(c *claims, _ time.Time, _, _ string) { c.add("sub", "another-subject") }},
		{CaseFoldedClaims, func(c *claims, _ time.Time, _, foreign string) {
			c.add("SUB", "another-subject")
			c.add("ISS", foreign)
			c.add("\u017fub", "another-subject") // folds to "sub"
		}},
		{EmailVerifiedString, set("email_verified", "true")},
		{EmailVerifiedFalse, set("email_verified", false)},
		{BigToken, set("pad", strings.Repeat("x", 256<<10))},
		{ThinToken, drop("email", "email_verified", "name", "preferred_username")},
	}
}

// text is the string value of a claim, "" if it has none.
func (c claims) text(name string) string {
	for _, m := range c {
		if m.name == name {
			s, _ := m.value.(string)
			return s
		}
	}
	return ""
}

// wrong applies the scripted claim faults.
func (p *Provider) wrong(c *claims, client string) {
	for _, f := range claimFaults() {
		if p.fails(f.fault) {
			f.apply(c, p.now(), client, p.foreign())
		}
	}
}

// profile is what the scopes allow to say about the user.
func profile(u User, scopes []string) claims {
	var c claims
	if slices.Contains(scopes, "email") && u.Email != "" {
		c.add("email", u.Email)
		c.add("email_verified", u.EmailVerified)
	}
	if slices.Contains(scopes, "profile") {
		if u.Name != "" {
			c.add("name", u.Name)
		}
		if u.Email != "" {
			c.add("preferred_username", u.Email)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.Claims)) {
		c.set(name, u.Claims[name])
	}
	return c
}
