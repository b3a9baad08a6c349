package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
)

const (
	keySize = 32 // bytes of a root key, and of every key derived from it

	// maxKeys bounds a key ring: one rotation a month for eight years.
	maxKeys = 100
)

var (
	// ErrUnknownKey says that the data was sealed with a key that this ring does not hold. The message names the key id.
	ErrUnknownKey = errors.New("sealed with an unknown key")

	// ErrNotAuthentic says that the data does not open here: it was altered, cut, or sealed for another place.
	ErrNotAuthentic = errors.New("sealed data is not authentic")
)

// keyID names a root key in everything sealed with it. It is derived from the key, so a damaged or mixed-up key file is
// noticed when it is read, not when the data no longer opens.
type keyID [4]byte

func (id keyID) String() string { return hex.EncodeToString(id[:]) }

// Keyring holds the root keys of a region: one active key that seals, and older ones that still open. It is immutable
// and safe for concurrent use. No root key ever encrypts anything itself: each purpose has its own derived key.
type Keyring struct {
	active keyID
	keys   map[keyID][keySize]byte
	rows   *Box // seals Secrets; see Seal
}

// keyringFile is the file format: {"active":"1f3c5a77","keys":{"1f3c5a77":"<32 bytes in base64>"}}.
type keyringFile struct {
	Active string            `json:"active"`
	Keys   map[string]string `json:"keys"`
}

// GenerateKeyring makes a ring of one random key.
func GenerateKeyring() *Keyring { return new(Keyring).Rotate() }

// Rotate returns a ring with a new active key and all keys of k. While nodes restart one by one, distribute the new
// ring with the old key still active first (see Activate): a node that lacks a key cannot open what others seal with it.
func (k *Keyring) Rotate() *Keyring {
	keys := maps.Clone(k.keys)
	if keys == nil {
		keys = map[keyID][keySize]byte{}
	}
	for {
		var key [keySize]byte
		_, _ = rand.Read(key[:])
		id := idOf(key)
		if _, taken := keys[id]; taken {
			continue
		}
		keys[id] = key
		return newKeyring(id, keys)
	}
}

// Activate returns a ring with the same keys that seals with the key of the given id.
func (k *Keyring) Activate(id string) (*Keyring, error) {
	for known := range k.keys {
		if known.String() == id {
			return newKeyring(known, k.keys), nil
		}
	}
	return nil, fmt.Errorf("activate key %q: not in the ring", id)
}

// ActiveID returns the id of the key that seals, 8 hex digits.
func (k *Keyring) ActiveID() string { return k.active.String() }

// ParseKeyring reads what Encode wrote. It refuses unknown fields, anything after the object, an active key that is
// missing, keys that are not 32 bytes of base64, and an id that does not belong to its key. Errors name ids, not keys.
func ParseKeyring(raw []byte) (*Keyring, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var file keyringFile
	if err := decoder.Decode(&file); err != nil {
		// The decoder's own words may quote the file, so they are not passed on.
		return nil, errors.New("parse key ring: not the JSON object {\"active\":…,\"keys\":{…}}")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("parse key ring: something follows the JSON object")
	}
	if len(file.Keys) > maxKeys {
		return nil, fmt.Errorf("parse key ring: more than %d keys", maxKeys)
	}
	keys := make(map[keyID][keySize]byte, len(file.Keys))
	for name, text := range file.Keys {
		key, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(key) != keySize {
			return nil, fmt.Errorf("parse key ring: key %q is not %d bytes of base64", name, keySize)
		}
		id := idOf([keySize]byte(key))
		if id.String() != name {
			return nil, fmt.Errorf("parse key ring: the key under id %q belongs to id %q", name, id)
		}
		keys[id] = [keySize]byte(key)
	}
	for id := range keys {
		if id.String() == file.Active {
			return newKeyring(id, keys), nil
		}
	}
	return nil, fmt.Errorf("parse key ring: active key %q is not among the keys", file.Active)
}

// LoadKeyring reads a key ring file. Like ReadSecretFile it refuses a file that other users may read.
func LoadKeyring(path string) (*Keyring, error) {
	raw, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("load key ring: %w", err)
	}
	ring, err := ParseKeyring(raw)
	if err != nil {
		return nil, fmt.Errorf("load key ring %s: %w", path, err)
	}
	return ring, nil
}

// Encode writes the ring as ParseKeyring reads it: the keys in clear text. Write it to a file of mode 0600, nowhere else.
func (k *Keyring) Encode() []byte {
	file := keyringFile{Active: k.active.String(), Keys: make(map[string]string, len(k.keys))}
	for id, key := range k.keys {
		file.Keys[id.String()] = base64.StdEncoding.EncodeToString(key[:])
	}
	raw, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		panic(err) // strings always marshal
	}
	return append(raw, '\n')
}

// Format writes only the active key's id and the number of keys, for every verb. Like LogValue it has no pointer receiver,
// so that a copied ring hides its keys too.
func (k Keyring) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "[key ring: active %s of %d]", k.active, len(k.keys))
}

// LogValue logs what Format writes.
func (k Keyring) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(k)) }

func newKeyring(active keyID, keys map[keyID][keySize]byte) *Keyring {
	k := &Keyring{active: active, keys: keys}
	k.rows = k.Box("row")
	return k
}

func idOf(key [keySize]byte) keyID { return keyID(expand(key[:], "domicile key id", len(keyID{}))) }

// expand derives n bytes from a key that is already uniformly random (HKDF-Expand, RFC 5869).
func expand(key []byte, info string, n int) []byte {
	out, err := hkdf.Expand(sha256.New, key, info, n)
	if err != nil {
		panic(err) // only for n > 255 × 32
	}
	return out
}
