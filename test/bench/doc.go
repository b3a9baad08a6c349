// Command bench measures a three-node region of real processes beside three yardsticks on the same machine in the same run:
// a bare gin handler, the bare consensus stack and etcd. Rounds are interleaved and judged by ratios, because machines are
// noisy. It is a module of its own, so that etcd's client stays out of the product's go.mod.
package main
