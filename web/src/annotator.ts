// What every annotator has: tools, undo, the label of the next mark, the list of marks as HTML, and keys.

import { Layer, type Tool, type View, colour } from './layer.ts';
import { type KeyRow, lettersOff, tellKeys } from './keys.ts';
import { type Mark, type Say, type Setting, sayer, settingOf } from './setting.ts';
import { box } from './shapes.ts';
import { Store } from './store.ts';

const TOOL_KEYS: Record<string, Tool> = { v: 'look', b: 'box', p: 'polygon' };
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string> = {},
  ...inside: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

export abstract class Annotator extends HTMLElement {
  protected setting!: Setting;
  protected say!: Say;
  protected store!: Store;
  protected layer!: Layer;
  protected readonly stage = make('div', { class: 'stage', tabindex: '0', role: 'application' });
  protected readonly toolbar = make('div', { class: 'toolbar', role: 'toolbar' });
  private readonly status = make('p', { class: 'status', role: 'status' });
  private readonly list = make('ol', { class: 'marks' });
  private readonly labels = make('select');
  private readonly onKey = (event: KeyboardEvent) => this.key(event);

  connectedCallback(): void {
    if (this.setting) return;
    this.setting = settingOf(this);
    this.say = sayer(this.setting.words);
    this.store = new Store(this.setting.asked?.marks ?? []);
    this.classList.add('annotator');
    this.toolbar.setAttribute('aria-label', this.say('tools'));
    this.replaceChildren(this.toolbar, this.stage, this.status);
    const view = this.build();
    this.layer = new Layer(view, this.store, this.setting.asked?.labels ?? [], this.setting.asked?.readings ?? [], this.decimals());
    this.layer.onRefused = () => this.tell(this.say('crossing'));
    this.layer.onDraft = () => this.tell('');
    this.overlay().append(this.layer.canvas);
    this.tools();
    this.extras();
    if (this.marksPlaces) this.append(make('h2', {}, this.say('marks')), this.list);
    this.store.onChange(() => this.changed());
    this.changed();
    tellKeys(this.keys());
    window.addEventListener('keydown', this.onKey, { capture: true });
    new ResizeObserver(() => this.layer.draw()).observe(this.stage);
    void this.start().then(() => {
      this.changed(); // times and sizes are known by now
      this.layer.draw();
      this.dataset['ready'] = 'true';
    });
  }

  disconnectedCallback(): void {
    window.removeEventListener('keydown', this.onKey, { capture: true });
  }

  /** Puts together what stands in the stage; called once, before the layer exists. */
  protected abstract build(): View;
  /** Where the layer lies. */
  protected abstract overlay(): HTMLElement;
  /** Loads what is shown; what cannot be shown is told and is no error. */
  protected abstract start(): Promise<void>;
  protected abstract zoom(factor: number): void;
  protected abstract home(): void;

  /** Whether what is shown can be zoomed. */
  protected readonly zooms: boolean = true;

  /** Digits behind the point of coordinates. */
  protected decimals(): number {
    return 1;
  }

  /** More controls, below the stage. */
  protected extras(): void {}

  /** A key of its own; whether it was one. */
  protected ownKey(_event: KeyboardEvent): boolean {
    return false;
  }

  protected ownKeys(): KeyRow[] {
    return [];
  }

  protected tell(text: string): void {
    this.status.textContent = text;
  }

  protected get drawable(): Tool[] {
    const geometries = this.setting.asked?.geometries ?? [];
    return (['box', 'polygon'] as const).filter((one) => geometries.includes(one));
  }

  /** Whether anything is drawn or marked in time, beside the answer about the whole. */
  private get marksPlaces(): boolean {
    return this.drawable.length > 0 || (this.setting.asked?.geometries.includes('interval') ?? false);
  }

  protected button(word: string, press: () => void, key = ''): HTMLButtonElement {
    const made = make('button', { type: 'button' }, this.say(word));
    if (key) made.append(' ', make('kbd', {}, key));
    made.addEventListener('click', press);
    this.toolbar.append(made);
    return made;
  }

