package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const hidden = "hunter2-and-more"

// holder has a secret where fmt cannot call its methods: in an unexported field.
type holder struct {
	name   string
	secret Secret
}

func TestSecret_neverPrints(t *testing.T) {
	secret := NewSecret(hidden)
	values := map[string]any{
		"secret":             secret,
		"pointer":            &secret,
		"unexported field":   holder{"x", secret},
		"pointer to holder":  &holder{"x", secret},
		"exported field":     struct{ S Secret }{secret},
		"slice":              []Secret{secret},
		"map":                map[string]Secret{"k": secret},
		"error with secret":  fmt.Errorf("failed with %v", secret),
		"slice of interface": []any{secret, holder{"x", secret}},
	}
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10v", "%T %[1]v"}
	for name, value := range values {
		for _, verb := range verbs {
			assertHidden(t, name+" "+verb, fmt.Sprintf(verb, value))
		}
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		assertHidden(t, name+" json", string(raw))

		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", value)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", value)
		assertHidden(t, name+" slog", out.String())
	}
	if got := fmt.Sprintf("%v %+v %#v", secret, secret, secret); got != "[redacted] [redacted] [redacted]" {
		t.Errorf("got %s", got)
	}
}

func TestKeys_neverPrint(t *testing.T) {
	ring := GenerateKeyring()
	var key [keySize]byte
	for _, k := range ring.keys {
		key = k
	}
	dir := t.TempDir()
	creds := newPeer(t, dir, newRegion(t, "us"), "n1")
	for _, value := range []any{ring, *ring, ring.Box("cookie"), creds, []any{ring}, struct{ K *Keyring }{ring}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%d"} {
			got := fmt.Sprintf(verb, value)
			if strings.Contains(got, fmt.Sprintf("%x", key)) || strings.Contains(got, strings.Trim(fmt.Sprint(key), "[]")) ||
				len(got) > 200 {
				t.Errorf("%T %s prints %s", value, verb, got)
			}
		}
	}
}

func assertHidden(t *testing.T, what, printed string) {
	t.Helper()
	for _, form := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), "104 117 110"} {
		if strings.Contains(printed, form) {
			t.Errorf("%s prints the secret: %s", what, printed)
		}
	}
}

func TestSecret_basics(t *testing.T) {
	var none Secret
	if !none.IsZero() || none.Reveal() != "" || !NewSecret("").IsZero() {
		t.Error("the zero secret is not empty")
	}
	a := NewSecret("a")
	if a.IsZero() || a.Reveal() != "a" {
		t.Error("the secret is lost")
	}
	if !a.Equal(NewSecret("a")) || a.Equal(NewSecret("b")) || a.Equal(none) || !none.Equal(NewSecret("")) {
		t.Error("Equal is wrong")
	}
}

func TestSecret_fromJSON(t *testing.T) {
	var body struct{ ClientSecret Secret }
	if err := json.Unmarshal([]byte(`{"clientSecret":"s3"}`), &body); err != nil || body.ClientSecret.Reveal() != "s3" {
		t.Errorf("got %q, %v", body.ClientSecret.Reveal(), err)
	}
	if err := json.Unmarshal([]byte(`{"clientSecret":"[redacted]"}`), &body); err == nil {
		t.Error("took the redaction mark for a secret")
	}
}

func TestReadSecretFile(t *testing.T) {
	tests := []struct {
		name, content string
		mode          os.FileMode
		want, problem string
	}{
		{"plain", hidden, 0o600, hidden, ""},
		{"line end", hidden + "\n", 0o640, hidden, ""},
		{"windows line end", hidden + "\r\n", 0o400, hidden, ""},
		{"inner spaces stay", " a b ", 0o600, " a b ", ""},
		{"empty", "", 0o600, "", "is empty"},
		{"only a line end", "\n", 0o600, "", "is empty"},
		{"world readable", hidden, 0o644, "", "open to every user"},
		{"world writable", hidden, 0o602, "", "open to every user"},
		{"too large", strings.Repeat(hidden, maxSecretFile/len(hidden)+1), 0o600, "", "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			writeFile(t, path, tt.content, tt.mode)
			got, err := ReadSecretFile(path)
			if got.Reveal() != tt.want {
				t.Errorf("got %q, want %q", got.Reveal(), tt.want)
			}
			if tt.problem == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.problem) || !strings.Contains(err.Error(), path) {
				t.Fatalf("got error %v, want %q with the path", err, tt.problem)
			}
			assertHidden(t, "error", err.Error())
		})
	}
	if _, err := ReadSecretFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// writeFile sets the mode exactly, whatever the umask.
func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
