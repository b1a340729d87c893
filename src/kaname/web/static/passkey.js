// Passkeys: asks the server for a question, the browser for the answer, and sends that with the form. Without this
// script, or in a browser that knows no passkeys, the form says so and everything else on the page works.
const toBytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), letter => letter.charCodeAt(0));
const toText = buffer =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const known = list => (list || []).map(one => ({...one, id: toBytes(one.id)}));

const answer = async (form, options) => {
  const publicKey = {...options, challenge: toBytes(options.challenge)};
  if (form.dataset.make !== undefined) {
    publicKey.user = {...options.user, id: toBytes(options.user.id)};
    publicKey.excludeCredentials = known(options.excludeCredentials);
    return navigator.credentials.create({publicKey});
  }
  publicKey.allowCredentials = known(options.allowCredentials);
  return navigator.credentials.get({publicKey});
};

const written = key => {
  const response = {};
  for (const part of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'])
    if (key.response[part]) response[part] = toText(key.response[part]);
  return JSON.stringify({id: key.id, rawId: toText(key.rawId), type: key.type, response, clientExtensionResults: {}});
};

const tell = (form, which) => {
  for (const note of form.querySelectorAll('[data-told]')) note.hidden = note.dataset.told !== which;
};

for (const form of document.querySelectorAll('form[data-question]')) {
  if (!window.PublicKeyCredential) {
    tell(form, 'unknown');
    continue;
  }
  form.querySelector('button').disabled = false;
  form.addEventListener('submit', async event => {
    event.preventDefault();
    tell(form, '');
    const own = form.querySelector('[name=form]');
    const asked = await fetch(form.dataset.question, {method: 'POST', body: new URLSearchParams(own ? {form: own.value} : {})});
    if (!asked.ok) return tell(form, 'failed');
    try {
      form.elements.credential.value = written(await answer(form, await asked.json()));
    } catch (error) {
      return tell(form, error.name === 'InvalidStateError' ? 'known' : 'failed');
    }
    form.submit();
  });
}
