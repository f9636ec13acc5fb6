// Passkeys: asks the browser for what a form's data-options say, and sends the form with what it made or signed.
"use strict";
{
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const create = async (options) => {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: named(options.excludeCredentials),
      },
    });
    const response = made.response;
    return {
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      response: {
        attestationObject: text(response.attestationObject),
        clientDataJSON: text(response.clientDataJSON),
      },
    };
  };

  const get = async (options) => {
    const signed = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: named(options.allowCredentials),
      },
    });
    const response = signed.response;
    return {
      id: signed.id,
      rawId: text(signed.rawId),
      type: signed.type,
      response: {
        authenticatorData: text(response.authenticatorData),
        clientDataJSON: text(response.clientDataJSON),
        signature: text(response.signature),
        userHandle: response.userHandle ? text(response.userHandle) : null,
      },
    };
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const says = form.querySelector("[data-says]");
    const button = form.querySelector("button");
    if (!window.PublicKeyCredential) {
      says.textContent = says.dataset.says;
      continue;
    }
    says.textContent = "";
    button.disabled = false;
    form.addEventListener("submit", async (event) => {
      const field = form.elements.credential;
      if (field.value) return;
      event.preventDefault();
      button.disabled = true;
      try {
        const ask = form.dataset.passkey === "create" ? create : get;
        field.value = JSON.stringify(await ask(JSON.parse(form.dataset.options)));
        form.submit();
      } catch {
        says.textContent = says.dataset.says;
        button.disabled = false;
      }
    });
  }
}
