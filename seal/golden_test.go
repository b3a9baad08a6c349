package seal

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// What one release sealed, every later release must open. These bytes never change; a new format gets a new number and
// new bytes beside these.
const (
	goldenRing = `{
  "active": "10ad03b8",
  "keys": {
    "10ad03b8": "vL864FaMewjQu+MqcBinvMWprCnVVNIIyRhpMvr67kE=",
    "dfab951c": "Py/JTYejD55u/IWy+sXbsbfmHPBQGKGGF3+ByOSmU+Q="
  }
}
`
	goldenRow     = "ARCtA7hKRvVyABAhm3ntjOu+H1rtYrKEm9PQlMt5uSazVBQjyNUZyRKV4R84K2c8QltNk55HE1NHEACSno9ozjK/FxRYlzJhUeETKTyE5pK/"
	goldenMessage = "ARCtA7iMn7SbcSdmm01j0HQDAy2DithEkSQTrM4hDbyiu0kgsefIu8JzMtLOBN3AfZN+f0hNtYGKvv/oX1hmy9RK8IHMB6pKXspjeNK68nxm"
	goldenStream  = "AhCtA7i6iCqTKR8SGIFWiqw/xC9kKD9jAhuT4BhikqIlkyqW3t2BuRxfezX0KlhZ4jOGRoOAzJ75cz9gT3cBtG4/RCiD"
)

func TestGolden(t *testing.T) {
	ring, err := ParseKeyring([]byte(goldenRing))
	if err != nil {
		t.Fatal(err)
	}
	if string(ring.Encode()) != goldenRing {
		t.Error("the key ring's file changed")
	}
	if got, err := ring.Open(testPlace, decode(t, goldenRow)); err != nil || got.Reveal() != hidden {
		t.Errorf("row: %v", err)
	}
	box := ring.Box("log", "us", "c1")
	if got, err := box.Open(nil, decode(t, goldenMessage), []byte("entry 1")); err != nil || string(got) != hidden {
		t.Errorf("message: %v", err)
	}
	if got, err := openStream(box, bytes.NewReader(decode(t, goldenStream))); err != nil || string(got) != hidden {
		t.Errorf("stream: %v", err)
	}
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
