package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

var testPlace = Place{Region: "us", Cluster: "c1", Organization: "o1", Row: "r1", Field: "client_secret"}

func TestSeal_opensOnlyAtItsPlace(t *testing.T) {
	ring := GenerateKeyring()
	sealed := mustSeal(t, ring, hidden)
	if got, err := ring.Open(testPlace, sealed); err != nil || got.Reveal() != hidden {
		t.Fatalf("got %q, %v", got.Reveal(), err)
	}

	moves := map[string]func(p *Place){
		"region":       func(p *Place) { p.Region = "eu" },
		"cluster":      func(p *Place) { p.Cluster = "c2" },
		"organization": func(p *Place) { p.Organization = "o2" },
		"platform":     func(p *Place) { p.Organization = "" },
		"row":          func(p *Place) { p.Row = "r2" },
		"field":        func(p *Place) { p.Field = "token" },
		// The same letters, cut elsewhere.
		"organization and row": func(p *Place) { p.Organization, p.Row = "o1r", "1" },
		"row and field":        func(p *Place) { p.Row, p.Field = "r1client", "_secret" },
		"swapped":              func(p *Place) { p.Organization, p.Row = p.Row, p.Organization },
	}
	for name, move := range moves {
		place := testPlace
		move(&place)
		got, err := ring.Open(place, sealed)
		if !errors.Is(err, ErrNotAuthentic) || !got.IsZero() {
			t.Errorf("another %s: got %v", name, err)
		}
	}
}

func TestSeal_refusesHalfAPlace(t *testing.T) {
	ring := GenerateKeyring()
	for _, place := range []Place{
		{},
		{Cluster: "c", Row: "r", Field: "f"},
		{Region: "us", Row: "r", Field: "f"},
		{Region: "us", Cluster: "c", Field: "f"},
		{Region: "us", Cluster: "c", Row: "r"},
	} {
		if _, err := ring.Seal(place, NewSecret("x")); err == nil {
			t.Errorf("sealed for %+v", place)
		}
		if _, err := ring.Open(place, mustSeal(t, ring, "x")); err == nil {
			t.Errorf("opened at %+v", place)
		}
	}
}

func TestOpen_refusesEveryAlteredByte(t *testing.T) {
	ring := GenerateKeyring()
	sealed := mustSeal(t, ring, "s")
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 0x40
		_, err := ring.Open(testPlace, altered)
		inKeyID := i >= 1 && i < 1+len(keyID{})
		if inKeyID != errors.Is(err, ErrUnknownKey) || inKeyID == errors.Is(err, ErrNotAuthentic) {
			t.Errorf("byte %d altered: %v", i, err)
		}
	}
	for n := range sealed {
		if _, err := ring.Open(testPlace, sealed[:n]); !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := ring.Open(testPlace, append(bytes.Clone(sealed), 0)); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("one byte longer: %v", err)
	}
}

func TestSeal_differsEachTime(t *testing.T) {
	ring := GenerateKeyring()
	if bytes.Equal(mustSeal(t, ring, "s"), mustSeal(t, ring, "s")) {
		t.Error("equal secrets look equal when sealed")
	}
}

func TestSealed_prints(t *testing.T) {
	sealed := mustSeal(t, GenerateKeyring(), hidden)
	want := fmt.Sprintf("[sealed %d bytes]", Overhead+len(hidden))
	raw, err := json.Marshal(map[string]any{"s": sealed})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "s", sealed)
	for _, got := range []string{
		fmt.Sprintf("%v", sealed), fmt.Sprintf("%+v", sealed), fmt.Sprintf("%#v", sealed), fmt.Sprintf("%x", sealed),
		string(raw), log.String(),
	} {
		if !strings.Contains(got, want) || len(got) > 120 {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestJoinParts_isUnambiguous(t *testing.T) {
	lists := [][]string{{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"a", "b"}, {"ab"}, {"a\x00\x00\x00\x01b"}}
	seen := map[string]int{}
	for i, list := range lists {
		key := string(joinParts(list...))
		if j, taken := seen[key]; taken {
			t.Errorf("%q and %q give the same bytes", list, lists[j])
		}
		seen[key] = i
	}
}

func mustSeal(t testing.TB, ring *Keyring, text string) Sealed {
	t.Helper()
	sealed, err := ring.Seal(testPlace, NewSecret(text))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}
