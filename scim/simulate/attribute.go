package simulate

import (
	"fmt"
	"strings"
)

// URNs of RFC 7643 and RFC 7644.
const (
	coreUser   = "urn:ietf:params:scim:schemas:core:2.0:User"
	coreGroup  = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchOp    = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// resource is a SCIM resource, or a part of one, as JSON has it.
type resource = map[string]any

// text gives an attribute of a resource that is a string, or nothing.
func text(r resource, name string) string {
	s, _ := r[name].(string)
	return s
}

// attribute is one line of a provider's attribute mapping: where a value of a person stands in a SCIM user.
type attribute struct {
	schema string // URN of the extension, empty in the core
	name   string
	label  string // of a plural attribute: the type of the value that is meant
	sub    string
	of     func(*Person) string
}

// values are what a mapping makes of one person, by the paths of the attributes. Attributes without a value are not in it.
type values map[string]string

// path is the attribute as a PATCH names it, which filters the values of a plural attribute.
func (a *attribute) path() string {
	path := a.name
	if a.schema != "" {
		path = a.schema + ":" + path
	}
	if a.label != "" {
		path += fmt.Sprintf("[type eq %q]", a.label)
	}
	if a.sub != "" {
		path += "." + a.sub
	}
	return path
}

// isActive tells whether this is the one attribute that is a boolean.
func (a *attribute) isActive() bool { return a.name == "active" }

// put writes a value into a resource.
func (a *attribute) put(r resource, value any) {
	if a.schema != "" {
		r = child(r, a.schema)
	}
	switch {
	case a.label != "":
		list, _ := r[a.name].([]any)
		element := resource{"type": a.label, a.sub: value}
		if a.name == "emails" {
			element["primary"] = true
		}
		r[a.name] = append(list, element)
	case a.sub != "":
		child(r, a.name)[a.sub] = value
	default:
		r[a.name] = value
	}
}

func child(r resource, name string) resource {
	inner, ok := r[name].(resource)
	if !ok {
		inner = make(resource)
		r[name] = inner
	}
	return inner
}

// get reads the value from a resource that a server sent; empty when there is none.
func (a *attribute) get(r resource) string {
	if a.schema != "" {
		r, _ = r[a.schema].(resource)
	}
	switch {
	case a.label != "":
		list, _ := r[a.name].([]any)
		for _, entry := range list {
			element, _ := entry.(resource)
			if strings.EqualFold(text(element, "type"), a.label) {
				return text(element, a.sub)
			}
		}
		return ""
	case a.sub != "":
		inner, _ := r[a.name].(resource)
		return text(inner, a.sub)
	}
	if active, ok := r[a.name].(bool); ok {
		return fmt.Sprint(active)
	}
	return text(r, a.name)
}

// The mappings are put together from these lists.
func identity() []attribute {
	return []attribute{
		{name: "userName", of: func(p *Person) string { return p.UserName }},
		{name: "externalId", of: func(p *Person) string { return p.ExternalID }},
		{name: "active", of: func(p *Person) string { return fmt.Sprint(p.Active) }},
		{name: "displayName", of: func(p *Person) string { return p.DisplayName() }},
		{name: "name", sub: "givenName", of: func(p *Person) string { return p.Given }},
		{name: "name", sub: "familyName", of: func(p *Person) string { return p.Family }},
	}
}

// email is the address under a label; it is always the primary one.
func email(label string) attribute {
	return attribute{name: "emails", label: label, sub: "value", of: func(p *Person) string { return p.UserName }}
}

func formatted() attribute {
	return attribute{name: "name", sub: "formatted", of: (*Person).DisplayName}
}

func profile() []attribute {
	return []attribute{
		{name: "title", of: func(p *Person) string { return p.Title }},
		{name: "phoneNumbers", label: "work", sub: "value", of: func(p *Person) string { return p.Phone }},
		{name: "phoneNumbers", label: "mobile", sub: "value", of: func(p *Person) string { return p.Mobile }},
	}
}

func locale() attribute {
	return attribute{name: "locale", of: func(p *Person) string { return p.Locale }}
}

func employment() []attribute {
	return []attribute{
		{schema: enterprise, name: "employeeNumber", of: func(p *Person) string { return p.EmployeeNumber }},
		{schema: enterprise, name: "department", of: func(p *Person) string { return p.Department }},
	}
}

func manager() attribute {
	return attribute{schema: enterprise, name: "manager", sub: "value", of: func(p *Person) string { return p.managerID }}
}

// apply gives the values of a person.
func apply(mapping []attribute, p *Person) values {
	v := make(values, len(mapping))
	for i := range mapping {
		if value := mapping[i].of(p); value != "" {
			v[mapping[i].path()] = value
		}
	}
	return v
}

// observe gives the values that a server shows.
func observe(mapping []attribute, r resource) values {
	v := make(values, len(mapping))
	for i := range mapping {
		if value := mapping[i].get(r); value != "" {
			v[mapping[i].path()] = value
		}
	}
	return v
}

// changed gives the lines of the mapping whose values differ.
func changed(mapping []attribute, is, was values) []attribute {
	var lines []attribute
	for _, a := range mapping {
		if path := a.path(); is[path] != was[path] {
			lines = append(lines, a)
		}
	}
	return lines
}
