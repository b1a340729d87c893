// Keys inside a list: only while it has the focus, so that no key is taken from a reader's own tools.
const forward = new Set(['j', 'J', 'ArrowDown']);
const backward = new Set(['k', 'K', 'ArrowUp']);

document.addEventListener('keydown', event => {
  const row = event.target.closest('table.rows tbody tr');
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
  const next = forward.has(event.key) ? row.nextElementSibling : backward.has(event.key) ? row.previousElementSibling : null;
  const control = next && next.querySelector('a, button');
  if (control) {
    event.preventDefault();
    control.focus();
  }
});
