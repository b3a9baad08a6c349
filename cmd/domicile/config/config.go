package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"domicile/directory"
	"domicile/jobs/post"
)

// Config is the configuration file of one node, in YAML. Unknown keys are refused. Durations are Go durations ("5s").
// Secrets are paths of files that only the service's user can read. The comment of each field states its unit and what its
// zero value means; deploy/domicile.yaml is the same list as a commented example.
type Config struct {
	// Region is the id of the region that this node serves; it must be the region of the node's certificate. Required.
	Region string `yaml:"region"`
	// Regions lists every hosting region for the sign-in page and for error texts, this one included. Required.
	Regions []Region `yaml:"regions"`
	// DataDir keeps the log, the snapshots and the node's identity. Required.
	DataDir string `yaml:"data_dir"`
	// Listen is the public address for IdPs, people and API clients. Empty: "127.0.0.1:8080".
	Listen string `yaml:"listen"`
	// TLSCertificateFile and TLSKeyFile make the public listener speak TLS. Empty: plain HTTP, for a proxy that ends TLS.
	TLSCertificateFile string `yaml:"tls_certificate_file"`
	TLSKeyFile         string `yaml:"tls_key_file"`
	// OpsListen is the private address for /metrics, /healthz, /readyz, /status and /debug. Empty: "127.0.0.1:9080".
	OpsListen string `yaml:"ops_listen"`
	// TrustedProxies are networks whose X-Forwarded-For is believed. Empty: none.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// KeyringFile holds the region's keys, the same on every node of the region (domicile pki keyring). Required.
	KeyringFile string `yaml:"keyring_file"`
	// OperatorTokenFile holds the bearer token of the administration API. Empty: the API refuses everybody.
	OperatorTokenFile string `yaml:"operator_token_file"`
	// Peer is the link between the nodes of the region.
	Peer Peer `yaml:"peer"`
	// IdP bounds the calls to the organizations' identity providers.
	IdP IdP `yaml:"idp"`
	// Applications bounds the calls to the operator's own applications, which are told when a session ended.
	Applications Applications `yaml:"applications,omitempty"`
	// DNS sets who is asked whether organizations own their domains.
	DNS DNS `yaml:"dns,omitempty"`
	// Mail sets which mail server takes the mails to owners of organizations and to operators.
	Mail Mail `yaml:"mail"`
	// Log sets what goes to standard error.
	Log Log `yaml:"log"`
	// Traces sets where spans go.
	Traces Traces `yaml:"traces"`
	// DrainDelay is how long a stopping node goes on serving after it has said that it is not ready, so that balancers
	// notice. Zero: 5s.
	DrainDelay time.Duration `yaml:"drain_delay"`
	// Dev loosens what a laptop needs loosened: plain-http cookies, providers on loopback. Never for production; a node in
	// dev mode refuses to listen on anything but loopback.
	Dev bool `yaml:"dev"`
}

// Region is one hosting region by name and address.
type Region struct {
	ID       string `yaml:"id"`        // "us"
	Name     string `yaml:"name"`      // "United States"
	URL      string `yaml:"url"`       // for IdPs and API clients, no trailing slash
	LoginURL string `yaml:"login_url"` // the sign-in page as browsers reach it. Empty: URL + "/login"
}

// Peer is the mutually authenticated link between the nodes of one region.
type Peer struct {
	Listen          string   `yaml:"listen"`           // Empty: "0.0.0.0:7946"
	Advertise       string   `yaml:"advertise"`        // host:port that the other nodes dial. Required.
	Seeds           []string `yaml:"seeds"`            // host:port of some nodes of the region, this one allowed
	BootstrapExpect int      `yaml:"bootstrap_expect"` // number of nodes that found a new region together; 0: only join
	CertificateFile string   `yaml:"certificate_file"` // from domicile pki node. Required.
	KeyFile         string   `yaml:"key_file"`         // Required.
	CAFile          string   `yaml:"ca_file"`          // the region's CA. Required.
}

// IdP bounds the calls to identity providers. Special-use addresses are refused unless listed.
type IdP struct {
	AllowPrivate []netip.Prefix `yaml:"allow_private"` // networks of self-hosted providers. Empty: none
}

// DNS sets which resolvers look for the proofs of domains. All of them are asked, and have to agree.
type DNS struct {
	Servers []string `yaml:"servers"` // host:port, at most 8. Empty: the system's, as one
}

const maxDNSServers = 8

func (d *DNS) validate(fault func(format string, args ...any)) {
	if len(d.Servers) > maxDNSServers {
		fault("dns.servers must have at most %d entries", maxDNSServers)
	}
	for i, server := range d.Servers {
		if host, port, err := net.SplitHostPort(server); err != nil || host == "" || port == "" {
			fault("dns.servers[%d] %q must be host:port", i, server)
		}
	}
}

// Applications bounds the calls to the operator's own applications. Special-use addresses are refused unless listed.
type Applications struct {
	AllowPrivate []netip.Prefix `yaml:"allow_private"` // networks that they live in. Empty: none
	AllowPorts   []uint16       `yaml:"allow_ports"`   // besides 443
}

// Mail is the region's way to people: to the owners of organizations, for example when their directory sync fails, and to the
// operators. The same on every node: the leader sends notices, every node codes for sign-in.
type Mail struct {
	SMTP         string `yaml:"smtp"`          // host:port of the mail server. Empty: no mail is sent
	TLS          string `yaml:"tls"`           // starttls, implicit or none. Empty: starttls
	From         string `yaml:"from"`          // "Domicile <no-reply@example.com>". Required with smtp
	Username     string `yaml:"username"`      // Empty: no authentication
	PasswordFile string `yaml:"password_file"` // goes with username
	// Operators are the addresses of those who review connection requests; they hear of each that is submitted. At most 20.
	// Empty: nobody does.
	Operators []string `yaml:"operators,omitempty"`
}

