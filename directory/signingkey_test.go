package directory_test

import (
	"testing"

	"domicile/directory"
)

const hour = directory.Time(3600 * 1_000_000)

func TestSigningKeys(t *testing.T) {
	const first, second, third = 100 * aDay, 130 * aDay, 130*aDay + 1
	keys := []*directory.SigningKey{{ID: "1", Created: first}, {ID: "2", Created: second}, {ID: "3", Created: third}}
	for name, c := range map[string]struct {
		keys      []*directory.SigningKey
		now       directory.Time
		signer    string
		published string
	}{
		"none":                    {nil, first, "", ""},
		"the first signs at once": {keys[:1], first, "1", "1"},
		"alone for ever":          {keys[:1], first + 1000*aDay, "1", "1"},
		"the second is made":      {keys[:2], second, "1", "12"},
		"just before it signs":    {keys[:2], second + hour - 1, "1", "12"},
		"it signs":                {keys[:2], second + hour, "2", "12"},
		"a day later":             {keys[:2], second + hour + aDay - 1, "2", "12"},
		"the first is done":       {keys[:2], second + hour + aDay, "2", "2"},
		"two in a short time":     {keys, third + hour - 1, "2", "123"},
		"the third signs":         {keys, third + hour, "3", "123"},
		"the second is done, too": {keys, third + hour + aDay, "3", "3"},
		"a clock before all":      {keys, 0, "1", "123"},
	} {
		t.Run(name, func(t *testing.T) {
			signer, ok := directory.Signer(c.keys, c.now)
			if ok != (c.signer != "") || ok && signer.ID != c.signer {
				t.Errorf("signer %+v, want %q", signer, c.signer)
			}
			published := ""
			for _, key := range directory.Published(c.keys, c.now) {
				published += key.ID
			}
			if published != c.published {
				t.Errorf("published %q, want %q", published, c.published)
			}
		})
	}
	if directory.KeyUse("").Valid() || directory.KeyUse("other").Valid() || !directory.KeyCertificate.Valid() {
		t.Error("a use is judged wrongly")
	}
}

// A signature that was made at any time can be checked for the life of an ID token, and the key was known an hour before.
func TestSigningKeys_overlap(t *testing.T) {
	var keys []*directory.SigningKey
	for now := directory.Time(0); now < 100*aDay; now += hour {
		if n := len(keys); n == 0 || now >= keys[n-1].Created+directory.KeyIDToken.Life() {
			keys = append(keys, &directory.SigningKey{Created: now})
		}
		signer, _ := directory.Signer(keys, now)
		for later := now; later <= now+23*hour; later += 23 * hour {
			found := false
			for _, key := range directory.Published(keys, later) {
				found = found || key == signer
			}
			if !found {
				t.Fatalf("the key that signs in hour %d is not published in hour %d", now/hour, later/hour)
			}
		}
		if signer != keys[0] && now < signer.Created+hour {
			t.Fatalf("hour %d: the key signs before it is known", now/hour)
		}
	}
}

// Which certificate a provider has is guessed by when its connection was made, and by the end that its owner told.
func TestCertifiedFor(t *testing.T) {
	const older, newest = 100 * aDay, 100*aDay + 550*aDay
	keys := []*directory.SigningKey{{ID: "1", Created: older}, {ID: "2", Created: newest}}
	for name, c := range map[string]struct {
		created, expires, now directory.Time
		want                  string
	}{
		"made before the newest":  {newest - 1, 0, newest, "12"},
		"made with it":            {newest, 0, newest, "21"},
		"the older's end":         {older, older + directory.CertificateLife + aDay, newest, "12"},
		"the newest's end":        {older, newest + directory.CertificateLife - aDay, newest, "21"},
		"the older one has ended": {older, 0, older + directory.CertificateLife, "2"},
	} {
		connection := &directory.Connection{Created: c.created, SecretExpires: c.expires}
		got := ""
		for _, key := range directory.CertifiedFor(connection, keys, c.now) {
			got += key.ID
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if directory.CertifiedFor(new(directory.Connection), nil, 0) != nil {
		t.Error("a key out of none")
	}
}

// Owners have half a year to upload the next certificate, and a provider that has either one is served at any time.
func TestCertified(t *testing.T) {
	var keys []*directory.SigningKey
	for now := directory.Time(0); now < 3000*aDay; now += aDay {
		if n := len(keys); n == 0 || now >= keys[n-1].Created+directory.KeyCertificate.Life() {
			keys = append(keys, &directory.SigningKey{Use: directory.KeyCertificate, Created: now})
		}
		certified := directory.Certified(keys, now)
		if len(certified) == 0 || len(certified) > 2 || certified[0] != keys[len(keys)-1] {
			t.Fatalf("day %d: %d keys", now/aDay, len(certified))
		}
		if newest := certified[0]; len(keys) > 1 && now < newest.Created+179*aDay && len(certified) != 2 {
			t.Fatalf("day %d: the certificate before is given up %d days after the new one", now/aDay, (now-newest.Created)/aDay)
		}
		for _, key := range certified {
			if now >= key.Created+directory.CertificateLife {
				t.Fatalf("day %d: a certificate that has ended", now/aDay)
			}
		}
	}
	if directory.Certified(keys[:1], directory.CertificateLife) != nil {
		t.Error("a certificate that has ended counts")
	}
}
