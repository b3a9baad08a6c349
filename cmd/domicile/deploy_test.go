package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
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