  protected labelText(value: string): string {
    return this.setting.asked?.labels.find((label) => label.value === value)?.text ?? value;
  }

  /** Digits choose: the answer about the whole where one is asked for, else the label of the next mark. */
  protected choose(at: number): void {
    const label = this.setting.asked?.labels[at];
    if (!label) return;
    const answers = this.closest('form')?.querySelectorAll<HTMLInputElement>('input[name=answer]') ?? [];
    for (const one of answers) if (one.value === label.value) one.checked = true;
    this.labels.value = label.value;
    this.layer.label = label.value;
    if (!answers.length && this.store.selected >= 0) this.store.relabel(this.store.selected, label.value);
  }

  private tools(): void {
    const draws = this.drawable;
    if (draws.length) {
      const pressed = new Map<Tool, HTMLButtonElement>();
      for (const tool of ['look', ...draws] as Tool[]) {
        const key = Object.keys(TOOL_KEYS).find((one) => TOOL_KEYS[one] === tool) ?? '';
        pressed.set(tool, this.button(tool, () => this.take(tool), key.toUpperCase()));
      }
      this.took = (tool) => pressed.forEach((one, name) => one.setAttribute('aria-pressed', String(name === tool)));
      this.labelChoice();
    }
    if (this.marksPlaces) {
      this.button('undo', () => this.store.undo(), 'Z');
      this.button('redo', () => this.store.redo(), 'Y');
    }
    if (this.zooms) {
      this.button('in', () => this.zoom(1.5), '+');
      this.button('out', () => this.zoom(1 / 1.5), '−');
      this.button('home', () => this.home(), 'H');
    }
    this.take('look');
  }

  private took: (tool: Tool) => void = () => undefined;

  private labelChoice(): void {
    const labels = this.setting.asked?.labels ?? [];
    const id = `label-${Math.random().toString(36).slice(2)}`;
    this.labels.id = id;
    for (const label of labels) this.labels.append(make('option', { value: label.value }, label.text));
    const answered = this.closest('form')?.querySelector<HTMLInputElement>('input[name=answer]:checked')?.value;
    this.labels.value = answered ?? labels[0]?.value ?? '';
    this.layer.label = this.labels.value;
    this.labels.addEventListener('change', () => (this.layer.label = this.labels.value));
    this.toolbar.append(make('label', { for: id }, this.say('label-next')), this.labels);
  }

  protected take(tool: Tool): void {
    this.layer.take(tool);
    this.took(tool);
    this.tell(tool === 'look' ? '' : this.say('draw-here'));
  }

  private changed(): void {
    const marks = this.store.marks;
    this.stage.setAttribute('aria-label', this.say('image', { marks: marks.length }));
    this.list.replaceChildren(...marks.map((mark, index) => this.row(mark, index)));
    if (!marks.length) this.list.replaceChildren(make('li', { class: 'quiet' }, this.say('none')));
    const field = this.closest('form')?.querySelector<HTMLInputElement>('input[name=marks]');
    if (field) field.value = JSON.stringify(marks);
  }

  private row(mark: Mark, index: number): HTMLLIElement {
    const chip = make('span', { class: 'chip', 'aria-hidden': 'true' });
    chip.style.background = colour(this.setting.asked?.labels ?? [], mark.label);
    const select = make('button', { type: 'button', class: 'name' }, this.described(mark, index + 1));
    select.setAttribute('aria-pressed', String(index === this.store.selected));
    select.addEventListener('click', () => this.show(index));
    const label = make('select', { 'aria-label': this.say('label') });
    for (const one of this.setting.asked?.labels ?? []) label.append(make('option', { value: one.value }, one.text));
    label.value = mark.label;
    label.addEventListener('change', () => this.store.relabel(index, label.value));
    const gone = make('button', { type: 'button', 'aria-label': `${this.say('delete')}: ${index + 1}` }, this.say('delete'));
    gone.addEventListener('click', () => this.store.remove(index));
    return make('li', {}, chip, select, label, gone);
  }

  /** Selects a mark, and brings it into view where there is more than one frame. */
  protected show(index: number): void {
    this.store.select(index);
  }

