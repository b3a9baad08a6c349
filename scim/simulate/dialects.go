package simulate

import (
	"fmt"
	"slices"
	"time"
)

// Dialect is an identity provider's way of speaking SCIM.
type Dialect struct {
	Name  string // for the command line
	Title string // what its makers call it
	Known string // what it is known for among those who write servers
	// Concurrency is how many requests it has under way. No provider documents a number; these are what the shape of its
	// traffic suggests.
	Concurrency int

	manner manner
	probe  func(domain string) []trial
	people peopleHabits
	groups *groupHabits // nil: users only
}

// Groups tells whether the provider pushes groups at all.
func (d *Dialect) Groups() bool { return d.groups != nil }

// Find gives the dialect of a name.
func Find(name string) (Dialect, bool) {
	all := Dialects()
	i := slices.IndexFunc(all, func(d Dialect) bool { return d.Name == name })
	if i < 0 {
		return Dialect{}, false
	}
	return all[i], true
}

// Dialects is the table of all identity providers, the most used first.
func Dialects() []Dialect {
	return []Dialect{
		entra(), entraCompliant(), okta(), oktaWizard(), oneLogin(), jumpCloud(), google(), keycloak(), authentik(), auth0(),
		ping(), pocketID(),
	}
}

const (
	mediaSCIM = "application/scim+json"
	mediaJSON = "application/json"
	withUTF8  = "; charset=utf-8"
)

// patient is the manner of those whose time-outs and retries nobody documents.
func patient(agent string) manner {
	return manner{
		agent: agent, accept: mediaSCIM, contentType: mediaSCIM, timeout: 30 * time.Second, tries: 4, wait: 500 * time.Millisecond,
	}
}

// External ids, by seed and key. Groups have negative keys.
func guid(seed uint64, key int) string {
	d := roll(seed, uint64(key))
	high, low := d.next(), d.next()
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", high>>32, high>>16&0xffff, high&0xfff, low>>52, low&0xffffffffffff)
}

func prefixed(prefix string) func(uint64, int) string {
	return func(seed uint64, key int) string {
		return fmt.Sprintf("%s%016x", prefix, roll(seed, uint64(key)).next())
	}
}

func schemas(urns ...string) func(resource) {
	return func(r resource) { r["schemas"] = urns }
}

func entra() Dialect {
	m := patient("")
	m.contentType, m.plus = mediaSCIM+withUTF8, true
	return Dialect{
		Name: "entra", Title: "Microsoft Entra ID, as a new application is set up", Concurrency: 16,
		Known: "capitalized operations, \"False\" for false, filtered paths for values that are not there yet, no User-Agent, " +
			"members removed by a list of values, every membership a PATCH of its own; asks before it creates, reads before it changes",
		manner: m, probe: probeEntra,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{formatted(), email("work")}, profile(), employment(), []attribute{manager()}),
			externalID: guid, active: realBoolean, dress: dressEntra, read: readsByID, update: patchDefault,
			find: lookup{by: "userName", operator: "eq", first: true},
		},
		groups: &groupHabits{
			find: lookup{by: "displayName", operator: "eq", first: true, query: []parameter{{"excludedAttributes", "members"}}},
			read: true, query: []parameter{{"excludedAttributes", "members"}},
			create: createEntra, update: updateEntra, chunk: 100, scattered: true,
		},
	}
}

func dressEntra(r resource) {
	r["schemas"] = []string{coreUser, enterprise}
	r["meta"] = resource{"resourceType": "User"}
	r["roles"] = []any{}
}

func entraCompliant() Dialect {
	d := entra()
	d.Name, d.Title = "entra-compliant", "Microsoft Entra ID with aadOptscim062020 in the tenant URL"
	d.Known = "lower-case operations, real booleans, one object without a path whose keys are dotted names and URNs, " +
		"members removed by a filtered path"
	d.people.update = patchCompliant
	d.groups.update = updateEntraCompliant
	return d
}

