package admin

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/telemetry"
)

// backupPatience is how long the reader of a backup may take for a piece of it: as much as the connection's buffers hold.
const backupPatience = time.Minute

type membersAnswer struct {
	Members []directory.Member `json:"members"`
}

func (a *api) listMembers(c *gin.Context) error {
	return openapi.Answer(c, http.StatusOK, membersAnswer{a.Console.Members(c.Request.Context())})
}

func (a *api) removeMember(c *gin.Context) error {
	id, err := openapi.PathID(c, "id")
	if err != nil {
		return err
	}
	if err := a.Console.RemoveMember(c.Request.Context(), id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

func (a *api) transferLeader(c *gin.Context) error {
	if err := a.Console.HandOver(c.Request.Context()); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

// getBackup streams a backup. It may take long, so the server's bounds on a whole request are lifted; what is bounded
// instead is how long the client may take for a piece.
func (a *api) getBackup(c *gin.Context) error {
	h := c.Writer.Header()
	h["Content-Type"] = []string{"application/octet-stream"}
	if c.Request.Method == http.MethodHead {
		return nil
	}
	control := http.NewResponseController(c.Writer)
	if err := control.SetReadDeadline(time.Time{}); err != nil { // it would end the request's context
		return fmt.Errorf("lift the bound on the request: %w", err)
	}
	ctx := c.Request.Context()
	err := a.Console.Backup(ctx, func(point console.BackupPoint) io.Writer {
		h["Content-Disposition"] = []string{`attachment; filename="` + backupName(point) + `"`}
		return patientWriter{c.Writer, control}
	})
	if err != nil && c.Writer.Written() {
		a.Logger.LogAttrs(ctx, slog.LevelWarn, "a backup was cut off", slog.Any("error", err))
		telemetry.EventFrom(ctx).SetError("cut off")
		panic(http.ErrAbortHandler) // half a backup must not look like a whole one
	}
	if err != nil {
		h.Del("Content-Disposition")
	}
	return err
}

// backupName names the file of a backup: region, the seq of its last change, and when that was, in UTC.
func backupName(point console.BackupPoint) string {
	return fmt.Sprintf("%s-%d-%s.backup", point.Region, point.Seq, point.Time.Format("20060102T150405Z"))
}

// patientWriter gives the client time for each piece.
type patientWriter struct {
	io.Writer
	control *http.ResponseController
}

// Write implements io.Writer.
func (w patientWriter) Write(p []byte) (int, error) {
	if err := w.control.SetWriteDeadline(time.Now().Add(backupPatience)); err != nil {
		return 0, err
	}
	return w.Writer.Write(p)
}

var (
	schemaMember = &schema{
		Name: "Member", Type: types{"object"}, Description: "A node of the region.",
		Properties: map[string]*schema{
			"id":      {Type: types{"string"}, Description: "Names one life of the node's data directory."},
			"node":    {Type: types{"string"}, Description: "The name in the node's certificate."},
			"address": {Type: types{"string"}, Description: "host:port of the peer link."},
			"state":   {Type: types{"string"}, Enum: []string{directory.MemberUp, directory.MemberDown}, Description: "Whether it answered the node that was asked."},
			"voter":   {Type: types{"boolean"}, Description: "False until the node has caught up."},
			"leader":  schemaFlag,
			"self":    {Type: types{"boolean"}, Description: "The node that answers."},
		},
		Required: []string{"id", "node", "address", "voter", "leader", "self"},
	}
	schemaMembers = &schema{
		Name: "Members", Type: types{"object"},
		Properties: map[string]*schema{"members": {Type: types{"array"}, Items: schemaMember}},
		Required:   []string{"members"},
	}

	docListMembers = &operation{
		ID: "listMembers", Tag: "Region", Summary: "List the nodes of the region",
		Description: "As the node that answers knows them; it answers also while the region has no leader.",
		Status:      http.StatusOK, Response: schemaMembers,
	}
	docRemoveMember = &operation{
		ID: "removeMember", Tag: "Region", Summary: "Take a node out of the region for good",
		Description: "The id is a member's id or its node name. Refused while the voters that would remain could not go on: " +
			"a majority of them must be healthy. The node's data directory must be emptied before it may join again.",
		Status: http.StatusNoContent, Refusals: []int{http.StatusConflict},
	}
	docTransferLeader = &operation{
		ID: "transferLeader", Tag: "Region", Summary: "Make another node the leader",
		Description: "Writes under way wait for the new leader. It has taken over when this answers.",
		Status:      http.StatusNoContent, Refusals: []int{http.StatusConflict},
	}
	docGetBackup = &operation{
		ID: "getBackup", Tag: "Region", Summary: "Get an encrypted backup of the whole region",
		Description: "Holds every write that was acknowledged before the request. It opens only with the region's key ring; " +
			"its name has the region, the number of the last change and its time. A connection that ends early is a failed backup.",
		Status: http.StatusOK, Media: "application/octet-stream",
		Response: &schema{Type: types{"string"}, Format: "binary"},
	}
)
