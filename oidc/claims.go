package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"domicile/directory"
)

var errClaims = errors.New("claims are not one well-formed JSON object")

// claimSet holds the members of a JSON object under their exact names. Decoding into a struct would be more convenient,
// and wrong: encoding/json lets "SUB" or "ſub" stand for "sub", and lets the last of two win.
type claimSet map[string]json.RawMessage

// guarded are the names that nothing may imitate.
func guarded() []string {
	return []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "nonce", "acr", "amr", "auth_time", "at_hash", "c_hash",
		"events", "sid", "email", "email_verified", "xms_edov", "preferred_username", "upn", "oid", "tid", "hd",
		"session_expiry",
		"alg", "kid", "typ", "crit",
	}
}

// parseClaims reads one JSON object. It refuses a member that appears twice, one that differs from a registered name only
// by letter case (Unicode's included), invalid UTF-8, and anything after the object.
func parseClaims(text []byte) (claimSet, error) {
	if !utf8.Valid(text) {
		return nil, errClaims
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errClaims
	}
	claims := claimSet{}
	names := guarded()
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, errClaims
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, errClaims
		}
		if _, twice := claims[name]; twice || imitates(name, names) {
			return nil, errClaims
		}
		claims[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errClaims
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errClaims
	}
	return claims, nil
}

func imitates(name string, names []string) bool {
	for _, registered := range names {
		if name != registered && strings.EqualFold(name, registered) {
			return true
		}
	}
	return false
}

func (c claimSet) has(name string) bool { _, ok := c[name]; return ok }

// text gives a string claim; false when it is absent or of another type.
func (c claimSet) text(name string) (string, bool) {
	raw, ok := c[name]
	if !ok || len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// seconds gives a NumericDate claim (RFC 7519 §2) in whole seconds.
func (c claimSet) seconds(name string) (int64, bool) {
	raw, ok := c[name]
	if !ok || len(raw) == 0 || (raw[0] != '-' && (raw[0] < '0' || raw[0] > '9')) {
		return 0, false
	}
	var f float64
	if json.Unmarshal(raw, &f) != nil || f < 0 || f > 1<<40 {
		return 0, false
	}
	return int64(f), true
}

// audience gives the aud claim: a string or a list of strings.
func (c claimSet) audience() []string {
	if one, ok := c.text("aud"); ok {
		return []string{one}
	}
	var list []string
	if json.Unmarshal(c["aud"], &list) != nil {
		return nil
	}
	return list
}

// texts gives a claim that is a list of strings, a bounded number of them; nil for anything else.
func (c claimSet) texts(name string) []string {
	var list []string
	if json.Unmarshal(c[name], &list) != nil {
		return nil
	}
	return list[:min(len(list), directory.MaxSessionMethods)]
}

// truth gives a boolean claim, which some providers send as a string or a number.
func (c claimSet) truth(name string) (value, present bool) {
	switch string(c[name]) {
	case "true", `"true"`, "1", `"1"`:
		return true, true
	case "":
		return false, false
	default:
		return false, true
	}
}
