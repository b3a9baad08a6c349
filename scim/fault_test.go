package scim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/scim"
	"domicile/scim/patch"
	"domicile/scim/schema"
)

func TestFaultOf(t *testing.T) {
	secret := errors.New("dial 10.0.0.1: secret")
	for name, c := range map[string]struct {
		err  error
		want scim.Fault
	}{
		"schema":      {schema.Fail(schema.InvalidPath, "x", "no x"), scim.Fault{Status: 400, ScimType: "invalidPath", Detail: "no x"}},
		"wrapped":     {fmt.Errorf("outer: %w", schema.Fail(schema.NoTarget, "", "n")), scim.Fault{Status: 400, ScimType: "noTarget", Detail: "n"}},
		"limit":       {&patch.LimitError{What: "operations", Limit: 7}, scim.Fault{Status: 413, Detail: "a PATCH may hold at most 7 operations"}},
		"invalid":     {directory.Errorf(directory.KindInvalid, "f", "d"), scim.Fault{Status: 400, ScimType: "invalidValue", Detail: "d"}},
		"not found":   {directory.Errorf(directory.KindNotFound, "", "d"), scim.Fault{Status: 404, Detail: "d"}},
		"conflict":    {directory.Errorf(directory.KindConflict, "f", "d"), scim.Fault{Status: 409, ScimType: "uniqueness", Detail: "d"}},
		"forbidden":   {directory.Errorf(directory.KindForbidden, "", "d"), scim.Fault{Status: 403, Detail: "d"}},
		"too large":   {directory.Errorf(directory.KindTooLarge, "", "d"), scim.Fault{Status: 413, Detail: "d"}},
		"credential":  {directory.Errorf(directory.KindUnauthenticated, "", "d"), scim.Fault{Status: 401, Detail: "d", Challenge: `Bearer realm="SCIM"`}},
		"unavailable": {directory.Unavailable(1200*time.Millisecond, secret, "d"), scim.Fault{Status: 503, RetryAfter: 2}},
		"stale":       {directory.Errorf(directory.KindStale, "", "d"), scim.Fault{Status: 503, RetryAfter: 1}},
		"expired":     {directory.Errorf(directory.KindExpired, "", "d"), scim.Fault{Status: 503, RetryAfter: 1}},
		"deadline":    {fmt.Errorf("view: %w", context.DeadlineExceeded), scim.Fault{Status: 503, RetryAfter: 1}},
		"internal":    {&directory.Error{Kind: directory.KindInternal, Detail: "secret", Err: secret}, scim.Fault{Status: 500}},
		"unknown":     {secret, scim.Fault{Status: 500}},
		"own":         {&scim.Fault{Status: 405, Detail: "d"}, scim.Fault{Status: 405, Detail: "d"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := *scim.FaultOf(c.err)
			if c.want.Detail == "" {
				if got.Detail == "" {
					t.Error("it has no detail")
				}
				got.Detail = ""
			}
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			var body struct {
				Schemas                  []string
				Status, ScimType, Detail string
			}
			if err := json.Unmarshal(scim.FaultOf(c.err).Body(), &body); err != nil {
				t.Fatal(err)
			}
			if body.Status != fmt.Sprint(got.Status) || body.Detail == "" || body.ScimType != got.ScimType || body.Schemas[0] != scim.ErrorURN {
				t.Errorf("the body is %+v", body)
			}
			if strings.Contains(body.Detail, "secret") {
				t.Error("the body tells what is inside")
			}
		})
	}
}
