// Package config is the configuration file of a node: its fields, their units and defaults, and its validation.
// It never opens what it names; serve does.
package config
