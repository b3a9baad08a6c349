package seal

import (
	"crypto/sha256"
	"regexp"
	"strings"
	"testing"
)

func TestMintToken(t *testing.T) {
	shape := regexp.MustCompile(`^dom_us_[0-9A-Za-z]{49}$`)
	seen := map[string]bool{}
	for range 1000 {
		secret, hash := MintToken("dom_us_")
		token := secret.Reveal()
		if !shape.MatchString(token) {
			t.Fatalf("token %q has the wrong shape", token)
		}
		if seen[token] {
			t.Fatal("a token came twice")
		}
		seen[token] = true
		if hash != sha256.Sum256([]byte(token)) || !EqualHash(hash, HashToken(token)) {
			t.Fatal("the hash is not that of the whole token")
		}
		body := token[:len(token)-checksumChars]
		if checksum(body) != token[len(body):] {
			t.Fatal("the checksum does not match")
		}
		if region, ok := TokenRegion(token); region != "us" || !ok {
			t.Fatalf("region %q, %v", region, ok)
		}
	}
}

// The checksum is public: secret scanners compute it. So it must never change.
func TestChecksum_golden(t *testing.T) {
	tests := map[string]string{
		"":                  "000000",
		"123456789":         "3jZRME", // CRC-32 0xcbf43926
		"dom_us_":           "1FEvq8",
		"dom_eu_0123456789": "3ENUUw",
	}
	for in, want := range tests {
		if got := checksum(in); got != want {
			t.Errorf("checksum(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRandomBase62_usesAllLetters(t *testing.T) {
	text := randomBase62(62 * 200)
	for _, letter := range base62 {
		// 200 expected; 100 is seven standard deviations away.
		if n := strings.Count(text, string(letter)); n < 100 || n > 300 {
			t.Errorf("letter %c came %d times, want about 200", letter, n)
		}
	}
}

func TestTokenRegion(t *testing.T) {
	tests := []struct {
		token, region string
		ok            bool
	}{
		{"dom_us_abc", "us", true},
		{"dom_eu-west-1_abc", "eu-west-1", true},
		{"dom_us_scim_abc", "us", true},
		{"dom_us", "", false},
		{"dom__abc", "", false},
		{"dom_US_abc", "", false},
		{"dom_-us_abc", "", false},
		{"dom_a.b_abc", "", false},
		{"DOM_us_abc", "", false},
		{"ghp_us_abc", "", false},
		{"", "", false},
		{"dom_" + strings.Repeat("a", 64) + "_x", "", false},
	}
	for _, tt := range tests {
		if region, ok := TokenRegion(tt.token); region != tt.region || ok != tt.ok {
			t.Errorf("TokenRegion(%q) = %q, %v", tt.token, region, ok)
		}
	}
}

func TestEqualHash(t *testing.T) {
	a, b := HashToken("a"), HashToken("b")
	if !EqualHash(a, a) || EqualHash(a, b) {
		t.Error("EqualHash is wrong")
	}
}

func TestNewID(t *testing.T) {
	shape := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if !shape.MatchString(id) || seen[id] {
			t.Fatalf("id %q has the wrong shape or came twice", id)
		}
		seen[id] = true
	}
}

func TestRandomWord(t *testing.T) {
	word := RandomWord(32)
	if len(word) != 52 || word == RandomWord(32) || word != strings.ToLower(word) || strings.ContainsAny(word, "=-_ ") {
		t.Errorf("word is %q", word)
	}
}

func TestRandomText(t *testing.T) {
	if got := RandomText(32); len(got) != 43 || got == RandomText(32) {
		t.Errorf("got %q", got)
	}
	if NewRequestID() == NewRequestID() {
		t.Error("a request id came twice")
	}
}
