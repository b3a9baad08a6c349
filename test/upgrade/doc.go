// Command upgrade takes a region from every released commit (RELEASES) to the present binary, one node after the other, while
// clients write: no acknowledged write is lost, mixed regions agree, a node may go back until the last one has come, and
// what only the new release can do waits until then. After that an older release of the same level still runs, and one of a lower
// level refuses the data.
// It never builds from anything but this repository's own history.
package main
