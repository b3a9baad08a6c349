package main

// plan is one of the relying-party test plans of the OpenID Foundation that apply: code flow, discovery, form post, logout.
type plan struct {
	name    string
	test    string // of httpapi; the modules are its subtests, by their names
	modules []string
}

var plans = []plan{
	{"Basic RP", "TestOIDF_basic", []string{
		"oidcc-client-test",
		"oidcc-client-test-invalid-iss",
		"oidcc-client-test-missing-sub",
		"oidcc-client-test-invalid-aud",
		"oidcc-client-test-missing-iat",
		"oidcc-client-test-kid-absent-single-jwks",
		"oidcc-client-test-kid-absent-multiple-jwks",
		"oidcc-client-test-idtoken-sig-rs256",
		"oidcc-client-test-idtoken-sig-none",
		"oidcc-client-test-invalid-sig-rs256",
		"oidcc-client-test-userinfo-invalid-sub",
		"oidcc-client-test-nonce-invalid",
		"oidcc-client-test-scope-userinfo-claims",
		"oidcc-client-test-client-secret-basic",
		"oidcc-client-test-missing-aud",
		"oidcc-client-test-invalid-sig-es256",
		"oidcc-client-test-invalid-sig-hs256",
		"oidcc-client-test-invalid-athash",
		"oidcc-client-test-invalid-chash",
		"oidcc-client-test-userinfo-bearer-header",
		"oidcc-client-test-aggregated-claims",
		"oidcc-client-test-distributed-claims",
	}},
	{"Form Post RP", "TestOIDF_formPost", []string{
		"oidcc-client-test",
		"oidcc-client-test-invalid-iss",
		"oidcc-client-test-missing-sub",
		"oidcc-client-test-invalid-aud",
		"oidcc-client-test-missing-iat",
		"oidcc-client-test-kid-absent-single-jwks",
		"oidcc-client-test-kid-absent-multiple-jwks",
		"oidcc-client-test-idtoken-sig-rs256",
		"oidcc-client-test-idtoken-sig-none",
		"oidcc-client-test-invalid-sig-rs256",
		"oidcc-client-test-userinfo-invalid-sub",
		"oidcc-client-test-nonce-invalid",
		"oidcc-client-test-scope-userinfo-claims",
		"oidcc-client-test-client-secret-basic",
		"oidcc-client-test-form-post-error",
	}},
	{"Config RP", "TestOIDF_config", []string{
		"oidcc-client-test-discovery-openid-config",
		"oidcc-client-test-discovery-jwks-uri-keys",
		"oidcc-client-test-discovery-issuer-mismatch",
		"oidcc-client-test-idtoken-sig-none",
		"oidcc-client-test-signing-key-rotation-just-before-signing",
		"oidcc-client-test-signing-key-rotation",
	}},
	{"RP-Initiated and Front-Channel Logout", "TestOIDF_rpInitiatedLogout", []string{
		"oidcc-client-test-rp-init-logout",
		"oidcc-client-test-rp-init-logout-other-state",
		"oidcc-client-test-rp-init-logout-no-state",
		"oidcc-client-test-rp-frontchannel-rpinitlogout",
	}},
	{"Back-Channel Logout RP", "TestOIDF_backchannelLogout", []string{
		"oidcc-client-test-rp-backchannel-rpinitlogout",
		"oidcc-client-test-rp-backchannel-rpinitlogout-alg-none",
		"oidcc-client-test-rp-backchannel-rpinitlogout-no-event",
		"oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce",
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg",
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud",
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss",
	}},
	{"3rd Party-Init RP", "TestOIDF_thirdPartyInitiated", []string{
		"oidcc-client-test-3rd-party-init-login",
	}},
}

// rows is a line for each module.
func (p plan) rows() []row {
	rows := make([]row, len(p.modules))
	for i, module := range p.modules {
		rows[i] = row{"", module, []proof{{httpapi, p.test + "/" + module, 1}}}
	}
	return rows
}
