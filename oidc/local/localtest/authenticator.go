package localtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Authenticator holds passkeys. Its fields may change between calls.
type Authenticator struct {
	Origin     string // of the page that asks
	Domain     string // that passkeys are made and used for, whatever the page says
	Unverified bool   // the person did not show who they are
	Counter    uint32 // signature counter of the next answer; 0 as of passkeys that are synchronised

	passkeys []*passkey
}

type passkey struct {
	id     []byte
	handle []byte
	key    *ecdsa.PrivateKey
}

// Flags of authenticator data (Web Authentication §6.1).
const (
	flagPresent  = 0x01
	flagVerified = 0x04
	flagAttested = 0x40
)

type creationOptions struct {
	Challenge string `json:"challenge"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
}

// Create makes a passkey for creation options (JSON, §5.1.8) and gives the browser's answer as JSON.
func (a *Authenticator) Create(options []byte) ([]byte, error) {
	var asked creationOptions
	if err := json.Unmarshal(options, &asked); err != nil {
		return nil, fmt.Errorf("creation options: %w", err)
	}
	handle, err := decode(asked.User.ID)
	if err != nil {
		return nil, fmt.Errorf("user handle: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	made := &passkey{id: make([]byte, 32), handle: handle, key: key}
	_, _ = rand.Read(made.id)
	public, err := made.coseKey()
	if err != nil {
		return nil, err
	}
	data := a.data(flagAttested)
	data = append(data, make([]byte, 16)...) // the model: not told
	data = binary.BigEndian.AppendUint16(data, uint16(len(made.id)))
	data = append(append(data, made.id...), public...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		return nil, err
	}
	a.passkeys = append(a.passkeys, made)
	return answer(made.id, map[string]any{
		"clientDataJSON": encode(a.clientData("webauthn.create", asked.Challenge)), "attestationObject": encode(object),
		"transports": []string{"internal"},
	})
}

// Get signs request options (JSON, §5.1.10) with the newest passkey and gives the browser's answer as JSON.
func (a *Authenticator) Get(options []byte) ([]byte, error) {
	var asked struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(options, &asked); err != nil {
		return nil, fmt.Errorf("request options: %w", err)
	}
	if len(a.passkeys) == 0 {
		return nil, errors.New("no passkeys")
	}
	used := a.passkeys[len(a.passkeys)-1]
	data, client := a.data(0), a.clientData("webauthn.get", asked.Challenge)
	clientHash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), clientHash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, used.key, digest[:])
	if err != nil {
		return nil, err
	}
	return answer(used.id, map[string]any{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature),
		"userHandle": encode(used.handle),
	})
}

// data is the authenticator data up to the counter (§6.1).
func (a *Authenticator) data(flags byte) []byte {
	domain := sha256.Sum256([]byte(a.Domain))
	flags |= flagPresent
	if !a.Unverified {
		flags |= flagVerified
	}
	return binary.BigEndian.AppendUint32(append(domain[:], flags), a.Counter)
}

func (a *Authenticator) clientData(ceremony, challenge string) []byte {
	client, _ := json.Marshal(map[string]any{"type": ceremony, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	return client
}

// coseKey is the public key as RFC 9053 §7.1 writes it: key type EC2, ES256, curve P-256 and the coordinates.
func (p *passkey) coseKey() ([]byte, error) {
	point, err := p.key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		return nil, err
	}
	return cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
}

func answer(id []byte, response map[string]any) ([]byte, error) {
	return json.Marshal(map[string]any{
		"id": encode(id), "rawId": encode(id), "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{},
	})
}

func encode(raw []byte) string           { return base64.RawURLEncoding.EncodeToString(raw) }
func decode(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }
