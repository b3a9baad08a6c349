package state

import (
	"iter"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Schemas iterates over the extension schemas by URN.
func (d *Directory) Schemas() iter.Seq[*directory.Schema] { return d.schemas.all() }

// SchemaCount counts the extension schemas.
func (d *Directory) SchemaCount() int { return d.schemas.Len() }

// Schema finds an extension schema by its URN, as it is written.
func (d *Directory) Schema(urn string) (*directory.Schema, bool) {
	return d.schemas.Get(&directory.Schema{URN: urn})
}

// SchemasVersion gives the newest seq at which any schema was put or deleted, 0 for never.
func (d *Directory) SchemasVersion() uint64 { return d.schemasVersion }

func lessSchema(a, b *directory.Schema) bool { return a.URN < b.URN }

// PutSchema adds or replaces a schema.
func (d *Directory) PutSchema(schema *directory.Schema) {
	d.schemas.Set(schema)
	d.schemasVersion = max(d.schemasVersion, schema.Version)
}

// DeleteSchema removes a schema with the command of this seq.
func (d *Directory) DeleteSchema(schema *directory.Schema, seq uint64) {
	d.schemas.Delete(schema)
	d.schemasVersion = seq
}

func encodeSchema(w *wire.Writer, s *directory.Schema) {
	w.Text(s.URN)
	w.Text(s.Resource)
	w.Text(s.Document)
	w.Int(int64(s.Created))
	w.Int(int64(s.Modified))
	w.Uint(s.Version)
}

func decodeSchema(r *wire.Reader) *directory.Schema {
	return &directory.Schema{
		URN:      r.Text(),
		Resource: r.Text(),
		Document: r.Text(),
		Created:  directory.Time(r.Int()),
		Modified: directory.Time(r.Int()),
		Version:  r.Uint(),
	}
}
