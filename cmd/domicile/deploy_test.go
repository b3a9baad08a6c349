package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"gopkg.in/yaml.v3"

	"domicile/cluster"
	"domicile/cmd/domicile/config"
	"domicile/telemetry"
)

func deployFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// knows checks that the binary has a command with these flags.
func knows(t *testing.T, line string) {
	t.Helper()
	words := strings.Fields(line)
	if len(words) < 2 || filepath.Base(words[0]) != "domicile" {
		t.Errorf("%q does not run the binary", line)
		return
	}
	cmd, rest, err := newRootCommand().Find(words[1:])
	if err != nil || cmd.Name() != words[1] {
		t.Errorf("%q: there is no such command (%v)", line, err)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%q: %v", line, err)
	}
}

// The systemd unit starts commands that exist, as an unprivileged user, and lets a stop take as long as a drain may.
func TestDeploy_systemdUnit(t *testing.T) {
	settings := map[string]string{}
	section := ""
	for _, line := range strings.Split(deployFile(t, "domicile.service"), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || section == "" {
				t.Errorf("line %q is no setting of a section", line)
			}
			settings[section+"."+key] = value
		}
	}
	knows(t, settings["Service.ExecStart"])
	knows(t, settings["Service.ExecStartPre"])
	for key, want := range map[string]string{
		"Service.User": "domicile", "Service.TimeoutStopSec": "60", "Service.NoNewPrivileges": "yes",
		"Service.ProtectSystem": "strict", "Service.StateDirectoryMode": "0700", "Install.WantedBy": "multi-user.target",
	} {
		if settings[key] != want {
			t.Errorf("%s is %q, want %q", key, settings[key], want)
		}
	}
}

// The compose file runs three nodes of each region, each with a volume of its own, on networks that do not meet.
func TestDeploy_compose(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Networks []string `yaml:"networks"`
			Volumes  []string `yaml:"volumes"`
			Build    struct {
				Context    string `yaml:"context"`
				Dockerfile string `yaml:"dockerfile"`
			} `yaml:"build"`
		} `yaml:"services"`
		Networks map[string]any `yaml:"networks"`
		Volumes  map[string]any `yaml:"volumes"`
	}
	if err := yaml.Unmarshal([]byte(deployFile(t, "compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	if len(compose.Services) != 6 || len(compose.Networks) != 2 {
		t.Errorf("%d services on %d networks, want 6 on 2", len(compose.Services), len(compose.Networks))
	}
	for name, service := range compose.Services {
		region, _, _ := strings.Cut(name, "-")
		if len(service.Networks) != 1 || service.Networks[0] != region {
			t.Errorf("%s is on networks %v, want its region's only", name, service.Networks)
		}
		if _, err := os.Stat(filepath.Join("..", "..", "deploy", service.Build.Context, service.Build.Dockerfile)); err != nil {
			t.Error(err)
		}
		own := false
		for _, volume := range service.Volumes {
			source, target, _ := strings.Cut(volume, ":")
			_, declared := compose.Volumes[source]
			own = own || declared && source == name && target == "/var/lib/domicile"
		}
		if !own {
			t.Errorf("%s has no volume of its own for its data: %v", name, service.Volumes)
		}
	}
}

// The container file starts a command that exists.
func TestDeploy_containerfile(t *testing.T) {
	var command []string
	for _, line := range strings.Split(deployFile(t, "Containerfile"), "\n") {
		keyword, rest, _ := strings.Cut(line, " ")
		if keyword != "ENTRYPOINT" && keyword != "CMD" {
			continue
		}
		var words []string
		if err := yaml.Unmarshal([]byte(rest), &words); err != nil {
			t.Fatal(err)
		}
		command = append(command, words...)
	}
	knows(t, strings.Join(command, " "))
}

// measures gives what the binary exports, by name: the labels of each metric, histograms under their three names.
func measures(t *testing.T) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	if err := initRegion(dir, "us"); err != nil {
		t.Fatal(err)
	}
	if err := issueNode(dir, dir, "us-1", []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	cfg := config.Config{
		Region: "us", Regions: []config.Region{{ID: "us", Name: "US", URL: "https://us.example.com", LoginURL: "https://us.example.com/login"}},
		DataDir: filepath.Join(dir, "data"), KeyringFile: filepath.Join(dir, "keyring.json"), Log: config.Log{Level: "error", Format: "json"},
		Peer: config.Peer{
			Listen: "127.0.0.1:0", CAFile: filepath.Join(dir, "ca.pem"), BootstrapExpect: 1,
			CertificateFile: filepath.Join(dir, "us-1.pem"), KeyFile: filepath.Join(dir, "us-1.key"),
		},
	}
	k, err := loadKeys(cfg)
	if err != nil {
		t.Fatal(err)
	}
	o, err := observe(t.Context(), cfg, k.credentials.Identity())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.close() })
	telemetry.NewRaftSink(o.registry)
	node, err := cluster.Start(t.Context(), clusterConfig(cfg, k))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Shutdown(context.WithoutCancel(t.Context())) })
	o.registry.MustRegister(node.Metrics()...)
	house, err := newHouse(cfg, k, o, node)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newClockwork(cfg, k, o, node, house); err != nil {
		t.Fatal(err)
	}
	return describe(o.registry)
}

