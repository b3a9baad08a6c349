package directory

import (
	"encoding/json"
	"strings"
)

// Person is who becomes a user without an identity provider's SCIM: by hand, or by signing in.
type Person struct {
	UserName    string
	ExternalID  string // empty: none
	DisplayName string // empty: none
	Email       string
}

// Document gives the person as the IdP's door keeps users (User.Attributes), so that the user may be handed over to it.
func (p Person) Document() string {
	type email struct {
		Value   string `json:"value"`
		Type    string `json:"type"`
		Primary bool   `json:"primary"`
	}
	document := struct {
		Schemas     []string `json:"schemas"`
		ExternalID  string   `json:"externalId,omitempty"`
		UserName    string   `json:"userName"`
		DisplayName string   `json:"displayName,omitempty"`
		Active      bool     `json:"active"`
		Emails      []email  `json:"emails"`
	}{
		[]string{"urn:ietf:params:scim:schemas:core:2.0:User"}, p.ExternalID, p.UserName, p.DisplayName, true,
		[]email{{p.Email, "work", true}},
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(document) // strings always marshal
	return strings.TrimSuffix(text.String(), "\n")
}