func okta() Dialect {
	return Dialect{
		Name: "okta", Title: "Okta, catalog application", Concurrency: 8,
		Known: "a placeholder password on every create, PUT for the profile but a PATCH without a path for the status, never " +
			"deletes a user, Group Push with the name in every change, imports page by page, Retry-After in whole seconds only",
		manner: manner{
			agent: "Okta SCIM Client 1.0.0", accept: mediaSCIM, contentType: mediaSCIM + withUTF8, always: true,
			headers: []parameter{{"Accept-Charset", "utf-8"}, {"Accept-Encoding", "gzip,deflate"}},
			timeout: 60 * time.Second, tries: 10, wait: 500 * time.Millisecond, stall: 5 * time.Minute,
		},
		probe: probeOkta,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{email("work"), locale()}, profile(), employment()),
			externalID: prefixed("00u"), active: realBoolean, dress: dressOkta, update: updateOkta,
			find:  lookup{by: "userName", operator: "eq", first: true, query: page(1, 100), count: 100},
			keeps: true, clears: true, survey: true,
		},
		groups: &groupHabits{
			find:   lookup{by: "displayName", operator: "eq", first: true, query: page(1, 100), count: 100},
			create: createEmpty, update: updateOktaGroup, chunk: 100, survey: true,
		},
	}
}

func dressOkta(r resource) {
	r["schemas"] = []string{coreUser, enterprise}
	r["groups"] = []any{}
	r["password"] = "1mz050nq"
}

func oktaWizard() Dialect {
	d := okta()
	d.Name, d.Title = "okta-wizard", "Okta, application from the integration wizard"
	d.Known = "GET then PUT of the whole user for everything, deactivation included, and of the whole group with all its members"
	d.people.update, d.people.read = replaceUser, readsByID
	d.groups.update, d.groups.read = replaceGroup, true
	return d
}

func oneLogin() Dialect {
	m := patient("")
	m.accept, m.contentType, m.plus = mediaJSON, mediaJSON, true
	return Dialect{
		Name: "onelogin", Title: "OneLogin, SCIM v2 with a JSON template", Concurrency: 8,
		Known: "a template with \"true\" for true, \"\" for nothing, id null and schema URNs of SCIM 1; plain application/json, " +
			"a dangling ? after PUT, lists all groups first",
		manner: m, probe: probeOneLogin,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{email("work")}, profile(), employment(), []attribute{manager()}),
			externalID: prefixed(""), active: stringBoolean, blanks: true, dress: dressOneLogin, read: readsByID,
			update: replaceTemplate, clears: true,
			find: lookup{by: "userName", operator: "eq", first: true, count: 100},
		},
		groups: &groupHabits{
			find: lookup{by: "displayName", count: 100}, create: createNamed, update: updateOneLogin, chunk: 100, survey: true,
		},
	}
}

func dressOneLogin(r resource) {
	r["schemas"] = []string{"urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"}
	r["id"] = nil
}

func jumpCloud() Dialect {
	return Dialect{
		Name: "jumpcloud", Title: "JumpCloud, custom SCIM", Concurrency: 8,
		Known: "a connection test that makes and deletes a user and a group, one operation for each attribute, adds members " +
			"who are in already, deactivates before it deletes",
		manner: patient("JumpCloud"), probe: probeJumpCloud,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{email("work")}, profile(), employment()),
			externalID: prefixed("jc-"), active: realBoolean, dress: schemas(coreUser, enterprise), update: patchByPath,
			find: lookup{by: "userName", operator: "eq", first: true},
		},
		groups: &groupHabits{
			find:   lookup{by: "displayName", operator: "eq", first: true},
			create: createEmpty, update: updateJumpCloud, chunk: 100,
		},
	}
}

func google() Dialect {
	return Dialect{
		Name: "google", Title: "Google Workspace, catalog application", Concurrency: 4,
		Known:  "users only: no groups at all",
		manner: patient("Google-Auto-Provisioning"), probe: probeGoogle,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{email("work")}, profile()),
			externalID: prefixed("1"), active: realBoolean, dress: schemas(coreUser), update: patchByPath,
			find: lookup{by: "userName", operator: "eq", first: true},
		},
	}
}

