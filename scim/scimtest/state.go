package scimtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// errorURN is the schema of an error body (RFC 7644 §3.12).
const errorURN = "urn:ietf:params:scim:api:messages:2.0:Error"

// answerOf puts an answer in short.
func answerOf(status int, body []byte) Answer {
	var fault struct {
		Schemas  []string
		ScimType string
		Detail   string
	}
	if json.Unmarshal(body, &fault) != nil || !slices.Contains(fault.Schemas, errorURN) {
		return Answer{Status: status}
	}
	return Answer{Status: status, ScimType: fault.ScimType, Detail: fault.Detail}
}

// alone performs a step while nothing else goes on, so that it can be told
// whether a refused request changed something all the same.
func (p *player) alone(s Step) outcome {
	if !p.unchanged || s.Method == http.MethodGet {
		return p.exchange(s)
	}
	before, err := p.state(s.Tenant)
	if err != nil {
		return outcome{name: s.Name, failures: []string{err.Error()}}
	}
	done := p.exchange(s)
	if done.answer.Status < 400 {
		return done
	}
	after, err := p.state(s.Tenant)
	if err != nil {
		done.failures = append(done.failures, err.Error())
	} else if after != before {
		done.failures = append(done.failures, fmt.Sprintf("status %d, and yet %s became %s", done.answer.Status, before, after))
	}
	return done
}

// state is everything that a tenant's token can see.
func (p *player) state(tenant string) (string, error) {
	t := p.tenants[cmp.Or(tenant, "a")]
	whole := ""
	for _, endpoint := range []string{"/Users", "/Groups"} {
		request, err := http.NewRequestWithContext(p.ctx, http.MethodGet, t.Base+endpoint+"?count=1000", nil)
		if err != nil {
			return "", err
		}
		request.Header.Set("Authorization", "Bearer "+t.Token)
		response, err := p.client.Do(request)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		_ = response.Body.Close()
		if err != nil {
			return "", err
		}
		if response.StatusCode != http.StatusOK {
			return "", fmt.Errorf("%s cannot be listed: status %d", endpoint, response.StatusCode)
		}
		whole += string(body)
	}
	return whole, nil
}
