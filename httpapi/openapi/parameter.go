package openapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"domicile/directory"
)

// MaxPathID is how many bytes an id in a path may have.
const MaxPathID = 128

// PathID reads an id from the path. Whatever cannot be an id names nothing: KindNotFound, never a fault.
func PathID(c *gin.Context, name string) (string, error) {
	id := c.Param(name)
	if id == "" || len(id) > MaxPathID || id == "." || id == ".." || strings.ContainsFunc(id, notInID) {
		return "", directory.Errorf(directory.KindNotFound, "", "there is nothing with this id")
	}
	return id, nil
}

func notInID(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return r != '-' && r != '_' && r != '.' && r != '~'
}

// QueryInt reads an integer parameter, 0 when it is not given.
func QueryInt(c *gin.Context, name string) (int, error) {
	text := c.Query(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, directory.Errorf(directory.KindInvalid, name, "%s must be an integer", name)
	}
	return n, nil
}

// QueryWord reads a parameter that is one of a few words, "" when it is not given.
func QueryWord(c *gin.Context, name string, words []string) (string, error) {
	word := c.Query(name)
	if word != "" && !slices.Contains(words, word) {
		return "", directory.Errorf(directory.KindInvalid, name, "%s must be one of %s", name, strings.Join(words, ", "))
	}
	return word, nil
}

// QueryFlag reads a boolean parameter, nil when it is not given.
func QueryFlag(c *gin.Context, name string) (*bool, error) {
	word, err := QueryWord(c, name, SchemaTruth.Enum)
	if err != nil || word == "" {
		return nil, err
	}
	flag := word == "true"
	return &flag, nil
}

// SchemaTruth is the schema of what QueryFlag reads.
var SchemaTruth = &Schema{Type: Types{"string"}, Enum: []string{"true", "false"}}
