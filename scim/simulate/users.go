package simulate

// peopleHabits are how a provider handles users.
type peopleHabits struct {
	mapping    []attribute
	externalID func(seed uint64, key int) string
	active     func(bool) any // the boolean, as a whole user carries it
	blanks     bool           // attributes without a value are sent as ""
	dress      func(resource) // what stands around the mapped attributes of a whole user
	find       lookup
	read       reading
	update     func(userChange) []request
	keeps      bool // users are never deleted
	clears     bool // an attribute that loses its value loses it at the server, too
	survey     bool // every cycle begins with a walk through all users
}

// lookup is how a provider finds out whether an object is there already.
type lookup struct {
	by       string      // the attribute that is compared
	operator string      // in a filter; empty: no filter, the whole list is read
	query    []parameter // goes along
	first    bool        // asked before every create; otherwise only when a create was refused or cut off
	count    int         // page size of lists
}

// ask is the request that looks one value up; not for providers that read the list.
func (l *lookup) ask(path, value string) request {
	r := get(path, l.query...)
	filter := parameter{"filter", l.by + " " + l.operator + " " + quote(value)}
	r.query = append([]parameter{filter}, r.query...)
	return r
}

// reading is what a provider reads of an object before it changes it.
type reading int

const (
	readsNothing reading = iota
	readsByID
	readsByLookup
)

// userChange is a user that has to be brought from what the provider believes to what it wants.
type userChange struct {
	habits  *peopleHabits
	id      string
	is, was values
}

// whole is the user as a POST or PUT carries it.
func (h *peopleHabits) whole(v values) resource {
	r := make(resource)
	for i := range h.mapping {
		a := &h.mapping[i]
		value := v[a.path()]
		switch {
		case a.isActive():
			a.put(r, h.active(value == "true"))
		case value != "" || h.blanks:
			a.put(r, value)
		}
	}
	h.dress(r)
	return r
}

func (u *userChange) changed() []attribute { return changed(u.habits.mapping, u.is, u.was) }

func (u *userChange) value(a *attribute) string { return u.is[a.path()] }

// A boolean, as people and as JSON have it.
func realBoolean(b bool) any { return b }

func stringBoolean(b bool) any {
	if b {
		return "true"
	}
	return "false"
}

// replaceUser sends the whole user.
func replaceUser(u userChange) []request {
	whole := u.habits.whole(u.is)
	whole["id"] = u.id
	return []request{put(userPath(u.id), whole)}
}

// replaceTemplate is replaceUser from a template that knows no id, with the question mark that its engine leaves behind.
func replaceTemplate(u userChange) []request {
	r := put(userPath(u.id), u.habits.whole(u.is))
	r.suffix = "?"
	return []request{r}
}

// patchByPath sends one operation for each attribute, with real booleans.
func patchByPath(u userChange) []request {
	var ops []operation
	for _, a := range u.changed() {
		switch value := u.value(&a); {
		case a.isActive():
			ops = append(ops, operation{"replace", a.path(), value == "true"})
		case value == "":
			ops = append(ops, operation{Op: "remove", Path: a.path()})
		default:
			ops = append(ops, operation{"replace", a.path(), value})
		}
	}
	return []request{patch(userPath(u.id), ops...)}
}

// patchDefault is Entra without the flag: capitalized operations, one each, and strings for booleans.
func patchDefault(u userChange) []request {
	var ops []operation
	for _, a := range u.changed() {
		path, value := entraPath(&a), u.value(&a)
		switch was := u.was[a.path()]; {
		case a.isActive() && value == "true":
			ops = append(ops, operation{"Replace", path, "True"})
		case a.isActive():
			ops = append(ops, operation{"Replace", path, "False"})
		case value == "":
			ops = append(ops, operation{Op: "Remove", Path: path})
		case was == "":
			ops = append(ops, operation{"Add", path, value})
		default:
			ops = append(ops, operation{"Replace", path, value})
		}
	}
	return []request{patch(userPath(u.id), ops...)}
}

// patchCompliant is Entra with aadOptscim062020: lower case, real booleans, filtered paths by themselves and all else as
// the keys of one object without a path.
func patchCompliant(u userChange) []request {
	var ops []operation
	keys := make(resource)
	for _, a := range u.changed() {
		path, value := entraPath(&a), u.value(&a)
		switch was := u.was[a.path()]; {
		case a.isActive():
			ops = append(ops, operation{"replace", path, value == "true"})
		case value == "":
			ops = append(ops, operation{Op: "remove", Path: path})
		case was == "" || a.name == "manager":
			ops = append(ops, operation{"add", path, value})
		case a.label != "":
			ops = append(ops, operation{"replace", path, value})
		default:
			keys[path] = value
		}
	}
	if len(keys) > 0 {
		ops = append(ops, operation{Op: "replace", Value: keys})
	}
	return []request{patch(userPath(u.id), ops...)}
}

// entraPath names the manager itself, whose id is sent as a bare string.
func entraPath(a *attribute) string {
	if a.name == "manager" {
		whole := attribute{schema: a.schema, name: a.name}
		return whole.path()
	}
	return a.path()
}

// updateOkta patches the status and puts the profile.
func updateOkta(u userChange) []request {
	var all []request
	profile := false
	for _, a := range u.changed() {
		if !a.isActive() {
			profile = true
			continue
		}
		status := resource{"active": u.value(&a) == "true"}
		all = append(all, patch(userPath(u.id), operation{Op: "replace", Value: status}))
	}
	if profile {
		all = append(all, replaceUser(u)...)
	}
	return all
}

// updateKeycloak puts the user; where only the status changed it patches that, as a string.
func updateKeycloak(u userChange) []request {
	if lines := u.changed(); len(lines) == 1 && lines[0].isActive() {
		return []request{patch(userPath(u.id), operation{"replace", "active", stringBoolean(u.value(&lines[0]) == "true")})}
	}
	return replaceUser(u)
}
