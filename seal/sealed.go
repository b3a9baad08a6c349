package seal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Place says where a secret lives. A sealed secret opens only at the place it was sealed for, so a ciphertext that is
// copied into another row, organization or region is worthless there. Organization is empty for what belongs to the
// platform itself; all other parts are required.
type Place struct{ Region, Cluster, Organization, Row, Field string }

// Sealed is an encrypted Secret, safe to store and replicate: version, key id, salt, nonce, ciphertext, tag.
type Sealed []byte

// Seal encrypts a secret for one place with the active key.
func (k *Keyring) Seal(p Place, s Secret) (Sealed, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return k.rows.Seal(nil, []byte(s.Reveal()), p.bytes()), nil
}

// Open decrypts what Seal made for the same place. Errors: ErrUnknownKey, ErrNotAuthentic.
func (k *Keyring) Open(p Place, s Sealed) (Secret, error) {
	if err := p.check(); err != nil {
		return Secret{}, fmt.Errorf("open: %w", err)
	}
	text, err := k.rows.Open(nil, s, p.bytes())
	if err != nil {
		return Secret{}, fmt.Errorf("open %s of row %s: %w", p.Field, p.Row, err)
	}
	return NewSecret(string(text)), nil
}

// KeyID returns the id of the key that sealed s, or "" if s is not in our format: how to find what an old key still holds.
func (s Sealed) KeyID() string {
	id, _, _, err := splitHeader(s, boxFormat)
	if err != nil {
		return ""
	}
	return id.String()
}

// String returns "[sealed N bytes]".
func (s Sealed) String() string { return fmt.Sprintf("[sealed %d bytes]", len(s)) }

// GoString returns "[sealed N bytes]".
func (s Sealed) GoString() string { return s.String() }

// Format writes "[sealed N bytes]" for every verb and flag.
func (s Sealed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue logs "[sealed N bytes]".
func (s Sealed) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText writes "[sealed N bytes]".
func (s Sealed) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON writes "[sealed N bytes]" as a JSON string: sealed secrets leave the house in no answer.
func (s Sealed) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

func (p Place) check() error {
	if p.Region == "" || p.Cluster == "" || p.Row == "" || p.Field == "" {
		return errors.New("the place lacks a region, cluster, row or field")
	}
	return nil
}

// bytes is the place as associated data.
func (p Place) bytes() []byte {
	return joinParts("domicile place", p.Region, p.Cluster, p.Organization, p.Row, p.Field)
}

// joinParts writes each part after its length, so that no two lists of parts give the same bytes.
func joinParts(parts ...string) []byte {
	size := 0
	for _, part := range parts {
		size += 4 + len(part)
	}
	out := make([]byte, 0, size)
	for _, part := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}
