package directory_test

import (
	"strings"
	"testing"

	"domicile/directory"
)

func TestProviderDocument_Confirms(t *testing.T) {
	const minute = directory.Time(60_000_000)
	for _, c := range []struct {
		document directory.ProviderDocument
		life     directory.Time
		grain    directory.Time // what is worth noting
	}{
		{directory.ProviderKeys, 0, 10 * minute},
		{directory.ProviderKeys, 5 * minute, 5 * minute / 2},
		{directory.ProviderKeys, 24 * 60 * minute, 10 * minute},
		{directory.ProviderMetadata, 0, 60 * minute},
		{directory.ProviderMetadata, 60 * minute, 30 * minute},
	} {
		kept := directory.ProviderCopy{Text: "{}", Fetched: 1000, Life: c.life}
		if c.document.Confirms(&kept, kept.Fetched+c.grain-1) || !c.document.Confirms(&kept, kept.Fetched+c.grain) {
			t.Errorf("document %d that lives %d is not noted after %d", c.document, c.life, c.grain)
		}
	}
	if directory.ProviderKeys.Confirms(new(directory.ProviderCopy), 1<<60) {
		t.Error("nothing is confirmed")
	}
}

func TestProvider_Copy(t *testing.T) {
	p := &directory.Provider{Metadata: directory.ProviderCopy{Text: "m"}, Keys: directory.ProviderCopy{Text: "k"}}
	if p.Copy(directory.ProviderMetadata).Text != "m" || p.Copy(directory.ProviderKeys).Text != "k" || p.Copy(0) != nil || p.Copy(3) != nil {
		t.Error("a document is in another's place")
	}
	if p.Metadata.Hash() == p.Keys.Hash() || p.Metadata.Hash() == (directory.Hash{}) || new(directory.ProviderCopy).Hash() != (directory.Hash{}) {
		t.Error("a hash does not name its text")
	}
	for name, m := range map[string]directory.ProviderMove{
		"no endpoint":   {From: "a", To: "b"},
		"long endpoint": {Endpoint: strings.Repeat("x", 65)},
		"long host":     {Endpoint: "jwks_uri", To: strings.Repeat("x", directory.MaxProviderHost+1)},
	} {
		if m.Fits() {
			t.Errorf("%s fits", name)
		}
	}
	if m := (directory.ProviderMove{Endpoint: "jwks_uri", From: "idp.example"}); !m.Fits() {
		t.Error("an endpoint that is named no longer does not fit")
	}
}
