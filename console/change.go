package console

import (
	"reflect"
	"slices"
	"time"

	"domicile/directory"
)

// Change is one field that a connection request would change. From and To are texts, numbers, truths, or lists of texts;
// nil is nothing. Of a secret they say that there is one, never what it is.
type Change struct {
	Field string
	From  any
	To    any
}

// changesOf lists what putting a request in force would change. Of the organization's domains only those count that would come to
// it, once they are proved: putting a request in force takes none away.
func changesOf(request *directory.ConnectionRequest, active *directory.Connection, org *directory.Organization) []Change {
	next := request.Registration()
	next.Enabled = true
	if active == nil {
		active = new(directory.Connection)
	} else if active.SameProof(next) && len(next.ClientSecret) == 0 && next.SecretExpires == 0 {
		next.SecretExpires = active.SecretExpires
	}
	domains := slices.Clone(org.Domains)
	for _, name := range request.Domains {
		if !slices.Contains(domains, name) {
			domains = append(domains, name)
		}
	}
	was, wanted := fieldsOfConnection(active), fieldsOfConnection(next)
	was = append(was, fieldsOfOrganization(org.Domains, org.BreakGlass, org.Phone)...)
	wanted = append(wanted, fieldsOfOrganization(domains, request.BreakGlass, request.Phone)...)
	var changes []Change
	for i := range was {
		if from, to := was[i].value, wanted[i].value; !reflect.DeepEqual(from, to) {
			changes = append(changes, Change{was[i].name, from, to})
		}
		if was[i].name == "client_id" && len(request.ClientSecret) > 0 {
			changes = append(changes, Change{"client_secret", nil, "changed"})
		}
	}
	return changes
}

// field is a field by its name in the API, with its value as Change shows it.
type field struct {
	name  string
	value any
}

func fieldsOfConnection(c *directory.Connection) []field {
	return []field{
		{"issuer", shown(c.Issuer)},
		{"client_id", shown(c.ClientID)},
		{"client_secret_expires_at", shownTime(c.SecretExpires)},
		{"auth_method", shown(string(c.AuthMethod))},
		{"scopes", shownList(c.Scopes)},
		{"response_mode", shown(string(c.ResponseMode))},
		{"prompt", shown(c.Prompt)},
		{"max_age", shown(c.MaxAge)},
		{"acr_values", shownList(c.ACRValues)},
		{"shared_redirect", c.SharedRedirect},
		{"just_in_time", c.JustInTime},
		{"domains", shownList(c.Domains)},
		{"enabled", c.Enabled},
	}
}

func fieldsOfOrganization(domains, breakGlass []string, phone directory.PhonePolicy) []field {
	return []field{
		{"organization.domains", shownList(domains)},
		{"break_glass", shownList(breakGlass)},
		{"phone.may_change", phone.MayChange},
		{"phone.must_confirm", phone.MustConfirm},
	}
}

// shown gives a value, and nil for none.
func shown[T comparable](value T) any {
	if value == *new(T) {
		return nil
	}
	return value
}

func shownList(list []string) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

func shownTime(t directory.Time) any {
	if t == 0 {
		return nil
	}
	return time.UnixMicro(int64(t)).UTC().Format(time.RFC3339)
}
