// The sheet of keys that every page opens by `?`: an element puts its own on top.

export type KeyRow = [string, string];

export function tellKeys(rows: KeyRow[]): void {
  const list = document.querySelector('dialog#keys dl');
  const made = rows.map(([keys, meaning]) => {
    const row = document.createElement('div');
    const term = document.createElement('dt');
    for (const key of keys.split(' ')) {
      const kbd = document.createElement(key === '–' ? 'span' : 'kbd');
      kbd.textContent = key;
      term.append(kbd, ' ');
    }
    const said = document.createElement('dd');
    said.textContent = meaning;
    row.append(term, said);
    return row;
  });
  list?.prepend(...made);
}

/** Whether the reader has turned single letters off, in that sheet. */
export function lettersOff(): boolean {
  return localStorage.getItem('kaname-keys') === 'off';
}
