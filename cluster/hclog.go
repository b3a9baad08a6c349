package cluster

import (
	"context"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLog is the raft library's logger on top of slog. Raft's "info" is an operator's "debug": it tells of every state
// change, which leadership.go reports once and in our words.
type raftLog struct {
	hclog.Logger // answers the questions that nobody asks
	logger       *slog.Logger
}

func hclogger(logger *slog.Logger) hclog.Logger {
	return raftLog{Logger: hclog.NewNullLogger(), logger: logger.With("library", "raft")}
}

var hclogLevels = map[hclog.Level]slog.Level{
	hclog.Trace: slog.LevelDebug - 4,
	hclog.Debug: slog.LevelDebug,
	hclog.Info:  slog.LevelDebug,
	hclog.Warn:  slog.LevelInfo,
	hclog.Error: slog.LevelWarn,
}

func (l raftLog) Log(level hclog.Level, text string, args ...any) {
	l.logger.Log(context.Background(), hclogLevels[level], text, args...)
}

func (l raftLog) Trace(text string, args ...any) { l.Log(hclog.Trace, text, args...) }
func (l raftLog) Debug(text string, args ...any) { l.Log(hclog.Debug, text, args...) }
func (l raftLog) Info(text string, args ...any)  { l.Log(hclog.Info, text, args...) }
func (l raftLog) Warn(text string, args ...any)  { l.Log(hclog.Warn, text, args...) }
func (l raftLog) Error(text string, args ...any) { l.Log(hclog.Error, text, args...) }

func (l raftLog) With(args ...any) hclog.Logger {
	return raftLog{Logger: l.Logger, logger: l.logger.With(args...)}
}
func (l raftLog) Named(string) hclog.Logger      { return l }
func (l raftLog) ResetNamed(string) hclog.Logger { return l }
