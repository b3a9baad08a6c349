package scim

import (
	"iter"
	"slices"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/scim/schema"
)

// view is an organization as of one moment, and what answering from it needs: where links point, and what its resources
// look like.
type view struct {
	base  string
	types *types
	*state.Directory
}

// shown is what of a resource a client wants to see.
type shown struct {
	// spliced answers are the stored bytes with a head in front, and decode nothing.
	spliced bool
	// members tells whether a spliced answer has members.
	members    bool
	projection [kinds]schema.Projection
}

// everything is what is shown when nothing was asked for.
func everything() shown { return shown{spliced: true, members: true} }

// shows compiles the projection of a request. Leaving out exactly the members, as Entra does with every look-up, needs no
// decoding.
func (t *types) shows(q *Query) shown {
	if t.plain && !q.projected() {
		return everything()
	}
	if t.plain && len(q.Attributes) == 0 && len(q.Excluded) == 1 && q.Excluded[0] == "members" {
		return shown{spliced: true}
	}
	s := shown{}
	whole := true
	for kind, rt := range t.of {
		s.projection[kind] = schema.NewProjection(rt, q.Attributes, q.Excluded)
		whole = whole && s.projection[kind].IsAll()
	}
	if whole {
		return everything()
	}
	return s
}

// append writes one resource.
func (s *shown) append(out []byte, v *view, r *record) ([]byte, error) {
	if s.spliced {
		return v.splice(out, r, s.members), nil
	}
	o, err := v.object(r, s.projection[r.kind].Wants)
	if err != nil {
		return out, err
	}
	return append(out, schema.Marshal(v.types.of[r.kind], s.projection[r.kind].Apply(o))...), nil
}

// splice writes, ids needing no escape as we chose them, {"id":…,"meta":…,"groups":…, and then the stored document after its brace.
func (v *view) splice(out []byte, r *record, members bool) []byte {
	out = append(out, `{"id":"`...)
	out = append(out, r.id...)
	out = append(out, `","meta":{"resourceType":"`...)
	out = append(out, r.kind.String()...)
	out = append(out, `","created":"`...)
	created := len(out)
	out = appendTime(out, r.created)
	out = append(out, `","lastModified":"`...)
	if r.modified == r.created {
		out = append(out, out[created:created+timeLength]...)
	} else {
		out = appendTime(out, r.modified)
	}
	out = append(out, `","location":"`...)
	out = v.appendLocation(out, r.kind, r.id)
	out = append(out, `","version":"W/\"`...)
	out = appendUint(out, r.version)
	out = append(out, `\""},`...)
	switch {
	case r.kind == Users && r.isNew():
	case r.kind == Users:
		out = v.spliceGroups(out, r)
	case members:
		out = append(out, `"members":[`...)
		out = v.appendLinks(out, v.members(r), "")
		out = append(out, `],`...)
	}
	return append(out, r.attributes[1:]...)
}

func (v *view) spliceGroups(out []byte, r *record) []byte {
	mark := len(out)
	out = append(out, `"groups":[`...)
	start := len(out)
	out = v.appendLinks(out, linked(v.Directory, v.GroupsOf(r.number)), "direct")
	if len(out) == start {
		return out[:mark] // not in any group
	}
	if indirect := indirectGroups(v.Directory, r.number); len(indirect) > 0 {
		out = append(out, ',')
		out = v.appendLinks(out, slices.Values(indirect), "indirect")
	}
	return append(out, `],`...)
}

// members are what a group's document lists.
func (v *view) members(r *record) iter.Seq[record] {
	if r.isNew() || r.links != nil {
		return slices.Values(r.links)
	}
	return linked(v.Directory, v.MembersOf(r.number))
}

// linked are the visible records behind the numbers of one side of a membership.
func linked(d *state.Directory, numbers iter.Seq[directory.Number]) iter.Seq[record] {
	return func(yield func(record) bool) {
		for n := range numbers {
			if r, ok := numbered(d, n); ok && !yield(r) {
				return
			}
		}
	}
}

