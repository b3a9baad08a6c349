package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"domicile/apps"
)

// lowered gives the identity headers as HTTP/2 spells them.
func lowered() []string {
	names := apps.Headers()
	for i, name := range names {
		names[i] = strings.ToLower(name)
	}
	return names
}

// Each identity header is taken from our answer and set over what a client sent; none is forgotten, and none with underscores
// passes.
func TestDeployExamples_nginx(t *testing.T) {
	text := regexp.MustCompile(`(?m)#.*$`).ReplaceAllString(deployFile(t, "examples/nginx.conf"), "")
	if strings.Count(text, "{") != strings.Count(text, "}") {
		t.Error("the braces do not match")
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.ContainsAny(line[len(line)-1:], ";{}") {
			t.Errorf("%q is no directive", line)
		}
	}
	variables := make(map[string]string) // from the header that it holds
	for _, found := range regexp.MustCompile(`auth_request_set\s+(\$\w+)\s+\$upstream_http_(\w+);`).FindAllStringSubmatch(text, -1) {
		variables[strings.ReplaceAll(found[2], "_", "-")] = found[1]
	}
	for _, name := range apps.Headers() {
		variable := variables[strings.ToLower(name)]
		if set := regexp.MustCompile(`proxy_set_header ` + name + `\s+\` + variable + `;`); variable == "" || !set.MatchString(text) {
			t.Errorf("%s is the client's own", name)
		}
	}
	for _, wanted := range []string{
		"underscores_in_headers off;", "auth_request /_verify;", "internal;", "http://domicile" + apps.PathVerify + ";",
		"return 303 " + apps.PathStart + "?rd=$request_uri;", "error_page 401 = @signin;", "return 503;",
	} {
		if !strings.Contains(text, wanted) {
			t.Errorf("there is no %q", wanted)
		}
	}
}

// What a client claims is removed, in both spellings, before the question is asked; the answer's headers are all copied.
func TestDeployExamples_traefik(t *testing.T) {
	type server struct {
		URL string `yaml:"url"`
	}
	var file struct {
		HTTP struct {
			Routers map[string]struct {
				Rule        string   `yaml:"rule"`
				Service     string   `yaml:"service"`
				Middlewares []string `yaml:"middlewares"`
				TLS         struct{} `yaml:"tls"`
			} `yaml:"routers"`
			Middlewares map[string]struct {
				Headers struct {
					Request map[string]string `yaml:"customRequestHeaders"`
				} `yaml:"headers"`
				Errors struct {
					Status   []string       `yaml:"status"`
					Rewrites map[string]int `yaml:"statusRewrites"`
					Service  string         `yaml:"service"`
					Query    string         `yaml:"query"`
				} `yaml:"errors"`
				ForwardAuth struct {
					Address  string   `yaml:"address"`
					Trust    bool     `yaml:"trustForwardHeader"`
					Request  []string `yaml:"authRequestHeaders"`
					Response []string `yaml:"authResponseHeaders"`
				} `yaml:"forwardAuth"`
			} `yaml:"middlewares"`
			Services map[string]struct {
				LoadBalancer struct {
					Servers []server `yaml:"servers"`
				} `yaml:"loadBalancer"`
			} `yaml:"services"`
		} `yaml:"http"`
	}
	decodeExample(t, "traefik.yml", &file)
	order := file.HTTP.Routers["app"].Middlewares
	if !slices.Equal(order, []string{"no-identity", "sign-in", "verify"}) {
		t.Errorf("the middlewares run in the order %v", order)
	}
	removed := file.HTTP.Middlewares["no-identity"].Headers.Request
	for _, name := range apps.Headers() {
		for _, spelling := range []string{name, strings.ReplaceAll(name, "-", "_")} {
			if value, ok := removed[spelling]; !ok || value != "" {
				t.Errorf("%s of a client passes", spelling)
			}
		}
	}
	verify := file.HTTP.Middlewares["verify"].ForwardAuth
	if !slices.Equal(verify.Response, apps.Headers()) || !strings.HasSuffix(verify.Address, apps.PathVerify) || verify.Trust {
		t.Errorf("the question is %+v", verify)
	}
	if signIn := file.HTTP.Middlewares["sign-in"].Errors; signIn.Query != apps.PathStart+"?rd={url}" || signIn.Rewrites["401"] != 303 {
		t.Errorf("the way to sign in is %+v", signIn)
	}
}

// What a client claims is removed before the question is asked; the answer's headers are all copied; a node that cannot know is
// no refusal.
func TestDeployExamples_envoy(t *testing.T) {
	type patterns struct {
		Patterns []struct {
			Exact string `yaml:"exact"`
		} `yaml:"patterns"`
	}
	var file struct {
		Resources struct {
			Listeners []struct {
				Chains []struct {
					Filters []struct {
						Config struct {
							Protocol map[string]string `yaml:"common_http_protocol_options"`
							Filters  []struct {
								Name   string `yaml:"name"`
								Config struct {
									Mutations struct {
										Request []map[string]string `yaml:"request_mutations"`
									} `yaml:"mutations"`
									Allow   bool              `yaml:"failure_mode_allow"`
									Status  map[string]string `yaml:"status_on_error"`
									Service struct {
										Prefix   string `yaml:"path_prefix"`
										Response struct {
											Upstream patterns `yaml:"allowed_upstream_headers"`
										} `yaml:"authorization_response"`
									} `yaml:"http_service"`
								} `yaml:"typed_config"`
							} `yaml:"http_filters"`
						} `yaml:"typed_config"`
					} `yaml:"filters"`
				} `yaml:"filter_chains"`
			} `yaml:"listeners"`
		} `yaml:"static_resources"`
	}
	if err := yaml.Unmarshal([]byte(deployFile(t, "examples/envoy.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	manager := file.Resources.Listeners[0].Chains[0].Filters[0].Config
	if manager.Protocol["headers_with_underscores_action"] != "REJECT_REQUEST" {
		t.Error("headers with underscores pass")
	}
	filters := manager.Filters
	if len(filters) != 3 || !strings.HasSuffix(filters[0].Name, ".header_mutation") || !strings.HasSuffix(filters[1].Name, ".ext_authz") {
		t.Fatalf("the filters run in another order: %+v", filters)
	}
	var removed, copied []string
	for _, mutation := range filters[0].Config.Mutations.Request {
		removed = append(removed, mutation["remove"])
	}
	authorize := filters[1].Config
	for _, pattern := range authorize.Service.Response.Upstream.Patterns {
		copied = append(copied, pattern.Exact)
	}
	if !slices.Equal(removed, lowered()) || !slices.Equal(copied, lowered()) {
		t.Errorf("removed %v, copied %v", removed, copied)
	}
	if authorize.Allow || authorize.Status["code"] != "ServiceUnavailable" || authorize.Service.Prefix != apps.PathVerify {
		t.Errorf("the question is %+v", authorize)
	}
}

func decodeExample(t *testing.T, name string, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(deployFile(t, "examples/"+name)))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}
