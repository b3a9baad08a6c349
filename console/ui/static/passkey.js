// Forms with data-passkey answer with a passkey: "get" signs in with one, "create" makes one (Web Authentication Level 3).
// The options come from the page, the browser's answer goes into the form's field, and the form goes the way of all forms.
"use strict";

const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

const encode = (buffer) =>
	btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const withBytes = (options) => ({
	...options,
	challenge: decode(options.challenge),
	...(options.user && { user: { ...options.user, id: decode(options.user.id) } }),
	...(options.excludeCredentials && {
		excludeCredentials: options.excludeCredentials.map((c) => ({ ...c, id: decode(c.id) })),
	}),
});

const answerOf = (credential) => {
	const response = {};
	for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
		if (credential.response[part]) response[part] = encode(credential.response[part]);
	}
	const id = encode(credential.rawId);
	return JSON.stringify({ id, rawId: id, type: credential.type, response, clientExtensionResults: {} });
};

const sentences = {
	NotAllowedError: "The passkey was not used. Try again when you are ready.",
	InvalidStateError: "This device has a passkey for this address already.",
	SecurityError: "Passkeys do not work at this address.",
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
	const button = form.querySelector("button");
	const complaint = form.querySelector("[role=alert]");
	if (!window.PublicKeyCredential) {
		complaint.textContent = "This browser does not know passkeys.";
		complaint.hidden = false;
		continue;
	}
	button.disabled = false;
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		button.disabled = true;
		complaint.hidden = true;
		try {
			const publicKey = withBytes(JSON.parse(form.dataset.options));
			const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
			form.elements.response.value = answerOf(credential);
			form.submit();
		} catch (error) {
			complaint.textContent = sentences[error.name] || "The browser could not use a passkey.";
			complaint.hidden = false;
			button.disabled = false;
		}
	});
}
