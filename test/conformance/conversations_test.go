package conformance

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"domicile/scim/scimtest"
	"domicile/test/region"
)

// mustPass are the identity providers whose every conversation passes; the others are counted.
var mustPass = []string{"entra-", "okta-", "onelogin-", "jumpcloud-"}

func TestConversations(t *testing.T) {
	ctx := t.Context()
	binary, err := region.Build(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := region.Start(ctx, region.Options{Binary: binary, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	followers, err := r.Followers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	follower := followers[0]
	conversations, err := scimtest.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	var tenants atomic.Int64
	runner := scimtest.Runner{Tenant: func(ctx context.Context, profile string) (scimtest.Tenant, error) {
		if profile == "default" {
			profile = "interop"
		}
		o, err := r.NewOrganization(ctx, follower, fmt.Sprintf("tenant-%d", tenants.Add(1)), profile)
		return scimtest.Tenant{Base: o.SCIM(follower), Token: o.Token}, err
	}}
	report := runner.RunAll(ctx, conversations)
	if err := report.Tally().Print(os.Stdout); err != nil {
		t.Error(err)
	}
	for _, failure := range report.Failures() {
		if isRequired(failure.Conversation) {
			t.Error(failure)
		} else {
			t.Log(failure)
		}
	}
	for _, result := range report {
		if result.Skipped != "" && isRequired(result.ID) {
			t.Errorf("%s was not replayed: the server lacks %s", result.ID, result.Skipped)
		}
	}
}

func isRequired(conversation string) bool {
	for _, prefix := range mustPass {
		if strings.HasPrefix(conversation, prefix) {
			return true
		}
	}
	return false
}
