package main

import (
	"fmt"
	"strconv"
)

// attack is something that worked on a product of this kind, and the tests that show that it does not work here.
type attack struct {
	title  string
	proofs []proof
}

// The rooms that have tests of attacks.
const (
	cluster = "cluster"
	console = "console"
	egress  = "egress"
	e2e     = "test/e2e" // real processes: three nodes, or two regions
	httpapi = "httpapi"  // two nodes over one ledger, a real provider and browser
	oidc    = "oidc"
)

// answers are subtests about what a provider answers in a sign-in, which begin with the number of the attack.
func answers(number, many int) proof {
	return proof{httpapi, fmt.Sprintf("TestAttacks_answersOfTheProvider/%02d_", number), many}
}

// discovery is the same of its discovery document.
func discovery(number, many int) proof {
	return proof{httpapi, fmt.Sprintf("TestAttacks_discovery/%02d_", number), many}
}

// cases are the attacks by number; the numbers are stable names.
var cases = [...]attack{
	1:  {"unsigned token, or signed with the public key as a shared secret", []proof{answers(1, 3)}},
	2:  {"token signed with the key of another tenant's provider under the same kid", []proof{answers(2, 4)}},
	3:  {"keys that are for encryption, weak, or of another algorithm", []proof{answers(3, 3)}},
	4:  {"issuer that differs by slash, letter case or tenant", []proof{answers(4, 3), discovery(4, 2)}},
	5:  {"audience or authorized party is another client", []proof{answers(5, 4)}},
	6:  {"nonce missing, other, or of another browser", []proof{answers(6, 2), {httpapi, "TestAttack06_nonceOfAnotherBrowser", 1}}},
	7:  {"token from the future, from long ago, or without times", []proof{answers(7, 6)}},
	8:  {"subject missing, empty, too long or a number", []proof{answers(8, 4)}},
	9:  {"claims twice, or in look-alike letters", []proof{answers(9, 2)}},
	10: {"hash of access token or code does not fit", []proof{answers(10, 2)}},
	11: {"userinfo about somebody else, or overriding the token", []proof{answers(11, 4)}},
	12: {"logout or access token as ID token, and the other way round", []proof{
		answers(12, 6), {httpapi, "TestAttack12_tokensOfAnotherKind", 12},
	}},
	13: {"callback of another browser, or without a transaction", []proof{{httpapi, "TestAttack13_callbackOfAnotherBrowser", 5}}},
	14: {"transaction of one connection at the callback of another", []proof{{httpapi, "TestAttack14_callbackOfAnotherConnection", 1}}},
	15: {"mix-up at a shared redirect URI, honest provider names itself", []proof{
		answers(15, 1), {httpapi, "TestAttack15_mixUpAtSharedAddress", 3},
	}},
	16: {"mix-up where the provider does not name itself", []proof{
		{httpapi, "TestAttack16_mixUpWithoutIssuer", 1}, {httpapi, "TestAttack16_sharedAddressIsReviewed", 1},
		{httpapi, "TestAttack16_sharedProviderFallsSilent", 1},
	}},
	17: {"discovery names another provider's authorization endpoint", []proof{{httpapi, "TestAttack17_redirectPerConnection", 1}}},
	18: {"answer names no issuer though the provider announces to", []proof{answers(18, 1)}},
	19: {"parameters of the callback twice", []proof{answers(19, 1), {httpapi, "TestAttack19_parameterTwice", 4}}},
	20: {"callback replayed, also on two nodes at once", []proof{
		{httpapi, "TestAttack20_replay", 1}, {httpapi, "TestAttack20_replayOnTwoNodesAtOnce", 1},
		{e2e, "TestAttack20_callbackOnTwoNodesAtOnce", 1},
	}},
	21: {"callback after the connection was disabled or changed", []proof{{httpapi, "TestAttack21_connectionChangedMeanwhile", 6}}},
	22: {"transaction cookie tampered, expired, of another region or name", []proof{{httpapi, "TestAttack22_transactionCookie", 7}}},
	23: {"provider that ignores the PKCE challenge", []proof{{httpapi, "TestAttack23_challengeIgnored", 4}}},
	24: {"one tenant's provider asserts an address of another tenant", []proof{{httpapi, "TestAttack24_addressOfAnotherTenant", 1}}},
	25: {"same host, other directory tenant", []proof{
		{httpapi, "TestAttack25_otherDirectoryTenant", 5}, {httpapi, "TestAttack25_addressInTheOwnTenant", 1},
	}},
	26: {"authority for all tenants submitted", []proof{{httpapi, "TestAttack26_authorityOfAllTenants", 1}}},
	27: {"account outside of the organization at a provider that all share", []proof{{httpapi, "TestAttack27_accountOfNobodys", 13}}},
	28: {"new subject with the address of a linked user", []proof{{httpapi, "TestAttack28_addressOfAPredecessor", 1}}},
	29: {"victim's address, not verified", []proof{answers(29, 1)}},
	30: {"account registered in advance with the victim's address", []proof{{httpapi, "TestAttack30_registeredInAdvance", 4}}},
	31: {"addresses that look like others", []proof{{httpapi, "TestAttack31_addresses", 14}}},
	32: {"user name of the administrator or the root user", []proof{{httpapi, "TestAttack32_rootUser", 1}}},
	33: {"deactivated by SCIM, perfect token, just-in-time creation on", []proof{
		{httpapi, "TestAttack33_deactivated", 1}, {httpapi, "TestAttack33_justInTime", 1},
	}},
	34: {"foreign or numeric SCIM ids", []proof{{httpapi, "TestAttack34_foreignIDs", 11}}},
	35: {"SCIM changes the address of an invited person", []proof{{httpapi, "TestAttack35_addressOfAnInvitedPerson", 4}}},
	36: {"deactivation while 100 requests are in flight on all nodes", []proof{{e2e, "TestAttack36_deactivationUnderRequests", 1}}},
	37: {"node cut off from its leader while a user is deactivated", []proof{
		{e2e, "TestAttack37_nodeCutOffFromItsLeader", 2}, {e2e, "TestAttack37_nodeThatSlept", 1},
	}},
	38: {"authority on a private, loopback or metadata address", []proof{
		{egress, "TestAttack38_addresses", 1}, {egress, "TestAttack38_refusals", 19}, {egress, "TestAttack38_dial", 1},
		{httpapi, "TestAttack38_authorities", 3}, {httpapi, "TestAttack38_insideTheDocument", 4},
	}},
	39: {"discovery or token endpoint that redirects", []proof{
		answers(39, 1), discovery(39, 1), {egress, "TestAttack39_redirectIsNotFollowed", 1}, {console, "TestAttack39_discoveryRedirects", 1},
		{httpapi, "TestAttack39_insideByRedirect", 4}, {httpapi, "TestAttack39_registrationByRedirect", 1},
	}},
	40: {"DNS answers that change between check and connection", []proof{
		{egress, "TestAttack40_rebinding", 1}, {httpapi, "TestAttack40_rebindingAtRegistration", 31},
		{httpapi, "TestAttack40_rebindingDuringSignIn", 4},
	}},
	41: {"endless, slow or deeply nested documents", []proof{
		answers(41, 1), discovery(41, 4), {egress, "TestAttack41_ownLimit", 1}, {egress, "TestAttack41_timeouts", 3},
		{httpapi, "TestAttack41_oddAnswers", 4}, {httpapi, "TestAttack41_slowProviderAlone", 2},
	}},
	42: {"ten thousand tokens with unknown kids", []proof{
		{httpapi, "TestAttack42_tenThousandTokens", 1}, {httpapi, "TestAttack42_unknownKeys", 1},
	}},
	43: {"key set down during rotation, and at a cold start", []proof{
		{httpapi, "TestAttack43_keysChangeOrFail", 1}, {oidc, "TestAttack43_coldNode", 1}, {oidc, "TestAttack43_coldNodeHangs", 1},
	}},
	44: {"token endpoint changed under a kept secret", []proof{
		{httpapi, "TestAttack44_secretStaysWithItsParty", 1}, {console, "TestAttack44_connectionKeepsNoSecretForAnother", 2},
		{console, "TestAttack44_requestKeepsNoSecretForAnother", 3},
	}},
	45: {"return addresses that leave the origin", []proof{
		{oidc, "TestAttack45_returnTo", 1}, {oidc, "TestAttack45_browser", 1}, {httpapi, "TestAttack45_returnTo", 1},
		{httpapi, "TestAttack45_corpus", 9}, {httpapi, "TestAttack45_applications", 1},
	}},
	46: {"session or transaction planted before sign-in", []proof{
		{httpapi, "TestAttack46_fixation", 1}, {httpapi, "TestAttack46_plantedTransaction", 6},
	}},
	47: {"cookies from a sibling host", []proof{{httpapi, "TestAttack47_siblingHost", 1}}},
	48: {"markup in errors, names and claims", []proof{
		answers(48, 2), {httpapi, "TestAttack48_markup", 1}, {httpapi, "TestAttack48_claimsOnPages", 1},
	}},
	49: {"forged Host and forwarding headers", []proof{
		{httpapi, "TestAttack49_forgedHeaders", 14}, {httpapi, "TestAttack49_forgedHeadersInMail", 1},
	}},
	50: {"forged identity headers and tricks at forward-auth", []proof{{httpapi, "TestAttack50_forwardAuth", 22}}},
	51: {"forged, wrong or replayed logout tokens", []proof{{httpapi, "TestAttack51_backchannel", 32}}},
	52: {"front-channel logout from any site", []proof{{httpapi, "TestAttack52_frontchannel", 13}}},
	53: {"login initiated with a foreign issuer or an evil target", []proof{
		{httpapi, "TestAttack53_evilTarget", 1}, {httpapi, "TestAttack53_initiated", 1},
	}},
	54: {"probing whether a person exists", []proof{
		{httpapi, "TestAttack54_whoExists", 10}, {httpapi, "TestAttack54_afterTheProvider", 1}, {httpapi, "TestAttack54_localAnswersAlike", 1},
	}},
	55: {"break-glass: guessing, reuse, strangers, subdomains", []proof{
		{httpapi, "TestAttack55_breakGlass", 1}, {httpapi, "TestAttack55_bruteForce", 1}, {httpapi, "TestAttack55_challenges", 1},
		{httpapi, "TestAttack55_unlistedSinceThen", 1}, {httpapi, "TestAttack55_providerIsHealthy", 1},
	}},
	56: {"identity tied without proof of the first one", []proof{
		{httpapi, "TestAttack56_sessionOfAnother", 1}, {httpapi, "TestAttack56_keysAreNotForProviderSessions", 1},
	}},
	57: {"secrets in logs, traces, metrics, log of the ledger, snapshots", []proof{
		{httpapi, "TestAttack57_applications", 1}, {e2e, "TestAttack57_nothingPersonalIsWritten", 1},
	}},
	58: {"provider with a self-signed or wrong certificate", []proof{
		{egress, "TestAttack58_certificates", 4}, {httpapi, "TestAttack58_wholeWay", 4},
	}},
	59: {"revocation of another tenant's people, or for another audience", []proof{{httpapi, "TestAttack59_revocation", 26}}},
	60: {"clock of a node 90 seconds off", []proof{{cluster, "TestAttack60_follower", 2}, {cluster, "TestAttack60_leader", 2}}},
}

// attackRows is a line for each attack.
func attackRows() []row {
	var rows []row
	for n, a := range cases {
		if n > 0 {
			rows = append(rows, row{strconv.Itoa(n), a.title, a.proofs})
		}
	}
	return rows
}
