// Package dev tries `domicile dev` as a newcomer does: one command, two regions, a browser, a killed node.
// It never talks to anything but what dev.json names.
package dev