// describe reads descriptions, which are there before the first event; they have no other way to tell name and labels.
func describe(registry *prometheus.Registry) map[string][]string {
	descriptions := make(chan *prometheus.Desc)
	go func() { registry.Describe(descriptions); close(descriptions) }()
	form := regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([^}]*)`)
	known := make(map[string][]string)
	for d := range descriptions {
		if parts := form.FindStringSubmatch(d.String()); parts != nil {
			labels := strings.Split(parts[2], ",")
			for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
				known[parts[1]+suffix] = labels
			}
		}
	}
	return known
}

var (
	metricName = regexp.MustCompile(`\b(?:domicile|go|process)_\w+`)
	labelUse   = regexp.MustCompile(`(\w+)=~?"|by \(([^)]*)\)`)
)

// checkQuery checks that a query asks for metrics that there are, by labels that they or the scrape job give them.
func checkQuery(t *testing.T, place, query string, known map[string][]string) {
	t.Helper()
	labels := []string{"region", "instance", "job", "le"}
	for _, name := range metricName.FindAllString(query, -1) {
		own, ok := known[name]
		if !ok {
			t.Errorf("%s: there is no metric %s", place, name)
		}
		labels = append(labels, own...)
	}
	for _, use := range labelUse.FindAllStringSubmatch(query, -1) {
		for _, label := range strings.Split(use[1]+use[2], ", ") {
			if !slices.Contains(labels, label) {
				t.Errorf("%s: there is no label %q in %s", place, label, query)
			}
		}
	}
	if query == "" || strings.Count(query, "(") != strings.Count(query, ")") {
		t.Errorf("%s: the query %q cannot be meant", place, query)
	}
}

// The rules and the dashboard ask for what there is, and each alert is explained in docs/operations.md, which has no others.
func TestDeploy_prometheusAndGrafana(t *testing.T) {
	known := measures(t)
	if known["domicile_raft_fsm_saturation_ratio_bucket"] == nil || known["domicile_storage_stalls_total"] == nil {
		t.Fatalf("the registry of this test is not the product's: %d names", len(known))
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
			Name string `yaml:"name"`
		} `yaml:"groups"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(deployFile(t, "prometheus/rules.yaml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			alerts = append(alerts, rule.Alert)
			checkQuery(t, rule.Alert, rule.Expr, known)
			if severity := rule.Labels["severity"]; severity != "page" && severity != "ticket" || rule.Annotations["summary"] == "" {
				t.Errorf("%s has severity %q and the summary %q", rule.Alert, severity, rule.Annotations["summary"])
			}
		}
	}
	checkExplained(t, alerts)

	var dashboard struct {
		Panels []struct {
			ID      int    `json:"id"`
			Type    string `json:"type"`
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal([]byte(deployFile(t, "grafana/domicile.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := make(map[int]bool)
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] || panel.Title == "" || (panel.Type == "row") != (len(panel.Targets) == 0) {
			t.Errorf("panel %d %q is no panel", panel.ID, panel.Title)
		}
		ids[panel.ID] = true
		for _, target := range panel.Targets {
			checkQuery(t, panel.Title, target.Expr, known)
		}
	}
}

// checkExplained compares the alerts with the table of docs/operations.md.
func checkExplained(t *testing.T, alerts []string) {
	t.Helper()
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(Domicile\\w+)` \\|").FindAllStringSubmatch(string(docs), -1) {
		explained = append(explained, row[1])
	}
	slices.Sort(alerts)
	slices.Sort(explained)
	if !slices.Equal(alerts, explained) {
		t.Errorf("the rules have\n%v\ndocs/operations.md explains\n%v", alerts, explained)
	}
}
