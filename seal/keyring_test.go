package seal

import (
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyring_rotation(t *testing.T) {
	first := GenerateKeyring()
	old := mustSeal(t, first, "old")
	second := first.Rotate()
	fresh := mustSeal(t, second, "new")

	if second.ActiveID() == first.ActiveID() || old.KeyID() != first.ActiveID() || fresh.KeyID() != second.ActiveID() {
		t.Fatal("the active key did not change")
	}
	for text, sealed := range map[string]Sealed{"old": old, "new": fresh} {
		if got, err := second.Open(testPlace, sealed); err != nil || got.Reveal() != text {
			t.Errorf("the rotated ring opens %q as %q, %v", text, got.Reveal(), err)
		}
	}
	if _, err := first.Open(testPlace, fresh); !errors.Is(err, ErrUnknownKey) || !strings.Contains(err.Error(), second.ActiveID()) {
		t.Errorf("the old ring opened the new secret: %v", err)
	}

	staged, err := second.Activate(first.ActiveID())
	if err != nil {
		t.Fatal(err)
	}
	if got := mustSeal(t, staged, "x").KeyID(); got != first.ActiveID() {
		t.Errorf("the staged ring seals with %s", got)
	}
	if _, err := staged.Open(testPlace, fresh); err != nil {
		t.Errorf("the staged ring does not open with the new key: %v", err)
	}
	if _, err := second.Activate("00000000"); err == nil {
		t.Error("activated a key that is not there")
	}
}

func TestKeyring_roundTrip(t *testing.T) {
	ring := GenerateKeyring().Rotate().Rotate()
	path := filepath.Join(t.TempDir(), "keys")
	writeFile(t, path, string(ring.Encode()), 0o600)
	loaded, err := LoadKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(loaded.Encode()) != string(ring.Encode()) {
		t.Error("the ring changed on its way through the file")
	}
	if _, err := loaded.Open(testPlace, mustSeal(t, ring, "x")); err != nil {
		t.Error(err)
	}
	writeFile(t, path, string(ring.Encode()), 0o644)
	if _, err := LoadKeyring(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("loaded a key ring that everyone can read: %v", err)
	}
}

func TestParseKeyring_strict(t *testing.T) {
	ring := GenerateKeyring()
	good := string(ring.Encode())
	id := ring.ActiveID()
	key := ring.keys[ring.active]
	text := base64.StdEncoding.EncodeToString(key[:])
	tests := map[string]string{
		"empty":             "",
		"not JSON":          "keys",
		"null":              "null",
		"no keys":           `{"active":"` + id + `","keys":{}}`,
		"no active key":     strings.Replace(good, `"active": "`+id+`"`, `"active": ""`, 1),
		"other active key":  strings.Replace(good, `"active": "`+id+`"`, `"active": "00000000"`, 1),
		"unknown field":     strings.Replace(good, "{", `{"note":"x",`, 1),
		"trailing object":   good + "{}",
		"trailing text":     good + "x",
		"id of another key": strings.ReplaceAll(good, id, "00000000"),
		"id in upper case":  strings.ReplaceAll(good, id, "ABCDEF00"),
		"altered key":       strings.Replace(good, text, base64.StdEncoding.EncodeToString(make([]byte, keySize)), 1),
		"short key":         strings.Replace(good, text, base64.StdEncoding.EncodeToString(key[:31]), 1),
		"long key":          strings.Replace(good, text, base64.StdEncoding.EncodeToString(append(key[:], 0)), 1),
		"not base64":        strings.Replace(good, text, strings.Repeat("!", 44), 1),
		"number":            strings.Replace(good, `"`+text+`"`, "7", 1),
	}
	for name, raw := range tests {
		_, err := ParseKeyring([]byte(raw))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if strings.Contains(err.Error(), text[:20]) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
	if _, err := ParseKeyring([]byte(good)); err != nil {
		t.Error(err)
	}
}

func FuzzParseKeyring(f *testing.F) {
	f.Add(GenerateKeyring().Encode())
	f.Add(GenerateKeyring().Rotate().Encode())
	f.Add([]byte(`{"active":"","keys":{"":""}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ring, err := ParseKeyring(raw)
		if err != nil {
			return
		}
		again, err := ParseKeyring(ring.Encode())
		if err != nil || string(again.Encode()) != string(ring.Encode()) {
			t.Fatalf("an accepted ring does not survive its own encoding: %v", err)
		}
		if _, err := again.Open(testPlace, mustSeal(t, ring, "x")); err != nil {
			t.Fatal(err)
		}
	})
}
