package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/spf13/cobra"
)

func newSchemaCommand() *cobra.Command {
	t := new(target)
	return group("schema", "Extension schemas of an organization", t,
		newSchemaPutCommand(t), newSchemaListCommand(t), newSchemaGetCommand(t), newSchemaDeleteCommand(t))
}

func newSchemaPutCommand(t *target) *cobra.Command {
	var resource string
	cmd := &cobra.Command{
		Use: "put ORGANIZATION FILE", Short: "Make or widen an extension schema", Args: arguments(cobra.ExactArgs(2)),
		Long: "Reads a schema in the form of RFC 7643 section 7 from a file, - for standard input. Attributes may be added to a\n" +
			"schema that is there; what users or groups may hold values of stays.",
		RunE: func(cmd *cobra.Command, args []string) error {
			document, err := readDocument(args[1], cmd.InOrStdin())
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("resource") {
				document["resource"] = resource
			}
			urn, _ := document["id"].(string)
			if urn == "" {
				return fmt.Errorf("%s has no id", args[1])
			}
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			if err := c.call(cmd.Context(), http.MethodPut, path+"/schemas/"+url.PathEscape(urn), document, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "Schema %s is in force.", urn)
		},
	}
	cmd.Flags().StringVar(&resource, "resource", "", "User or Group, where the file does not say")
	return cmd
}

// maxDocument bounds the files that are sent as they are, in bytes.
const maxDocument = 1 << 20

// readDocument reads a JSON object from a file, or from standard input for "-".
func readDocument(file string, stdin io.Reader) (map[string]any, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	var document map[string]any
	decoder := json.NewDecoder(io.LimitReader(in, maxDocument))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return document, nil
}

// extension is what a list shows of an extension schema.
type extension struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Resource   string            `json:"resource"`
	Attributes []json.RawMessage `json:"attributes"`
}

func newSchemaListCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list ORGANIZATION", Short: "List an organization's extension schemas", Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var answer struct {
				Schemas []extension `json:"schemas"`
			}
			if err := c.call(cmd.Context(), http.MethodGet, path+"/schemas", nil, &answer); err != nil {
				return err
			}
			s := sheet{heads: []string{"ID", "NAME", "RESOURCE", "ATTRIBUTES"}, none: "No extension schemas."}
			for _, e := range answer.Schemas {
				s.rows = append(s.rows, []string{e.ID, orDash(e.Name), e.Resource, strconv.Itoa(len(e.Attributes))})
			}
			return t.print(cmd.OutOrStdout(), answer.Schemas, s)
		},
	}
}

func newSchemaGetCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "get ORGANIZATION URN", Short: "Show an extension schema as JSON", Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			var document json.RawMessage
			if err := c.call(cmd.Context(), http.MethodGet, path+"/schemas/"+url.PathEscape(args[1]), nil, &document); err != nil {
				return err
			}
			return printJSON(cmd.OutOrStdout(), document)
		},
	}
}

func newSchemaDeleteCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "delete ORGANIZATION URN", Short: "Delete an extension schema that nobody holds values of",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, path, err := t.organization(cmd, args[0])
			if err != nil {
				return err
			}
			if err := c.call(cmd.Context(), http.MethodDelete, path+"/schemas/"+url.PathEscape(args[1]), nil, nil); err != nil {
				return err
			}
			return t.done(cmd.OutOrStdout(), "Schema %s is deleted.", args[1])
		},
	}
}
