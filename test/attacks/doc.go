// Command attacks runs every test of a known attack on a sign-in product, and of the OpenID Foundation's relying-party test
// modules, and prints a line for each: it fails unless every test that the line names has run and passed, and every test that
// is named after an attack or a module stands in a line.
// It holds no such test itself: they are called TestAttack07_…, TestOIDF…/oidcc-…, or are a subtest "07 …".
package main