// appendLinks writes the elements of members or groups (RFC 7643 §4.1.2, §4.2). The type of a member is its kind.
func (v *view) appendLinks(out []byte, records iter.Seq[record], label string) []byte {
	first := true
	for r := range records {
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(out, `{"value":"`...)
		out = append(out, r.id...)
		out = append(out, `","$ref":"`...)
		out = v.appendLocation(out, r.kind, r.id)
		out = append(out, `","type":"`...)
		if label == "" {
			out = append(out, r.kind.String()...)
		} else {
			out = append(out, label...)
		}
		out = append(out, `","display":`...)
		out = schema.AppendString(out, r.name())
		out = append(out, '}')
	}
	return out
}

// appendLocation writes the absolute URL of a resource. Neither base nor id needs escaping: the base is the operator's,
// the ids are ours.
func (v *view) appendLocation(out []byte, kind Kind, id directory.ResourceID) []byte {
	out = append(out, v.base...)
	out = append(out, kind.endpoint()...)
	out = append(out, '/')
	return append(out, id...)
}

func (v *view) location(r *record) string { return string(v.appendLocation(nil, r.kind, r.id)) }

// maxIndirect bounds the groups that are looked at for indirect memberships.
const maxIndirect = 1000

// indirectGroups are the groups that contain a member through other groups, nearest first. Cycles end where they began.
func indirectGroups(d *state.Directory, member directory.Number) []record {
	queue := slices.Collect(d.GroupsOf(member))
	direct := len(queue)
	seen := make(map[directory.Number]bool, direct)
	for _, n := range queue {
		seen[n] = true
	}
	var found []record
	for i := 0; i < len(queue) && i < maxIndirect; i++ {
		if r, ok := numbered(d, queue[i]); ok && i >= direct {
			found = append(found, r)
		}
		for n := range d.GroupsOf(queue[i]) {
			if !seen[n] {
				seen[n] = true
				queue = append(queue, n)
			}
		}
	}
	return found
}

// object decodes a resource and adds the parts that are kept elsewhere, where they are wanted: meta, groups, members.
func (v *view) object(r *record, wants func(attribute string) bool) (schema.Object, error) {
	o, err := schema.Decode(v.types.of[r.kind], []byte(r.attributes))
	if err != nil {
		return nil, err
	}
	o["id"] = string(r.id)
	if wants("meta") {
		o["meta"] = v.meta(r)
	}
	if r.kind == Users && !r.isNew() && wants("groups") {
		links := v.links(linked(v.Directory, v.GroupsOf(r.number)), "direct")
		if len(links) > 0 {
			indirect := v.links(slices.Values(indirectGroups(v.Directory, r.number)), "indirect")
			o["groups"] = append(links, indirect...)
		}
	}
	if r.kind == Groups && wants("members") {
		o["members"] = v.links(v.members(r), "")
	}
	return o, nil
}

func (v *view) meta(r *record) schema.Object {
	return schema.Object{
		"resourceType": r.kind.String(),
		"created":      string(appendTime(nil, r.created)),
		"lastModified": string(appendTime(nil, r.modified)),
		"location":     v.location(r),
		"version":      etag(r.version),
	}
}

func (v *view) links(records iter.Seq[record], label string) []any {
	list := []any{}
	for r := range records {
		list = append(list, v.link(&r, label))
	}
	return list
}

func (v *view) link(r *record, label string) schema.Object {
	if label == "" {
		label = r.kind.String()
	}
	return schema.Object{"value": string(r.id), "$ref": v.location(r), "type": label, "display": r.name()}
}

// head is a record as far as filters and sorts can see it without decoding its document.
func (v *view) head(r *record, wants func(attribute string) bool) schema.Object {
	o := schema.Object{"id": string(r.id)}
	if wants("meta") {
		o["meta"] = v.meta(r)
	}
	if r.group != nil {
		o["displayName"] = r.group.DisplayName
		setText(o, "externalId", r.group.ExternalID)
		return o
	}
	o["userName"], o["active"] = r.user.UserName, r.user.Active
	setText(o, "externalId", r.user.ExternalID)
	return o
}

func setText(o schema.Object, name, text string) {
	if text != "" {
		o[name] = text
	}
}

// inHead tells whether head has an attribute if the resource has it.
func inHead(kind Kind, name string) bool {
	switch name {
	case "id", "meta", "externalId":
		return true
	case "userName", "active":
		return kind == Users
	case "displayName":
		return kind == Groups
	}
	return false
}
