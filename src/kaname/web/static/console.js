// Keys inside a list: only while it has the focus, so that no key is taken from a reader's own tools.
const forward = new Set(['j', 'J', 'ArrowDown']);
const backward = new Set(['k', 'K', 'ArrowUp']);
const typing = 'input, textarea, select, [contenteditable]';
const sheet = document.getElementById('keys');
const letters = document.getElementById('keys-on');

// Whoever speaks to the machine, or holds keys by accident, can turn single letters off (WCAG 2.1.4).
letters.checked = localStorage.getItem('kaname-keys') !== 'off';
letters.addEventListener('change', () => localStorage.setItem('kaname-keys', letters.checked ? 'on' : 'off'));
document.getElementById('keys-open').addEventListener('click', () => sheet.showModal());
document.getElementById('keys-shut').addEventListener('click', () => sheet.close());

document.addEventListener('keydown', event => {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.target.closest(typing)) return;
  const row = event.target.closest('table.rows tbody tr');
  const letter = event.key.length === 1;
  if (letter && !letters.checked) return;
  if (event.key === '?' && !sheet.open) {
    event.preventDefault();
    sheet.showModal();
  } else if (event.key === '/' && document.querySelector('[data-find]')) {
    event.preventDefault();
    document.querySelector('[data-find]').focus();
  } else if (row) {
    const next = forward.has(event.key) ? row.nextElementSibling : backward.has(event.key) ? row.previousElementSibling : null;
    const control = next && next.querySelector('a, button');
    if (control) {
      event.preventDefault();
      control.focus();
    }
  }
});
