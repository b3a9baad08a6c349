// Command attacks runs every test of a known attack on a sign-in product, and of the OpenID Foundation's relying-party test
// modules, and prints a line for each: it fails unless all of them have a test that passes.
// It holds no test itself: a test names the cases that it is about, as TestAttack07_… or as a subtest "07 …", and modules
// as subtests of TestOIDF….
package main
