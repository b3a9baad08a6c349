package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"domicile/cluster"
	"domicile/cmd/domicile/config"
	"domicile/httpapi"
	"domicile/jobs"
	"domicile/oidc"
	"domicile/oidc/local"
	"domicile/scim"
	"domicile/seal"
	"domicile/telemetry"
)

func newServeCommand() *cobra.Command {
	var file string
	var check, withParent bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run one node of a region",
		Long: "Runs one node of a region from a configuration file (deploy/domicile.yaml is a commented example). SIGTERM\n" +
			"stops it in order: unready, drain, hand over leadership, exit.",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(file)
			if err != nil {
				return err
			}
			if check {
				return checkConfig(cmd.OutOrStdout(), cfg)
			}
			ctx := cmd.Context()
			if withParent {
				var stop context.CancelFunc
				ctx, stop = followParent(ctx, cmd.InOrStdin())
				defer stop()
			}
			return serve(ctx, cfg)
		},
	}
	cmd.Flags().StringVar(&file, "config", "/etc/domicile/domicile.yaml", "configuration file")
	cmd.Flags().BoolVar(&check, "check", false, "check the configuration and the files it names, and exit")
	cmd.Flags().BoolVar(&withParent, "with-parent", false, "stop when standard input ends")
	must(cmd.Flags().MarkHidden("with-parent"))
	return cmd
}

// checkConfig opens every file that the configuration names.
func checkConfig(out io.Writer, cfg config.Config) error {
	k, err := loadKeys(cfg)
	if err != nil {
		return err
	}
	if _, err := newSender(cfg, k); err != nil {
		return err
	}
	fmt.Fprintf(out, "configuration of node %s is good\n", k.credentials.Identity())
	return nil
}

// followParent ends the context when in ends: dev holds the other end, so that no node outlives it.
func followParent(ctx context.Context, in io.Reader) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in)
		stop()
	}()
	return ctx, stop
}

// keys are the secrets of a node.
type keys struct {
	credentials  *seal.PeerCredentials
	keyring      *seal.Keyring
	operatorHash [32]byte
	mailPassword seal.Secret // of the mail server, zero for none
	tls          *tls.Config // of the public listener, nil for plain HTTP
}

func loadKeys(cfg config.Config) (keys, error) {
	var k keys
	var err error
	if k.credentials, err = seal.PeerTLS(cfg.Peer.CertificateFile, cfg.Peer.KeyFile, cfg.Peer.CAFile); err != nil {
		return k, err
	}
	if region := k.credentials.Identity().Region; region != cfg.Region {
		return k, fmt.Errorf("the node certificate is of region %q, the configuration of region %q", region, cfg.Region)
	}
	if k.keyring, err = seal.LoadKeyring(cfg.KeyringFile); err != nil {
		return k, err
	}
	if cfg.OperatorTokenFile != "" {
		token, err := seal.ReadSecretFile(cfg.OperatorTokenFile)
		if err != nil {
			return k, err
		}
		k.operatorHash = seal.HashToken(token.Reveal())
	}
	if cfg.Mail.PasswordFile != "" {
		if k.mailPassword, err = seal.ReadSecretFile(cfg.Mail.PasswordFile); err != nil {
			return k, err
		}
	}
	if cfg.TLSCertificateFile != "" {
		pair, err := tls.LoadX509KeyPair(cfg.TLSCertificateFile, cfg.TLSKeyFile)
		if err != nil {
			return k, fmt.Errorf("load the public certificate: %w", err)
		}
		k.tls = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	return k, nil
}

// clusterConfig is what the configuration file says about the node's place in its cluster.
func clusterConfig(cfg config.Config, k keys) cluster.Config {
	return cluster.Config{
		DataDir: cfg.DataDir, Listen: cfg.Peer.Listen, Advertise: cfg.Peer.Advertise, Seeds: cfg.Peer.Seeds,
		BootstrapExpect: cfg.Peer.BootstrapExpect, Credentials: k.credentials, Keyring: k.keyring,
	}
}

// observability is what every room reports to.
type observability struct {
	logger   *slog.Logger
	level    *slog.LevelVar
	output   *telemetry.BufferedWriter
	registry *prometheus.Registry
	tracing  *telemetry.Tracing
}

func observe(ctx context.Context, cfg config.Config, identity seal.Identity) (*observability, error) {
	o := &observability{level: new(slog.LevelVar), registry: telemetry.NewRegistry()}
	if err := o.level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	o.output = telemetry.NewBufferedWriter(os.Stderr, telemetry.WriterConfig{})
	o.registry.MustRegister(telemetry.DroppedLines(o.output))
	o.logger = telemetry.NewLogger(o.output, o.level, cfg.Log.Format).With("region", identity.Region, "node", identity.Node)
	sample := 0.01
	if cfg.Traces.Sample != nil {
		sample = *cfg.Traces.Sample
	}
	var err error
	o.tracing, err = telemetry.NewTracing(ctx, telemetry.TraceConfig{
		Endpoint: cfg.Traces.Endpoint, Sample: sample, File: cfg.Traces.File, Version: version(),
		Region: identity.Region, Node: identity.Node, Log: o.logger,
	})
	return o, err
}

// close flushes what is still buffered.
func (o *observability) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return errors.Join(o.tracing.Shutdown(ctx), o.output.Close())
}

