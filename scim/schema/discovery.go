package schema

// The URNs of discovery documents (RFC 7643 §8.7.2).
const (
	SchemaURN       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	ResourceTypeURN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
)

// DocumentMeta is the meta of a discovery document.
type DocumentMeta struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

// SchemaDoc is one entry of /Schemas (RFC 7643 §7), for JSON encoding.
type SchemaDoc struct {
	Schemas     []string       `json:"schemas"`
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Attributes  []AttributeDoc `json:"attributes"`
	Meta        DocumentMeta   `json:"meta"`
}

// AttributeDoc describes one attribute of a SchemaDoc.
type AttributeDoc struct {
	Name            string         `json:"name"`
	Type            string         `json:"type"`
	MultiValued     bool           `json:"multiValued"`
	Description     string         `json:"description"`
	Required        bool           `json:"required"`
	CanonicalValues []string       `json:"canonicalValues,omitempty"`
	CaseExact       bool           `json:"caseExact"`
	Mutability      string         `json:"mutability"`
	Returned        string         `json:"returned"`
	Uniqueness      string         `json:"uniqueness"`
	ReferenceTypes  []string       `json:"referenceTypes,omitempty"`
	SubAttributes   []AttributeDoc `json:"subAttributes,omitempty"`
}

// ResourceTypeDoc is one entry of /ResourceTypes (RFC 7643 §6), for JSON
// encoding.
type ResourceTypeDoc struct {
	Schemas          []string       `json:"schemas"`
	ID               string         `json:"id"`
	Name             string         `json:"name"`
	Endpoint         string         `json:"endpoint"`
	Description      string         `json:"description"`
	Schema           string         `json:"schema"`
	SchemaExtensions []ExtensionDoc `json:"schemaExtensions"`
	Meta             DocumentMeta   `json:"meta"`
}

// ExtensionDoc names one extension of a resource type.
type ExtensionDoc struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}

// SchemaDocument describes a schema; base is the SCIM base URL without a
// trailing slash.
func SchemaDocument(s *Schema, base string) SchemaDoc {
	return SchemaDoc{
		Schemas:     []string{SchemaURN},
		ID:          s.ID,
		Name:        s.Name,
		Description: s.Description,
		Attributes:  attributeDocs(s.Attributes),
		Meta:        DocumentMeta{ResourceType: "Schema", Location: base + "/Schemas/" + s.ID},
	}
}

// ResourceTypeDocument describes a resource type; base is the SCIM base URL
// without a trailing slash.
func ResourceTypeDocument(rt *ResourceType, base string) ResourceTypeDoc {
	doc := ResourceTypeDoc{
		Schemas:          []string{ResourceTypeURN},
		ID:               rt.Name,
		Name:             rt.Name,
		Endpoint:         rt.Endpoint,
		Description:      rt.Description,
		Schema:           rt.Core.ID,
		SchemaExtensions: []ExtensionDoc{},
		Meta:             DocumentMeta{ResourceType: "ResourceType", Location: base + "/ResourceTypes/" + rt.Name},
	}
	for _, e := range rt.Extensions {
		doc.SchemaExtensions = append(doc.SchemaExtensions, ExtensionDoc{Schema: e.Schema.ID, Required: e.Required})
	}
	return doc
}

func attributeDocs(list []Attribute) []AttributeDoc {
	docs := make([]AttributeDoc, len(list))
	for i := range list {
		a := &list[i]
		docs[i] = AttributeDoc{
			Name:            a.Name,
			Type:            a.Type.String(),
			MultiValued:     a.MultiValued,
			Description:     a.Description,
			Required:        a.Required,
			CanonicalValues: a.CanonicalValues,
			CaseExact:       a.CaseExact,
			Mutability:      a.Mutability.String(),
			Returned:        a.Returned.String(),
			Uniqueness:      a.Uniqueness.String(),
			ReferenceTypes:  a.ReferenceTypes,
			SubAttributes:   attributeDocs(a.SubAttributes),
		}
	}
	return docs
}