const maxOperators = 20

// Log sets the log on standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error. Empty: info
	Format string `yaml:"format"` // json or text. Empty: json
}

// Traces sets OpenTelemetry traces.
type Traces struct {
	Endpoint string   `yaml:"endpoint"` // OTLP/HTTP collector URL. Empty: no traces leave the node
	Sample   *float64 `yaml:"sample"`   // share of successful requests, 0 to 1; errors are always kept. Absent: 0.01
	File     string   `yaml:"file"`     // append spans as JSON lines, for development. Empty: none
}

// Load reads, completes and validates a configuration file.
func Load(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	var c Config
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("read configuration %s: %w", path, err)
	}
	c.complete()
	if err := c.validate(); err != nil {
		return Config{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	return c, nil
}

// complete gives zero values their meaning.
func (c *Config) complete() {
	setDefault(&c.Listen, "127.0.0.1:8080")
	setDefault(&c.OpsListen, "127.0.0.1:9080")
	setDefault(&c.Peer.Listen, "0.0.0.0:7946")
	if c.Mail.SMTP != "" && c.Mail.TLS == "" {
		c.Mail.TLS = "starttls"
	}
	setDefault(&c.Log.Level, "info")
	setDefault(&c.Log.Format, "json")
	if c.DrainDelay == 0 {
		c.DrainDelay = 5 * time.Second
	}
	for i := range c.Regions {
		setDefault(&c.Regions[i].LoginURL, c.Regions[i].URL+"/login")
	}
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// validate gives every fault at once, a line each.
func (c *Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, required := range []struct{ key, value string }{
		{"region", c.Region},
		{"data_dir", c.DataDir},
		{"keyring_file", c.KeyringFile},
		{"peer.advertise", c.Peer.Advertise},
		{"peer.certificate_file", c.Peer.CertificateFile},
		{"peer.key_file", c.Peer.KeyFile},
		{"peer.ca_file", c.Peer.CAFile},
	} {
		if required.value == "" {
			fault("%s is required", required.key)
		}
	}
	if !slices.ContainsFunc(c.Regions, func(r Region) bool { return r.ID == c.Region }) {
		fault("regions must list region %q", c.Region)
	}
	for i, region := range c.Regions {
		if directory.ValidateSlug(region.ID) != nil {
			fault("regions[%d].id %q must be a lower-case label", i, region.ID)
		}
		if !isOrigin(region.URL) {
			fault("regions[%d].url %q must be http(s)://host with no path", i, region.URL)
		}
		if u, err := url.Parse(region.LoginURL); err != nil || u.Host == "" || u.Path != "/login" {
			fault("regions[%d].login_url %q must be http(s)://host/login", i, region.LoginURL)
		}
	}
	if (c.TLSCertificateFile == "") != (c.TLSKeyFile == "") {
		fault("tls_certificate_file and tls_key_file go together")
	}
	c.DNS.validate(fault)
	c.Mail.validate(fault)
	if c.Log.Format != "json" && c.Log.Format != "text" {
		fault("log.format must be json or text")
	}
	if s := c.Traces.Sample; s != nil && (*s < 0 || *s > 1) {
		fault("traces.sample must be between 0 and 1")
	}
	if c.Peer.BootstrapExpect < 0 || c.Peer.BootstrapExpect > 9 {
		fault("peer.bootstrap_expect must be between 0 and 9")
	}
	if c.DrainDelay < 0 {
		fault("drain_delay must not be negative")
	}
	for _, listen := range []struct{ key, address string }{{"listen", c.Listen}, {"ops_listen", c.OpsListen}} {
		address, err := netip.ParseAddrPort(listen.address)
		if err != nil {
			fault("%s %q must be an IP address and a port", listen.key, listen.address)
		} else if c.Dev && !address.Addr().IsLoopback() {
			fault("%s %q is not loopback: a node in dev mode listens on loopback only", listen.key, listen.address)
		}
	}
	return errors.Join(faults...)
}

func (m *Mail) validate(fault func(format string, args ...any)) {
	if m.SMTP == "" {
		if !reflect.DeepEqual(*m, Mail{}) {
			fault("mail has no effect without mail.smtp")
		}
		return
	}
	if host, port, err := net.SplitHostPort(m.SMTP); err != nil || host == "" || port == "" {
		fault("mail.smtp %q must be host:port", m.SMTP)
	}
	if !slices.Contains([]string{"starttls", "implicit", "none"}, m.TLS) {
		fault("mail.tls must be starttls, implicit or none")
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		fault("mail.from %q must be an address, like: Domicile <no-reply@example.com>", m.From)
	}
	if (m.Username == "") != (m.PasswordFile == "") {
		fault("mail.username and mail.password_file go together")
	}
	if m.Username != "" && m.TLS == "none" {
		fault("mail.tls none would send the password in clear")
	}
	if len(m.Operators) > maxOperators {
		fault("mail.operators has more than %d addresses", maxOperators)
	}
	for i, operator := range m.Operators {
		if _, err := post.ParseAddress(operator); err != nil {
			fault("mail.operators[%d] %q must be an address alone, like: review@example.com", i, operator)
		}
	}
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Path == "" &&
		u.RawQuery == "" && u.Fragment == "" && u.User == nil && !strings.HasSuffix(s, "/")
}

// Directory gives this node's region and the list, in the directory's terms.
func (c *Config) Directory() (own directory.Region, all []directory.Region) {
	for _, r := range c.Regions {
		region := directory.Region{ID: r.ID, Name: r.Name, URL: r.URL, LoginURL: r.LoginURL}
		all = append(all, region)
		if r.ID == c.Region {
			own = region
		}
	}
	return own, all
}
