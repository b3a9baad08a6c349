package cluster

import (
	"strings"

	"github.com/hashicorp/raft"
)

// address says where a node is and which one it is. In raft's configuration it is written id@host:port, so that whoever
// dials a server also says whom it wants: a node that lost its disk and came back at the same address is somebody else,
// and must neither store entries nor vote in the lost one's name.
type address struct {
	id   raft.ServerID // name of the certificate, "-", incarnation; "" for a seed, which may be anybody of this cluster
	host string        // host:port
}

// newServerID names one life of a data directory. The incarnation's own hyphens are dropped, so that the last hyphen of an
// id separates the two parts.
func newServerID(node, incarnation string) raft.ServerID {
	return raft.ServerID(node + "-" + strings.ReplaceAll(incarnation, "-", ""))
}

// nodeName gives the name in the certificate of a server.
func nodeName(id raft.ServerID) string {
	if end := strings.LastIndexByte(string(id), '-'); end >= 0 {
		return string(id[:end])
	}
	return string(id)
}

func parseAddress(server raft.ServerAddress) address {
	id, host, found := strings.Cut(string(server), "@")
	if !found {
		return address{host: id}
	}
	return address{id: raft.ServerID(id), host: host}
}

func (a address) server() raft.ServerAddress { return raft.ServerAddress(string(a.id) + "@" + a.host) }

// Network and String implement net.Addr: raft takes a listener's address for the node's own.
func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a.server()) }
