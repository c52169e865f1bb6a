// Passkeys: asks the server for a ceremony, the browser for its answer, and sends that back.
"use strict";

function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (c) => c.charCodeAt(0)).buffer;
}

function textOf(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function described(list) {
  return (list || []).map((each) => ({ ...each, id: bytesOf(each.id) }));
}

async function made(asked) {
  const options = {
    ...asked,
    challenge: bytesOf(asked.challenge),
    user: { ...asked.user, id: bytesOf(asked.user.id) },
    excludeCredentials: described(asked.excludeCredentials),
  };
  const found = await navigator.credentials.create({ publicKey: options });
  return {
    id: found.id, rawId: found.id, type: found.type, clientExtensionResults: {},
    response: {
      clientDataJSON: textOf(found.response.clientDataJSON),
      attestationObject: textOf(found.response.attestationObject),
    },
  };
}

async function used(asked) {
  const options = {
    ...asked,
    challenge: bytesOf(asked.challenge),
    allowCredentials: described(asked.allowCredentials),
  };
  const found = await navigator.credentials.get({ publicKey: options });
  return {
    id: found.id, rawId: found.id, type: found.type, clientExtensionResults: {},
    response: {
      clientDataJSON: textOf(found.response.clientDataJSON),
      authenticatorData: textOf(found.response.authenticatorData),
      signature: textOf(found.response.signature),
      userHandle: found.response.userHandle ? textOf(found.response.userHandle) : undefined,
    },
  };
}

async function ask(address, fields) {
  const answer = await fetch(address, {
    method: "POST", body: new URLSearchParams(fields), headers: { accept: "application/json" },
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.sentence || String(answer.status));
  return body;
}

async function perform(form) {
  const fields = Object.fromEntries(new FormData(form));
  const asked = await ask(form.action + "/ask", fields);
  const options = asked.options.publicKey || asked.options;
  const found = form.dataset.passkey === "make" ? await made(options) : await used(options);
  const done = await ask(form.action, {
    ...fields, challenge: asked.challenge, answer: JSON.stringify(found),
  });
  location.assign(done.next);
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const said = form.querySelector(".passkey-said");
    said.hidden = true;
    try {
      await perform(form);
    } catch (error) {
      said.textContent = error.message;
      said.hidden = false;
    }
  });
}
