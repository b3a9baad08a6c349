package simulate

import (
	"encoding/json"
	"slices"
)

// groupHabits are how a provider handles groups.
type groupHabits struct {
	find      lookup
	create    func(groupState) request
	filled    bool // a new group has its members from the start
	read      bool // the group is read before it is changed
	query     []parameter
	update    func(groupChange) []request
	chunk     int  // members in one request; 0: as many operations as the server takes in a Bulk
	scattered bool // in incremental cycles each membership is a request of its own, all at once
	survey    bool // every cycle begins with a walk through all groups
}

// ref is a user as a group's member.
type ref struct{ id, name string }

// groupState is a group as a provider wants it.
type groupState struct {
	name, externalID string
	members          []ref
}

// groupChange is a group that has to be brought from what the provider believes to what it wants.
type groupChange struct {
	groupState
	id          string
	renamed     bool
	join, leave []ref
	chunk       int
}

func (c *groupChange) path() string { return groupPath(c.id) }

func core(body resource) resource {
	body["schemas"] = []string{coreGroup}
	return body
}

func bare(refs []ref) []member {
	members := []member{}
	for _, r := range refs {
		members = append(members, member{Value: r.id})
	}
	return members
}

func shown(refs []ref) []member {
	members := []member{}
	for _, r := range refs {
		members = append(members, member{Value: r.id, Display: r.name})
	}
	return members
}

// related refers to members by addresses relative to the base URL.
func related(refs []ref) []member {
	members := []member{}
	for _, r := range refs {
		members = append(members, member{Value: r.id, Ref: "Users/" + r.id})
	}
	return members
}

func filtered(id string) string { return "members[value eq " + quote(id) + "]" }

func createEntra(g groupState) request {
	return post(groups, resource{
		"schemas":    []string{coreGroup, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"},
		"externalId": g.externalID, "displayName": g.name, "meta": resource{"resourceType": "Group"}, "members": []member{},
	})
}

func createEmpty(g groupState) request {
	return post(groups, core(resource{"displayName": g.name, "members": []member{}}))
}

func createNamed(g groupState) request { return post(groups, core(resource{"displayName": g.name})) }

func createIdentified(g groupState) request {
	return post(groups, core(resource{"displayName": g.name, "externalId": g.externalID}))
}

func createFilled(g groupState) request {
	return post(groups, core(resource{"displayName": g.name, "externalId": g.externalID, "members": bare(g.members)}))
}

func createRelated(g groupState) request {
	return post(groups, core(resource{"displayName": g.name, "externalId": g.externalID, "members": related(g.members)}))
}

// nullRef is a member as Entra has it, with a reference that is null.
type nullRef struct {
	Ref   *string `json:"$ref"`
	Value string  `json:"value"`
}

func nullRefs(refs []ref) []nullRef {
	var members []nullRef
	for _, r := range refs {
		members = append(members, nullRef{Value: r.id})
	}
	return members
}

// updateEntra changes name and members by separate requests; it removes members by a list of values, which clears nothing.
func updateEntra(c groupChange) []request {
	var all []request
	if c.renamed {
		all = append(all, patch(c.path(), operation{"Replace", "displayName", c.name}))
	}
	for some := range slices.Chunk(c.join, c.chunk) {
		all = append(all, patch(c.path(), operation{"Add", "members", nullRefs(some)}))
	}
	for some := range slices.Chunk(c.leave, c.chunk) {
		all = append(all, patch(c.path(), operation{"Remove", "members", nullRefs(some)}))
	}
	return all
}

func updateEntraCompliant(c groupChange) []request {
	var all []request
	if c.renamed {
		all = append(all, patch(c.path(), operation{Op: "replace", Value: resource{"displayName": c.name}}))
	}
	for some := range slices.Chunk(c.join, c.chunk) {
		all = append(all, patch(c.path(), operation{"add", "members", nullRefs(some)}))
	}
	return append(all, removals(&c, "remove", nil)...)
}

// removals removes members by filtered paths, after what else is to be done in the first request.
func removals(c *groupChange, op string, before []operation) []request {
	var all []request
	for some := range slices.Chunk(c.leave, c.chunk) {
		ops := before
		before = nil
		for _, r := range some {
			ops = append(ops, operation{Op: op, Path: filtered(r.id)})
		}
		all = append(all, patch(c.path(), ops...))
	}
	if before != nil {
		all = append(all, patch(c.path(), before...))
	}
	return all
}

// updateOktaGroup is Group Push: the name goes along with every change, removals by filter and additions in one request.
func updateOktaGroup(c groupChange) []request {
	name := []operation{{Op: "replace", Value: resource{"id": c.id, "displayName": c.name}}}
	all := removals(&c, "remove", name)
	for i := 0; i < len(c.join); i += c.chunk {
		add := operation{"add", "members", shown(c.join[i:min(i+c.chunk, len(c.join))])}
		all = append(all, patch(c.path(), add))
	}
	return all
}

// updateOneLogin adds and removes in lower case; a new name is an operation of its own.
func updateOneLogin(c groupChange) []request {
	all := rename(&c)
	for some := range slices.Chunk(c.join, c.chunk) {
		all = append(all, patch(c.path(), operation{"add", "members", bare(some)}))
	}
	return append(all, removals(&c, "remove", nil)...)
}

// updateJumpCloud adds people who are in already once more, and removes by a list of values.
func updateJumpCloud(c groupChange) []request {
	all := rename(&c)
	again := c.join
	if len(again) > 0 && len(c.members) > 0 {
		again = append([]ref{c.members[0]}, again...)
	}
	for some := range slices.Chunk(again, c.chunk) {
		all = append(all, patch(c.path(), operation{"add", "members", bare(some)}))
	}
	for some := range slices.Chunk(c.leave, c.chunk) {
		all = append(all, patch(c.path(), operation{"remove", "members", bare(some)}))
	}
	return all
}

func rename(c *groupChange) []request {
	if !c.renamed {
		return nil
	}
	return []request{patch(c.path(), operation{"replace", "displayName", c.name})}
}

// updateAuthentik has an operation for every member.
func updateAuthentik(c groupChange) []request {
	var all []request
	if c.renamed {
		named := core(resource{"id": c.id, "displayName": c.name, "externalId": c.externalID})
		all = append(all, patch(c.path(), operation{Op: "replace", Value: named}))
	}
	var ops []operation
	for _, r := range c.join {
		ops = append(ops, operation{"add", "members", bare([]ref{r})})
	}
	for _, r := range c.leave {
		ops = append(ops, operation{"remove", "members", bare([]ref{r})})
	}
	for some := range slices.Chunk(ops, c.chunk) {
		all = append(all, patch(c.path(), some...))
	}
	return all
}

// updateKeycloakGroup replaces the members as a whole, and empties a group by removing them with a value of null.
func updateKeycloakGroup(c groupChange) []request {
	all := rename(&c)
	switch {
	case len(c.members) > 0:
		return append(all, patch(c.path(), operation{"replace", "members", related(c.members)}))
	case len(c.leave) > 0:
		return append(all, patch(c.path(), operation{"remove", "members", json.RawMessage("null")}))
	}
	return all
}

// replaceGroup sends the whole group.
func replaceGroup(c groupChange) []request {
	whole := core(resource{"id": c.id, "displayName": c.name, "members": shown(c.members)})
	if c.externalID != "" {
		whole["externalId"] = c.externalID
	}
	return []request{put(c.path(), whole)}
}
