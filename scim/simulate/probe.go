package simulate

import (
	"fmt"
	"net/http"
)

// trial is one request of a provider's connection test. made holds the ids of what earlier trials made.
type trial struct {
	request func(made map[string]string) request
	want    []int
	empty   bool   // the answer is a list without entries, with all its figures
	keep    string // name under which the id in the answer is kept
}

// asks is a trial that reads and expects success.
func asks(r request) trial {
	return trial{request: func(map[string]string) request { return r }, want: []int{http.StatusOK}}
}

// findsNone is a trial that looks something up that cannot be there.
func findsNone(r request) trial {
	t := asks(r)
	t.empty = true
	return t
}

// absent is a name that nothing has.
func absent(domain string) string { return "nobody-has-this-name@probe." + domain }

func probeEntra(domain string) []trial {
	guid := guid(1, len(domain))
	return []trial{
		findsNone(get(users, eq("userName", "AzureAD_Test-"+guid))),
		findsNone(get(groups, parameter{"excludedAttributes", "members"}, eq("displayName", "AzureAD_Test-"+guid))),
		asks(get("/Schemas")),
	}
}

func probeOkta(domain string) []trial {
	return []trial{
		findsNone(get(users, append([]parameter{eq("userName", absent(domain))}, page(1, 100)...)...)),
		asks(get(users, page(1, 100)...)),
		asks(get(groups, page(1, 100)...)),
	}
}

func probeOneLogin(domain string) []trial {
	r := get(users, eq("userName", absent(domain)))
	r.suffix = "&"
	return []trial{findsNone(r), asks(get(groups))}
}

// probeGroup is the name of the group that a connection test makes.
func probeGroup(domain string) string { return "Connection test of " + domain }

// probeJumpCloud makes, changes and deletes a user and a group, like its "Test Connection" button.
func probeJumpCloud(domain string) []trial {
	name := fmt.Sprintf("jumpcloud-test@probe.%s", domain)
	user := func(given string, active bool) resource {
		return resource{
			"schemas": []string{coreUser}, "userName": name, "externalId": "jc-test",
			"name":   resource{"givenName": given, "familyName": "User"},
			"emails": []resource{{"value": name, "type": "work", "primary": true}}, "active": active,
		}
	}
	group := func(members ...member) resource {
		return core(resource{"displayName": probeGroup(domain), "members": append([]member{}, members...)})
	}
	done := []int{http.StatusOK, http.StatusNoContent}
	return []trial{
		asks(get(users)),
		asks(get(groups)),
		findsNone(get(users, eq("userName", name))),
		{keep: "user", want: []int{http.StatusCreated}, request: func(map[string]string) request {
			return post(users, user("Test", true))
		}},
		{want: []int{http.StatusOK}, request: func(made map[string]string) request {
			return put(userPath(made["user"]), user("Test2", true))
		}},
		{keep: "group", want: []int{http.StatusCreated}, request: func(map[string]string) request {
			return post(groups, group())
		}},
		{want: []int{http.StatusOK}, request: func(made map[string]string) request {
			return put(groupPath(made["group"]), group(member{Value: made["user"]}))
		}},
		{want: []int{http.StatusOK}, request: func(made map[string]string) request {
			return put(userPath(made["user"]), user("Test2", false))
		}},
		{want: done, request: func(made map[string]string) request { return remove(groupPath(made["group"])) }},
		{want: done, request: func(made map[string]string) request { return remove(userPath(made["user"])) }},
	}
}

func probeAuth0(domain string) []trial {
	return []trial{findsNone(get(users, eq("externalId", "auth0|"+absent(domain))))}
}

func probeGoogle(string) []trial { return []trial{asks(get(users, parameter{"count", "1"}))} }

func probeConfiguration(string) []trial { return []trial{asks(get("/ServiceProviderConfig"))} }

func probePing(domain string) []trial {
	r := get(users, parameter{"filter", "userName Eq " + quote(absent(domain))})
	return []trial{findsNone(r)}
}

func probePocketID(string) []trial {
	return []trial{asks(get(users, page(1, 1000)...)), asks(get(groups, page(1, 1000)...))}
}
