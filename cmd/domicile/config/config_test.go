package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const least = `
region: us
regions: [{id: us, name: US, url: "https://us.example.com"}]
data_dir: /var/lib/domicile
keyring_file: k
peer: {advertise: "us-1:7946", certificate_file: c, key_file: k, ca_file: a}
`

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "domicile.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

func TestLoad_zeroValuesAreUsable(t *testing.T) {
	c, err := load(t, least)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.OpsListen != "127.0.0.1:9080" || c.DrainDelay != 5*time.Second || c.Dev {
		t.Errorf("defaults are not as documented: %+v", c)
	}
	own, all := c.Directory()
	if own.LoginURL != "https://us.example.com/login" || len(all) != 1 {
		t.Errorf("regions are %+v, own %+v", all, own)
	}
}

func TestLoad_theDeployedExampleIsGood(t *testing.T) {
	c, err := Load(filepath.Join("..", "..", "..", "deploy", "domicile.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Peer.BootstrapExpect != 3 || len(c.Regions) != 2 || c.Mail.TLS != "starttls" {
		t.Errorf("the example says %+v", c)
	}
}

func TestLoad_faultsAreNamed(t *testing.T) {
	for name, tc := range map[string]struct{ change, want string }{
		"unknown key":         {"colour: blue\n", "colour"},
		"wrong type":          {"drain_delay: soon\n", "soon"},
		"region not listed":   {strings.Replace(least, "region: us", "region: eu", 1), `must list region "eu"`},
		"url with a path":     {strings.Replace(least, "us.example.com\"", "us.example.com/x\"", 1), "must be http(s)://host"},
		"listen is a name":    {"listen: localhost:80\n", "IP address"},
		"dev beyond loopback": {"dev: true\nlisten: 0.0.0.0:80\n", "loopback only"},
		"half a key pair":     {"tls_key_file: k\n", "go together"},
		"sample too large":    {"traces: {sample: 2}\n", "between 0 and 1"},
		"DNS without port":    {"dns: {servers: [192.0.2.53]}\n", "dns.servers[0]"},
		"many DNS servers":    {"dns: {servers: [" + strings.Repeat("\"a:53\", ", 9) + "]}\n", "at most 8"},
		"mail without server": {"mail: {from: a@example.com}\n", "without mail.smtp"},
		"mail without port":   {"mail: {smtp: mail.example.com, from: a@example.com}\n", "host:port"},
		"mail from nobody":    {"mail: {smtp: \"mail.example.com:587\"}\n", "mail.from"},
		"operator by name":    {"mail: {smtp: \"m:25\", from: a@example.com, operators: [\"Rosa <rosa@example.com>\"]}\n", "mail.operators[0]"},
		"too many operators":  {"mail: {smtp: \"m:25\", from: a@example.com, operators: [" + strings.Repeat("a@example.com, ", 21) + "]}\n", "more than 20"},
		"operators alone":     {"mail: {operators: [a@example.com]}\n", "without mail.smtp"},
		"unknown protection":  {"mail: {smtp: \"m:25\", from: a@example.com, tls: ssl}\n", "mail.tls must be"},
		"half a login":        {"mail: {smtp: \"m:25\", from: a@example.com, username: u}\n", "go together"},
		"password in clear":   {"mail: {smtp: \"m:25\", from: a@example.com, tls: none, username: u, password_file: p}\n", "in clear"},
		"nothing at all":      {"region: \"\"\n", "data_dir is required"},
	} {
		t.Run(name, func(t *testing.T) {
			text := tc.change
			if !strings.Contains(text, "keyring_file") && name != "nothing at all" {
				text = least + text
			}
			_, err := load(t, text)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want it to name %q", err, tc.want)
			}
		})
	}
}