  protected described(mark: Mark, number: number): string {
    const on = mark.frames && mark.geometry !== 'interval' ? ` · ${this.say('on-frame', { frame: mark.frames[0] })}` : '';
    if (mark.geometry === 'box') {
      const [a, b] = box(mark.points[0] ?? [0, 0], mark.points[1] ?? [0, 0]);
      const size = { width: Math.round(b[0] - a[0]), height: Math.round(b[1] - a[1]) };
      return this.say('mark-box', { number, ...size }) + on;
    }
    return this.say('mark-polygon', { number, points: mark.points.length }) + on;
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const form = this.closest('form');
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && form) {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    const typing = target.matches('input:not([type=radio], [type=range]), select, textarea');
    if (typing || document.querySelector('dialog[open]') || (event.key.length === 1 && lettersOff())) return;
    const command = event.ctrlKey || event.metaKey;
    if (event.altKey || (command && !['z', 'y'].includes(event.key))) return;
    const within = this.contains(target) || target === document.body || target.matches('main');
    if (this.ownKey(event) || this.sharedKey(event, target, within)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  private sharedKey(event: KeyboardEvent, target: HTMLElement, within: boolean): boolean {
    const tool = TOOL_KEYS[event.key.toLowerCase()];
    const arrow = ARROWS[event.key];
    if (event.key === 'z') this.store.undo();
    else if (event.key === 'y') this.store.redo();
    else if (tool && !event.ctrlKey && (tool === 'look' || this.drawable.includes(tool))) {
      this.take(tool);
      if (tool !== 'look') this.stage.focus();
    } else if (/^[1-9]$/.test(event.key)) this.choose(Number(event.key) - 1);
    else if (event.key === '+' || event.key === ';') this.zoom(1.5);
    else if (event.key === '-') this.zoom(1 / 1.5);
    else if (event.key === 'h') this.home();
    else if (event.key === 'o') this.hideOthers();
    else if (event.key === 'n' && this.store.marks.length) this.show((this.store.selected + 1) % this.store.marks.length);
    else if (event.key === 'Escape' && this.layer.drafting) this.layer.cancel();
    else if ((event.key === 'Delete' || event.key === 'Backspace') && within && this.store.selected >= 0)
      this.store.remove(this.store.selected);
    else if (target !== this.stage) return false;
    else if (arrow && this.layer.tool !== 'look') this.layer.step(...arrow, event.shiftKey);
    else if (arrow) this.pan(...arrow);
    else if (event.key === 'Enter' && this.layer.tool !== 'look') this.layer.point();
    else if (event.key === 'c') this.layer.close();
    else return false;
    return true;
  }

  /** Moves what is seen. */
  protected pan(_dx: number, _dy: number): void {}

  private hideOthers(): void {
    this.layer.othersShown = !this.layer.othersShown;
    this.layer.draw();
  }

  private keys(): KeyRow[] {
    const rows: KeyRow[] = [];
    if (this.closest('form')) rows.push(['Ctrl Enter', this.say('key-save')]);
    if (this.setting.asked && !this.setting.asked.geometries.includes('interval')) rows.push(['1 – 9', this.say('key-answer')]);
    rows.push(...this.ownKeys());
    if (this.drawable.length) {
      const keys = this.drawable.map((tool): KeyRow => [tool === 'box' ? 'B' : 'P', this.say(tool)]);
      rows.push(['V', this.say('look')], ...keys, ['← ↑ → ↓', this.say('key-move')], ['Enter', this.say('key-point')]);
      if (this.drawable.includes('polygon')) rows.push(['C', this.say('key-close')]);
      rows.push(['Esc', this.say('key-cancel')], ['N', this.say('key-select')], ['Delete', this.say('key-remove')]);
    }
    if (this.marksPlaces) rows.push(['Z Y', `${this.say('undo')} / ${this.say('redo')}`]);
    if (this.setting.asked?.readings.length) rows.push(['O', this.say('key-others')]);
    if (this.zooms) rows.push(['+ −', `${this.say('in')} / ${this.say('out')}`], ['H', this.say('home')]);
    return rows;
  }
}
