package scim

import (
	"fmt"
	"strings"
	"sync"
	"unicode"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/scim/schema"
)

// types are the resource types of an organization: those of the RFCs with the extension schemas that it defined. They are
// immutable.
type types struct {
	version uint64 // state.Directory.SchemasVersion
	of      [kinds]*schema.ResourceType
	// plain tells that a stored document is what is shown of it when nothing was asked for.
	plain bool
	// secrets are the names, folded, of attributes that are never shown. They are few.
	secrets map[string]bool
}

func newTypes(version uint64, of [kinds]*schema.ResourceType) *types {
	t := &types{version: version, of: of, plain: true, secrets: make(map[string]bool)}
	for _, rt := range of {
		t.plain = t.plain && schema.NewProjection(rt, nil, nil).IsAll()
		t.hide(rt.Core.Attributes)
		for _, extension := range rt.Extensions {
			t.hide(extension.Schema.Attributes)
		}
	}
	return t
}

func (t *types) hide(attributes []schema.Attribute) {
	for i := range attributes {
		a := &attributes[i]
		if a.Returned == schema.ReturnedNever || a.Mutability == schema.WriteOnly {
			t.secrets[schema.Fold(a.Name)] = true
		}
		t.hide(a.SubAttributes)
	}
}

// secret tells whether a name, a path or a filter names an attribute that is never shown.
func (t *types) secret(text string) bool {
	apart := func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' && c != '-' && c != '$'
	}
	for word := range strings.FieldsFuncSeq(text, apart) {
		if t.secrets[schema.Fold(word)] {
			return true
		}
	}
	return false
}

// maxDocument bounds a stored document: a resource is not a file store.
const maxDocument = 256 << 10

// encode gives the stored form of a resource.
func (t *types) encode(kind Kind, o schema.Object) (string, error) {
	document := schema.Encode(t.of[kind], o)
	if len(document) > maxDocument {
		return "", directory.Errorf(directory.KindTooLarge, "", "the %s would have %d bytes; at most %d are kept", kind, len(document), maxDocument)
	}
	return string(document), nil
}

// maxTypes is how many organizations' types are kept; making them again takes well under a millisecond.
const maxTypes = 1000

// typeCache keeps the types of organizations that defined schemas. All others share the standard ones.
type typeCache struct {
	standard *types

	mu   sync.RWMutex // guards what follows
	made map[directory.OrganizationID]*types
}

func newTypeCache() typeCache {
	return typeCache{
		standard: newTypes(0, [kinds]*schema.ResourceType{Users: schema.User(), Groups: schema.Group()}),
		made:     make(map[directory.OrganizationID]*types),
	}
}

func (c *typeCache) isStandard(rt *schema.ResourceType) bool {
	return rt == c.standard.of[Users] || rt == c.standard.of[Groups]
}

// get gives an organization's types as of one moment. The error is a fault: the ledger has a schema that cannot be read.
func (c *typeCache) get(d *state.Directory) (*types, error) {
	if d.SchemaCount() == 0 {
		return c.standard, nil
	}
	org, version := d.Organization().ID, d.SchemasVersion()
	c.mu.RLock()
	t := c.made[org]
	c.mu.RUnlock()
	if t != nil && t.version == version {
		return t, nil
	}
	t, err := c.make(d)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := c.made[org]; have == nil || have.version < version {
		if len(c.made) >= maxTypes {
			clear(c.made)
		}
		c.made[org] = t
	}
	return t, nil
}

func (c *typeCache) make(d *state.Directory) (*types, error) {
	of := c.standard.of
	for stored := range d.Schemas() {
		extension, err := schema.ParseExtension([]byte(stored.Document))
		if err != nil {
			return nil, fmt.Errorf("schema %s of organization %s: %w", stored.URN, d.Organization().ID,
				directory.Errorf(directory.KindInternal, "", "%v", err))
		}
		for kind := range of {
			if Kind(kind).String() == stored.Resource {
				of[kind] = of[kind].With(schema.Extension{Schema: extension})
			}
		}
	}
	return newTypes(d.SchemasVersion(), of), nil
}
