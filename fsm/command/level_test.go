package command_test

import (
	"bytes"
	"slices"
	"testing"

	"domicile/fsm/command"
)

// What the first release could write needs level 1, all else level 2: else a member of the first release would halt at it.
func TestCommand_EncodeWithLevel(t *testing.T) {
	for _, p := range samples() {
		want := uint64(2)
		if slices.Contains(sampleOrder, p) || p.Kind() == command.KindRaiseLevel {
			want = 1
		}
		c := sample(p)
		encoded, level := c.EncodeWithLevel()
		if level != want || !bytes.Equal(encoded, c.Encode()) {
			t.Errorf("%s needs level %d, want %d", sampleName(p), level, want)
		}
	}
}
