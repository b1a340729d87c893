// The elements, and what their pages do: times in the reader's own zone, and a form that loses nothing when refused.

import './islands.css';
import { PhotoAnnotator } from './photo.ts';
import { SlideAnnotator } from './slide.ts';
import { VideoAnnotator } from './video.ts';

customElements.define('photo-annotator', PhotoAnnotator);
customElements.define('slide-annotator', SlideAnnotator);
customElements.define('video-annotator', VideoAnnotator);

for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-local]')) {
  time.textContent = new Date(time.dateTime).toLocaleTimeString(document.documentElement.lang, { hour12: false });
}

/** Sends the reading; on success the next case opens, else the page stays with all that was drawn and says why. */
async function send(form: HTMLFormElement): Promise<void> {
  const told = form.querySelector<HTMLElement>('.refusal');
  const fields = new URLSearchParams([...new FormData(form)].map(([name, value]): [string, string] => [name, String(value)]));
  const answer = await fetch(form.action, { method: 'POST', body: fields });
  if (answer.ok && answer.redirected) {
    form.dataset['sent'] = 'true';
    location.assign(answer.url);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  if (!told) return;
  const said = [...page.querySelectorAll('.part, .reason')].map((one) => one.textContent ?? '');
  told.textContent = said.join(' ') || (page.querySelector('main p')?.textContent ?? '');
  told.hidden = false;
}

for (const form of document.querySelectorAll<HTMLFormElement>('form[data-reading]')) {
  const marks = form.querySelector<HTMLInputElement>('input[name=marks]');
  const before = marks?.value;
  window.addEventListener('beforeunload', (event) => {
    if (!form.dataset['sent'] && marks?.value !== before) event.preventDefault(); // the browser asks in its own words
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const button = form.querySelector<HTMLButtonElement>('button.strong');
    if (!button || button.disabled) return;
    button.disabled = true;
    void send(form)
      .catch(() => undefined)
      .finally(() => (button.disabled = false));
  });
}