// serve runs the node until ctx ends, then stops it in order.
func serve(ctx context.Context, cfg config.Config) (err error) {
	k, err := loadKeys(cfg)
	if err != nil {
		return err
	}
	o, err := observe(ctx, cfg, k.credentials.Identity())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	tuneMemory()
	raftSink := telemetry.NewRaftSink(o.registry)
	if err := raftSink.Install(); err != nil {
		return err
	}
	public, err := listen(cfg.Listen, k.tls)
	if err != nil {
		return err
	}
	place := clusterConfig(cfg, k)
	place.Logger, place.Tracer = o.logger, o.tracing.Tracer("cluster")
	place.Exit = func(code int) { _ = o.output.Close(); os.Exit(code) }
	node, err := cluster.Start(ctx, place)
	if err != nil {
		return err
	}
	o.registry.MustRegister(node.Metrics()...)
	house, err := newHouse(cfg, k, o, node)
	if err != nil {
		return errors.Join(err, node.Shutdown(context.WithoutCancel(ctx)))
	}
	clockwork, err := newClockwork(cfg, k, o, node, house)
	if err != nil {
		return errors.Join(err, node.Shutdown(context.WithoutCancel(ctx)))
	}
	ops, err := telemetry.NewOps(telemetry.OpsConfig{
		Addr: cfg.OpsListen, Registry: o.registry, Level: o.level,
		Live:   []telemetry.Check{{Name: "node", Probe: node.Live}},
		Ready:  []telemetry.Check{{Name: "node", Probe: node.Ready}},
		Status: func() any { return node.Status() },
		Digest: func() any { return digestOf(node) },
	})
	if err != nil {
		return errors.Join(err, node.Shutdown(context.WithoutCancel(ctx)))
	}
	s := service{
		observability: o, cfg: cfg, node: node, recorder: house.recorder, signIn: house.signIn, local: house.local,
		clockwork: clockwork,
		server:    httpapi.NewServer(house.hallway, o.logger), public: public, ops: ops,
	}
	return s.run(ctx)
}

// ledgerDigest is the answer of /digest: nodes at the same seq and ledger time have the same digest, or one
// of them is broken.
type ledgerDigest struct {
	Seq    uint64 `json:"seq"`
	Digest string `json:"digest"`
}

func digestOf(node *cluster.Node) ledgerDigest {
	seq, digest := node.Digest()
	return ledgerDigest{seq, digest}
}

// tuneMemory trades memory for speed: the records are many and long-lived, and what a request allocates is little, so the
// collector may come half as often as by default. The environment's GOGC has the last word.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

func listen(address string, config *tls.Config) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if config != nil {
		return tls.NewListener(listener, config), nil
	}
	return listener, nil
}

// service is a node that is ready to serve.
type service struct {
	*observability
	cfg       config.Config
	node      *cluster.Node
	recorder  *scim.Recorder
	signIn    *oidc.Service
	local     *local.Service
	clockwork *jobs.Clockwork
	server    *http.Server
	public    net.Listener
	ops       *telemetry.Ops
}

// run serves until ctx ends. Stopping has an order, so that no client sees it: say unready and go on serving for the drain
// delay; write what was recorded, while this node may still be the leader; hand leadership over; let requests finish, and
// write what they left; then stop the node, and the operations listener last, so that an SRE can watch.
func (s *service) run(ctx context.Context) error {
	opsContext, stopOps := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOps()
	recording, stopRecording := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRecording()
	recorded := make(chan struct{})
	group, failed := errgroup.WithContext(ctx)
	group.Go(func() error { return s.ops.Serve(opsContext) })
	group.Go(func() error {
		defer close(recorded)
		s.recorder.Run(recording)
		return nil
	})
	group.Go(func() error {
		s.signIn.Run(recording)
		return nil
	})
	group.Go(func() error {
		s.clockwork.Run(failed)
		return nil
	})
	group.Go(func() error {
		if err := s.server.Serve(s.public); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-failed.Done()
		defer stopOps()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainDelay+30*time.Second)
		defer cancel()
		s.logger.Info("stopping", "step", "drain", "delay", s.cfg.DrainDelay)
		s.node.Drain()
		time.Sleep(s.cfg.DrainDelay)
		s.recorder.Flush(stopping)
		if err := s.node.TransferLeadership(stopping); err != nil {
			s.logger.Warn("stopping", "step", "leadership not handed over", "error", err)
		}
		err := s.server.Shutdown(stopping)
		s.local.Wait(stopping)
		stopRecording()
		<-recorded
		return errors.Join(err, s.node.Shutdown(stopping))
	})
	s.logger.Info("serving", "listen", s.cfg.Listen, "ops", s.cfg.OpsListen, "data", filepath.Base(s.cfg.DataDir))
	return group.Wait()
}
