package console

import (
	"context"
	"errors"
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/schema"
)

// PutSchema makes or replaces an extension schema of an organization. Document is the schema in the form of RFC 7643 §7;
// its id must be urn. What is there may only be widened, because values of it may be stored. The answer tells whether the
// schema is new. Errors: KindInvalid with the place in the document, KindNotFound, KindTooLarge, and KindConflict when
// stored values could lose their meaning or another schema stands in the way.
func (s *Service) PutSchema(
	ctx context.Context, actor string, org directory.OrganizationID, urn, resource string, document []byte,
) (put *directory.Schema, isNew bool, err error) {
	parsed, err := schema.ParseExtension(document)
	if err != nil {
		return nil, false, schemaRefusal(directory.KindInvalid, err)
	}
	if parsed.ID != urn {
		return nil, false, directory.Errorf(directory.KindInvalid, "id", "id must be %q, as in the address", urn)
	}
	put = &directory.Schema{URN: urn, Resource: resource, Document: string(schema.CanonicalSchema(parsed))}
	if err := put.Validate(); err != nil {
		return nil, false, err
	}
	err = untilFresh(func() error {
		d, err := s.directoryOf(ctx, org)
		if err != nil {
			return err
		}
		old, exists := d.Schema(urn)
		if err := schemaFits(d, old, parsed, resource); err != nil {
			return err
		}
		p := &command.PutSchema{URN: urn, Resource: resource, Document: put.Document}
		if exists {
			p.ExpectVersion = old.Version
		}
		result, err := s.propose(ctx, actor, org, p)
		if err != nil {
			return err
		}
		isNew = !exists
		put.Created, put.Modified, put.Version = result.Created, result.Modified, result.Version
		return nil
	})
	return put, isNew, err
}

// schemaFits checks a schema against the one that it replaces, which may be nil, and against its neighbours.
func schemaFits(d *state.Directory, old *directory.Schema, next *schema.Schema, resource string) error {
	if old != nil {
		was, err := schema.ParseExtension([]byte(old.Document))
		if err != nil {
			return &directory.Error{Kind: directory.KindInternal, Err: err}
		}
		return schemaRefusal(directory.KindConflict, schema.Widens(was, next))
	}
	for other := range d.Schemas() {
		if other.Resource != resource {
			continue
		}
		neighbour, err := schema.ParseExtension([]byte(other.Document))
		if err != nil {
			return &directory.Error{Kind: directory.KindInternal, Err: err}
		}
		if err := schema.Clash(next, neighbour); err != nil {
			return schemaRefusal(directory.KindConflict, err)
		}
	}
	return nil
}

// schemaRefusal says what scim/schema says in terms of the house; nil stays nil.
func schemaRefusal(kind directory.Kind, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*schema.Error](err); ok {
		return directory.Errorf(kind, e.Path, "%s", e.Detail)
	}
	return &directory.Error{Kind: kind, Detail: "the schema cannot be read", Err: err}
}

// GetSchema finds an extension schema. Errors: KindNotFound.
func (s *Service) GetSchema(ctx context.Context, org directory.OrganizationID, urn string) (*directory.Schema, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return nil, err
	}
	found, ok := d.Schema(urn)
	if !ok {
		return nil, directory.Errorf(directory.KindNotFound, "", "there is no schema %q", urn)
	}
	return found, nil
}

// ListSchemas gives an organization's extension schemas, by URN. Errors: KindNotFound.
func (s *Service) ListSchemas(ctx context.Context, org directory.OrganizationID) ([]*directory.Schema, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return nil, err
	}
	return slices.Collect(d.Schemas()), nil
}

// DeleteSchema removes an extension schema that no user and no group holds values of. Errors: KindNotFound, KindConflict.
func (s *Service) DeleteSchema(ctx context.Context, actor string, org directory.OrganizationID, urn string) error {
	_, err := s.propose(ctx, actor, org, &command.DeleteSchema{URN: urn})
	return err
}
