// Package localtest is an authenticator in software: it makes passkeys (ES256, attestation "none") and signs with them as a
// browser and its authenticator do (Web Authentication Level 3), and misbehaves when a test asks for it.
// It never asks anybody anything, and belongs in no product.
package localtest