func keycloak() Dialect {
	return Dialect{
		Name: "keycloak", Title: "Keycloak with a SCIM client extension", Concurrency: 8,
		Known: "does not ask before it creates, \"true\" as a string in PATCH, relative references in members, replaces all " +
			"members at once, gives up after 5 seconds and tries up to ten times",
		manner: manner{
			agent: "Apache-HttpClient/4.5.14 (Java/21)", accept: mediaSCIM, contentType: mediaSCIM, plus: true,
			timeout: 5 * time.Second, tries: 10, wait: 500 * time.Millisecond, deaf: true,
		},
		probe: probeConfiguration,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{email("work")}),
			externalID: guid, active: realBoolean, dress: schemas(coreUser), update: updateKeycloak,
			find: lookup{by: "userName", count: 100},
		},
		groups: &groupHabits{
			find: lookup{by: "displayName", count: 100}, create: createRelated, filled: true, update: updateKeycloakGroup, chunk: 100,
		},
	}
}

func authentik() Dialect {
	m := patient("goauthentik.io")
	m.accept, m.contentType = "*/*", mediaJSON
	return Dialect{
		Name: "authentik", Title: "authentik, SCIM provider", Concurrency: 8,
		Known: "reads ServiceProviderConfig first and believes it, e-mail of type \"other\", looks up only after a 409, one " +
			"operation for each member, schemas inside the value of a PATCH, compares the group's members before it adds",
		manner: m, probe: probeConfiguration,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{formatted(), email("other")}),
			externalID: guid, active: realBoolean, dress: schemas(coreUser), update: replaceUser,
			find: lookup{by: "userName", operator: "eq"},
		},
		groups: &groupHabits{
			find: lookup{by: "displayName", operator: "eq"}, read: true, create: createIdentified, update: updateAuthentik,
		},
	}
}

func auth0() Dialect {
	return Dialect{
		Name: "auth0", Title: "Auth0, outbound SCIM event stream", Concurrency: 8,
		Known: "gives up after 1.5 seconds, tries once more after 250 ms whatever Retry-After says, then delivers the event " +
			"again later; finds users by externalId only; no groups; Content-Type on requests without a body",
		manner: manner{
			agent: "node", accept: mediaSCIM, contentType: mediaSCIM, always: true, timeout: 1500 * time.Millisecond, tries: 2,
			wait: 250 * time.Millisecond, deaf: true,
		},
		probe: probeAuth0,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{formatted(), email("work")}, profile()),
			externalID: prefixed("auth0|"), active: realBoolean, dress: schemas(coreUser), read: readsByLookup,
			update: replaceUser, clears: true,
			find: lookup{by: "externalId", operator: "eq"},
		},
	}
}

func ping() Dialect {
	return Dialect{
		Name: "ping", Title: "PingFederate, SCIM provisioner", Concurrency: 4,
		Known:  "capitalized operators in filters, PUT for everything, finds a group by listing all groups",
		manner: patient("PingFederate"), probe: probePing,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{email("work")}, profile(), employment()),
			externalID: prefixed(""), active: realBoolean, dress: schemas(coreUser, enterprise), update: replaceUser, clears: true,
			find: lookup{by: "userName", operator: "Eq", first: true},
		},
		groups: &groupHabits{
			find: lookup{by: "displayName", first: true, count: 100}, create: createEmpty, update: replaceGroup, chunk: 100,
		},
	}
}

func pocketID() Dialect {
	return Dialect{
		Name: "pocket-id", Title: "Pocket ID", Concurrency: 1,
		Known: "reads everything in pages of 1,000 before each cycle and compares by externalId; PUT; the real one deletes " +
			"whatever it does not know, this one only what is its own",
		manner: patient("pocket-id"), probe: probePocketID,
		people: peopleHabits{
			mapping:    slices.Concat(identity(), []attribute{email("work")}),
			externalID: guid, active: realBoolean, dress: schemas(coreUser), update: replaceUser,
			find: lookup{by: "externalId", count: 1000}, survey: true,
		},
		groups: &groupHabits{
			find: lookup{by: "externalId", count: 1000}, create: createFilled, filled: true, update: replaceGroup, survey: true,
		},
	}
}
