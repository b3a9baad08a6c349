package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	boxFormat    = 1 // first byte of what Box.Seal makes
	streamFormat = 2 // first byte of what a stream writer makes

	saltSize   = 32
	nonceSize  = 12
	tagSize    = 16
	headerSize = 1 + len(keyID{}) + saltSize

	// Overhead is how many bytes Box.Seal adds to a plaintext.
	Overhead = headerSize + nonceSize + tagSize

	// saltMessages is how many messages share a salt, and so a key. Random 96-bit nonces under one key then collide with
	// a probability of 2^-49; a salt costs 32 random bytes and a derivation, a few microseconds.
	saltMessages = 1 << 24

	// maxOpeners bounds the derived keys that a Box remembers for opening. Each is about 1 KB.
	maxOpeners = 256
)

// header is format, key id and salt: all that is needed to derive the key of a message or stream.
type header [headerSize]byte

// Box encrypts and authenticates bytes for one purpose and identity (AES-256-GCM). What one Box seals, another opens only
// if it has the same purpose and identity and a ring that holds the key. Safe for concurrent use. A Box lives as long as
// its owner: it draws a random salt when it is made, and remembers the keys it derived.
type Box struct {
	active  keyID
	keys    map[keyID][]byte // derived for this purpose and identity
	sealing atomic.Pointer[sealer]
	limit   int64 // messages per salt

	mu      sync.RWMutex
	openers map[header]cipher.AEAD // keys of messages that were authentic; guarded by mu
}

// sealer is the key under one salt.
type sealer struct {
	header header
	aead   cipher.AEAD
	used   atomic.Int64
}

// Box returns a Box for a purpose ("log", "cookie", "snapshot") and an identity, such as cluster and region: both go
// into the derived key.
func (k *Keyring) Box(purpose string, aad ...string) *Box {
	info := string(joinParts(append([]string{"domicile box", purpose}, aad...)...))
	b := &Box{
		active:  k.active,
		keys:    make(map[keyID][]byte, len(k.keys)),
		limit:   saltMessages,
		openers: map[header]cipher.AEAD{},
	}
	for id, key := range k.keys {
		b.keys[id] = expand(key[:], info, keySize)
	}
	b.sealing.Store(b.newSealer(boxFormat))
	return b
}

// Seal appends the sealed plaintext to dst and returns the longer slice. It allocates only if dst lacks room for
// len(plaintext) + Overhead bytes. aad is not stored: Open must be given the same. dst and plaintext must not overlap.
func (b *Box) Seal(dst, plaintext, aad []byte) []byte {
	s := b.sealing.Load()
	if s.used.Add(1) > b.limit {
		s = b.renew(s)
	}
	dst = slices.Grow(dst, len(plaintext)+Overhead)
	dst = append(dst, s.header[:]...)
	nonce := dst[len(dst) : len(dst)+nonceSize]
	_, _ = rand.Read(nonce)
	return s.aead.Seal(dst[:len(dst)+nonceSize], nonce, plaintext, aad)
}

// Open appends the plaintext to dst and returns the longer slice. Errors: ErrUnknownKey, ErrNotAuthentic. dst and sealed
// must not overlap.
func (b *Box) Open(dst, sealed, aad []byte) ([]byte, error) {
	id, head, rest, err := splitHeader(sealed, boxFormat)
	if err != nil {
		return nil, err
	}
	if len(rest) < nonceSize+tagSize {
		return nil, fmt.Errorf("%w: too short", ErrNotAuthentic)
	}
	b.mu.RLock()
	aead, known := b.openers[head]
	b.mu.RUnlock()
	if !known {
		aead, err = b.derive(id, head)
		if err != nil {
			return nil, err
		}
	}
	plaintext, err := aead.Open(dst, rest[:nonceSize], rest[nonceSize:], aad)
	if err != nil {
		return nil, ErrNotAuthentic
	}
	if !known {
		b.remember(head, aead)
	}
	return plaintext, nil
}

// Format hides the keys, for every verb.
func (b *Box) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[box]") }

// LogValue hides the keys.
func (b *Box) LogValue() slog.Value { return slog.StringValue("[box]") }

// renew replaces a worn sealer. When several callers come at once, one wins and the others use its salt.
func (b *Box) renew(worn *sealer) *sealer {
	fresh := b.newSealer(boxFormat)
	if b.sealing.CompareAndSwap(worn, fresh) {
		fresh.used.Add(1)
		return fresh
	}
	s := b.sealing.Load()
	s.used.Add(1)
	return s
}

func (b *Box) newSealer(format byte) *sealer {
	s := &sealer{}
	s.header[0] = format
	copy(s.header[1:], b.active[:])
	_, _ = rand.Read(s.header[1+len(b.active):])
	aead, err := b.derive(b.active, s.header)
	if err != nil {
		panic(err) // the active key is always in the ring
	}
	s.aead = aead
	return s
}

// derive makes the cipher for a header. The whole header enters the derivation, so none of it can be altered.
func (b *Box) derive(id keyID, head header) (cipher.AEAD, error) {
	key, ok := b.keys[id]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknownKey, id)
	}
	derived, err := hkdf.Key(sha256.New, key, head[:], "domicile message", keySize)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cipher.NewGCM(block)
}

// remember keeps a derived key whose message was authentic: a stranger with invented salts cannot push out good ones.
func (b *Box) remember(head header, aead cipher.AEAD) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for old := range b.openers {
		if len(b.openers) < maxOpeners {
			break
		}
		delete(b.openers, old) // map order is random enough: a key that is missed is derived again
	}
	b.openers[head] = aead
}

// splitHeader takes sealed data apart without any key.
func splitHeader(sealed []byte, format byte) (id keyID, head header, rest []byte, err error) {
	if len(sealed) < headerSize {
		return id, head, nil, fmt.Errorf("%w: too short", ErrNotAuthentic)
	}
	if sealed[0] != format {
		return id, head, nil, fmt.Errorf("%w: format %d, want %d", ErrNotAuthentic, sealed[0], format)
	}
	head = header(sealed)
	return keyID(head[1:]), head, sealed[headerSize:], nil
}
