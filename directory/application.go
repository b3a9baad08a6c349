package directory

// Application is one of the SaaS company's own applications in a region: an OpenID Connect client of ours.
type Application struct {
	ID             ApplicationID // its client_id
	Name           string
	SecretHash     Hash     // of the client secret that we issued; zero: a public client, which has PKCE alone
	PreviousHash   Hash     // of the secret before, until its rotation is finished; zero: none
	RedirectURIs   []string // compared exactly
	LogoutURIs     []string // post_logout_redirect_uris (OpenID Connect RP-Initiated Logout §3), compared exactly
	BackChannelURI string   // where it is told that a session ended (Back-Channel Logout §2.2); empty: nowhere
	Created        Time
	Modified       Time
	Version        uint64
}

// MaxApplications bounds the applications of a region.
const MaxApplications = 200

// Public tells whether the application has no secret.
func (a *Application) Public() bool { return a.SecretHash == Hash{} }

// Rotating tells whether the secret before is still good beside the present one.
func (a *Application) Rotating() bool { return a.PreviousHash != Hash{} }

// Validate checks the fields that a person chose.
func (a *Application) Validate() error {
	if err := a.Fits(); err != nil {
		return err
	}
	if err := validateRedirects("redirect_uris", a.RedirectURIs); err != nil {
		return err
	}
	if err := validateRedirects("post_logout_redirect_uris", a.LogoutURIs); err != nil {
		return err
	}
	if a.BackChannelURI != "" {
		return validateRedirect("backchannel_logout_uri", a.BackChannelURI)
	}
	return nil
}

// Fits is Validate as the ledger can repeat it: without reading web addresses, which toolchains do differently.
func (a *Application) Fits() error {
	if a.Name == "" || len(a.Name) > maxNameLength {
		return Errorf(KindInvalid, "name", "name must have 1 to %d characters", maxNameLength)
	}
	if len(a.RedirectURIs) == 0 {
		return Errorf(KindInvalid, "redirect_uris", "an application needs a redirect URI")
	}
	if err := boundRedirects("redirect_uris", a.RedirectURIs...); err != nil {
		return err
	}
	if err := boundRedirects("post_logout_redirect_uris", a.LogoutURIs...); err != nil {
		return err
	}
	return boundRedirects("backchannel_logout_uri", a.BackChannelURI)
}

func boundRedirects(field string, uris ...string) error {
	if len(uris) > MaxRedirectURIs {
		return Errorf(KindTooLarge, field, "at most %d addresses", MaxRedirectURIs)
	}
	for _, uri := range uris {
		if len(uri) > maxRedirectLength {
			return Errorf(KindInvalid, field, "an address has at most %d characters", maxRedirectLength)
		}
	}
	return nil
}
