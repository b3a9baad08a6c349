package seal

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// redacted is what every printer sees of a Secret.
const redacted = "[redacted]"

// maxSecretFile bounds the files that hold secrets, keys and certificates, in bytes.
const maxSecretFile = 256 << 10

// Secret is a text that must not be printed: a client secret, a token, a private key. Only Reveal shows it; fmt, slog,
// JSON and YAML see "[redacted]". The zero value is "no secret". Secrets cannot be compared with ==; use Equal.
type Secret struct {
	_ [0]func() // makes == a compile error: it would compare addresses, and not in constant time

	// A pointer, because fmt skips our methods on unexported fields of other structs: it then prints an address.
	text *string
}

// NewSecret hides s. An empty s gives the zero Secret.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{text: &s}
}

// Reveal returns the hidden text, "" for the zero Secret. Call it only where the text leaves the house or is sealed.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal compares two secrets in a time that depends only on their lengths.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns "[redacted]", also for the zero Secret.
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue logs "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON writes "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// UnmarshalText lets a request body or a form carry a secret straight into this type. It refuses the redaction mark, so
// that a masked value that a page sends back cannot overwrite the real one.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return errors.New("a redacted value is not a secret")
	}
	*s = NewSecret(string(text))
	return nil
}

// ReadSecretFile reads a secret from a file and drops line ends at its end. It refuses an empty file, one larger than
// 256 KiB, and one that other users of the machine may read, write or execute. Errors name the path, never the content.
func ReadSecretFile(path string) (Secret, error) {
	raw, err := readPrivate(path)
	if err != nil {
		return Secret{}, fmt.Errorf("read secret: %w", err)
	}
	raw = bytes.TrimRight(raw, "\r\n")
	if len(raw) == 0 {
		return Secret{}, fmt.Errorf("read secret: %s is empty", path)
	}
	return NewSecret(string(raw)), nil
}

// readPrivate reads a bounded file that only its owner and group may touch. The mode is asked of the open file, so it
// cannot change between the question and the reading.
func readPrivate(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("%s is open to every user (mode %04o); use 0600 or 0640", path, info.Mode().Perm())
	}
	return readBounded(file, path)
}

// readPublic reads a bounded file that anyone may see, such as a certificate.
func readPublic(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readBounded(file, path)
}

func readBounded(r io.Reader, path string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxSecretFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxSecretFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSecretFile)
	}
	return raw, nil
}
