package command_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/wire"
)

var update = flag.Bool("update", false, "write the golden files of kinds that were not released yet")

// golden compares got with a file of hex digits, or writes the file under -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".hex")
	if *update {
		var lines strings.Builder
		for text := hex.EncodeToString(got); text != ""; {
			n := min(len(text), 100)
			lines.WriteString(text[:n] + "\n")
			text = text[n:]
		}
		if err := os.WriteFile(path, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no golden bytes: %v; run with -update and review them", err)
	}
	want, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("bytes of %s changed: a released command never changes\n got %x\nwant %x", name, got, want)
	}
}

func TestCommand_golden(t *testing.T) {
	seen := make(map[command.Kind]bool)
	for _, p := range samples() {
		t.Run(sampleName(p), func(t *testing.T) {
			seen[p.Kind()] = true
			c := sample(p)
			encoded := c.Encode()
			golden(t, sampleName(p), encoded)
			decoded, err := command.Decode(string(encoded))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(decoded, c) {
				t.Errorf("decoded %+v, want %+v", decoded.Payload, c.Payload)
			}
			if again := decoded.Encode(); !bytes.Equal(again, encoded) {
				t.Errorf("encoded again %x, want %x", again, encoded)
			}
		})
	}
	for _, kind := range command.Kinds() {
		if !seen[kind] {
			t.Errorf("kind %s has no sample and no golden bytes", kind)
		}
	}
}

// Each constant of type Kind has a row, and names and numbers are used once.
func TestKinds_rows(t *testing.T) {
	constants := kindConstants(t)
	rows := command.Kinds()
	if len(rows) != len(constants) {
		t.Errorf("%d kinds have a row, %d constants are declared: %v", len(rows), len(constants), constants)
	}
	names := make(map[string]bool)
	for i, kind := range rows {
		if int(kind) != i+1 {
			t.Errorf("kind %d stands at place %d: numbers are dense and begin at 1", kind, i+1)
		}
		if name := kind.String(); names[name] || name == "" || strings.HasPrefix(name, "kind_") {
			t.Errorf("kind %d has the name %q: taken or none", kind, name)
		}
		names[kind.String()] = true
	}
}

func kindConstants(t *testing.T) []string {
	file, err := parser.ParseFile(token.NewFileSet(), "command.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Kind" {
				names = append(names, spec.Names[0].Name)
			}
		}
		return true
	})
	return names
}

func TestEntry_golden(t *testing.T) {
	entry := sampleEntry()
	encoded := entry.Encode()
	golden(t, "entry", encoded)
	decoded, err := command.DecodeEntry(encoded)
	if err != nil {
		t.Fatal(err)
	}
	again := command.Entry{Region: decoded.Region, Cluster: decoded.Cluster, At: decoded.At}
	for i := range decoded.Commands {
		again.Commands = append(again.Commands, decoded.Commands[i].Encode())
	}
	if !reflect.DeepEqual(again, entry) {
		t.Errorf("decoded %+v, want %+v", again, entry)
	}
}

func TestResult_golden(t *testing.T) {
	results := map[string]command.Result{
		"result": {Seq: 300, Version: 299, Changed: true, Created: start, Modified: start + 1},
		"result_error": {Seq: 301, Error: &directory.Error{
			Kind: directory.KindStale, Field: "version", Detail: "the resource is at version 2, not 1", RetryAfter: time.Second,
		}},
	}
	for name, result := range results {
		var w wire.Writer
		result.Encode(&w)
		golden(t, name, w.Bytes())
		r := wire.NewReader(string(w.Bytes()))
		if decoded := command.DecodeResult(r); r.Done() != nil || !reflect.DeepEqual(decoded, result) {
			t.Errorf("decoded %+v %v, want %+v", decoded, r.Err(), result)
		}
		if (result.Err() == nil) != (result.Error == nil) {
			t.Error("Err is not nil exactly on success")
		}
	}
}

func TestDecode_refuses(t *testing.T) {
	c := sample(sampleOrder[0])
	encoded := c.Encode()
	for _, kind := range []byte{0, 127} {
		unknown := bytes.Clone(encoded)
		unknown[0] = kind
		_, err := command.Decode(string(unknown))
		if got, ok := errors.AsType[command.ErrUnknownKind](err); !ok || got.Kind != command.Kind(kind) {
			t.Errorf("kind %d: error is %v, want ErrUnknownKind", kind, err)
		}
	}
	if _, err := command.Decode(string(encoded) + "x"); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("a longer command: error is %v, want ErrMalformed", err)
	}
	entry := sampleEntry()
	data := entry.Encode()
	data[0] = 2
	for name, data := range map[string][]byte{"empty": nil, "other format": data} {
		if _, err := command.DecodeEntry(data); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: error is %v, want ErrMalformed", name, err)
		}
	}
}

// A command that outlives its entry does not keep the entry's memory: the golden entry is overwritten after decoding.
func TestDecodeEntry_ownsItsMemory(t *testing.T) {
	entry := sampleEntry()
	data := entry.Encode()
	decoded, err := command.DecodeEntry(data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if got := decoded.Commands[1].Payload.(*command.CreateOrganization).Slug; got != "acme" {
		t.Errorf("slug is %q after the entry's bytes were reused", got)
	}
}

// FuzzDecodeEntry: hostile bytes never panic, and what decodes has a stable encoding.
func FuzzDecodeEntry(f *testing.F) {
	entry := sampleEntry()
	f.Add(entry.Encode())
	for _, p := range samples() {
		c := sample(p)
		entry := command.Entry{Region: "eu", Cluster: "cluster-1", At: start, Commands: [][]byte{c.Encode()}}
		data := entry.Encode()
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		decoded, err := command.DecodeEntry(data)
		if err != nil {
			return
		}
		for i := range decoded.Commands {
			first := decoded.Commands[i].Encode()
			again, err := command.Decode(string(first))
			if err != nil {
				t.Fatalf("its own encoding does not decode: %v", err)
			}
			if second := again.Encode(); !bytes.Equal(first, second) {
				t.Errorf("encoding is not stable: %x, then %x", first, second)
			}
		}
	})
}

func FuzzDecodeResult(f *testing.F) {
	f.Add("\x01\x02\x01\x04\x06\x00")
	f.Add("\x01\x02\x01\x04\x06\x05\x01a\x01b\x02")
	f.Fuzz(func(t *testing.T, data string) {
		r := wire.NewReader(data)
		result := command.DecodeResult(r)
		if r.Done() != nil {
			return
		}
		var w wire.Writer
		result.Encode(&w)
		r = wire.NewReader(string(w.Bytes()))
		if again := command.DecodeResult(r); r.Done() != nil || !reflect.DeepEqual(again, result) {
			t.Errorf("decoded %+v, then %+v (%v)", result, again, r.Err())
		}
	})
}
