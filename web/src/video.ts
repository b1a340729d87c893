// <video-annotator>: the browser's own player, stepped by the table of frame times, with phases and boxes on frames.

import { Annotator, make } from './annotator.ts';
import type { KeyRow } from './keys.ts';
import { type View, colour } from './layer.ts';
import { begin, edge, moveEdge, remove, spans } from './phases.ts';
import { type Mark, type Point, reasonOf } from './setting.ts';

const SPEEDS = ['0.25', '0.5', '1', '2', '4', '8'];

export class VideoAnnotator extends Annotator {
  private readonly film = make('video', { playsinline: '', preload: 'auto' });
  private readonly counter = make('output', { class: 'counter' });
  private readonly slider = make('input', { type: 'range', min: '1', step: '1', value: '1' });
  private readonly lanes = make('div', { class: 'lanes' });
  private times: number[] = [];
  private frame = 1;

  protected override readonly zooms = false;

  private get asksPhases(): boolean {
    return this.setting.asked?.geometries.includes('interval') ?? false;
  }

  protected build(): View {
    this.film.muted = true;
    this.film.setAttribute('aria-hidden', 'true');
    this.film.tabIndex = -1;
    this.stage.classList.add('film');
    this.stage.append(this.film);
    this.stage.addEventListener('pointerdown', (event) => {
      if ((event.target as HTMLElement).matches('.drawing')) return;
      const rect = this.stage.getBoundingClientRect();
      this.layer.pick([event.clientX - rect.left, event.clientY - rect.top]);
    });
    const picture = this.setting.pictures[0];
    return {
      rows: picture?.rows ?? 0,
      columns: picture?.columns ?? 0,
      toScreen: (point) => this.mapped(point, 1),
      toImage: (point) => this.mapped(point, -1),
    };
  }

  protected overlay(): HTMLElement {
    return this.stage;
  }

  protected async start(): Promise<void> {
    const picture = this.setting.pictures[0];
    const answer = await fetch(picture?.times ?? '');
    if (!answer.ok) {
      this.tell(await reasonOf(answer));
      return;
    }
    this.times = (await answer.json()) as number[];
    this.slider.max = String(this.times.length);
    const shown = new Promise<void>((done) => {
      this.film.addEventListener('loadeddata', () => done(), { once: true });
      this.film.addEventListener('error', () => done(), { once: true });
    });
    this.film.src = picture?.video ?? '';
    await shown;
    if (this.film.error) this.tell(this.say('film-missing'));
    else await this.go(1);
    this.watch();
    this.layer.frame = this.frame;
    this.drawLanes();
  }

  protected zoom(_factor: number): void {}

  protected home(): void {
    void this.go(1);
  }

  protected override extras(): void {
    this.slider.setAttribute('aria-label', this.say('frame', { frame: '', count: '' }));
    this.slider.addEventListener('input', () => void this.go(Number(this.slider.value)));
    const row = make('div', { class: 'timeline' });
    const press = (word: string, act: () => void, sign = '') => {
      const made = make('button', { type: 'button', 'aria-label': this.say(word) }, sign || this.say(word));
      made.addEventListener('click', act);
      row.append(made);
    };
    press('before', () => void this.go(this.frame - 1), '◀');
    press('play', () => this.play());
    press('next', () => void this.go(this.frame + 1), '▶');
    const speed = make('select', { 'aria-label': this.say('speed') });
    for (const one of SPEEDS) speed.append(make('option', { value: one }, `× ${one}`));
    speed.value = '1';
    speed.addEventListener('change', () => (this.film.playbackRate = Number(speed.value)));
    row.append(this.slider, this.counter, speed);
    this.append(row);
    if (this.asksPhases) {
      this.append(make('h2', {}, this.say('phases')), this.lanes);
      this.store.onChange(() => this.drawLanes());
    }
    this.told();
  }

  protected override ownKey(event: KeyboardEvent): boolean {
    const target = event.target as HTMLElement;
    if (target.matches('[type=radio]') && event.key.startsWith('Arrow')) return false;
    const looks = this.layer.tool === 'look';
    const count = this.times.length;
    if (event.key === 'ArrowRight' && looks) void this.go(this.frame + (event.shiftKey ? 10 : 1));
    else if (event.key === 'ArrowLeft' && looks) void this.go(this.frame - (event.shiftKey ? 10 : 1));
    else if (event.key === ' ' && !target.matches('button, summary, a')) this.play();
    else if (event.key === ']') void this.go(edge(this.store.marks, this.frame, 1, count));
    else if (event.key === '[') void this.go(edge(this.store.marks, this.frame, -1, count));
    else if (this.asksPhases && /^[0-9]$/.test(event.key)) this.phase(Number(event.key));
    else if (this.asksPhases && event.key === 'Backspace') this.store.change((marks) => remove(marks, this.frame));
    else return false;
    return true;
  }

  protected override ownKeys(): KeyRow[] {
    const rows: KeyRow[] = [
      ['Space', this.say('play')],
      ['← →', this.say('key-step')],
      ['[ ]', this.say('key-edge')],
    ];
    if (this.asksPhases) rows.push(['1 – 9 0', this.say('key-phase')], ['Backspace', this.say('key-remove')]);
    return rows;
  }

  protected override described(mark: Mark, number: number): string {
    if (mark.geometry !== 'interval' || !mark.frames) return super.described(mark, number);
    const [first, last] = mark.frames;
    return this.say('mark-interval', { first, last, time: `${this.clock(first)}–${this.clock(last)}` });
  }

  protected override show(index: number): void {
    super.show(index);
    const frames = this.store.marks[index]?.frames;
    if (frames) void this.go(frames[0]);
  }

  private phase(digit: number): void {
    const label = this.setting.asked?.labels[digit - 1]?.value ?? '';
    if (!this.times.length || (digit && !label)) return;
    this.store.change((marks) => begin(marks, label, this.frame, this.times.length));
  }

  private play(): void {
    if (this.film.paused) void this.film.play();
    else this.film.pause();
  }

  /** Shows a frame, from 1: in the middle of its time, where every browser shows this one and no other. */
  private async go(frame: number): Promise<void> {
    if (!this.times.length) return;
    this.film.pause();
    this.frame = Math.min(Math.max(frame, 1), this.times.length);
    this.told();
    const here = this.times[this.frame - 1] ?? 0;
    const before = this.times[this.frame - 2] ?? 0;
    const after = this.times[this.frame] ?? here + (here - before || 40);
    const done = new Promise<void>((seeked) => this.film.addEventListener('seeked', () => seeked(), { once: true }));
    this.film.currentTime = (here + after) / 2000;
    await done;
    this.dataset['frame'] = String(this.frame);
  }

  /** While it plays, the frame is told by the time that the browser says it shows. */
  private watch(): void {
    const note = (_now: number, about: VideoFrameCallbackMetadata) => {
      if (!this.film.paused) {
        const time = about.mediaTime * 1000;
        let at = this.times.findIndex((one, n) => time < (one + (this.times[n + 1] ?? Infinity)) / 2);
        if (at < 0) at = this.times.length - 1;
        this.frame = at + 1;
        this.told();
      }
      this.film.requestVideoFrameCallback(note);
    };
    this.film.requestVideoFrameCallback(note);
  }

  private told(): void {
    const count = this.times.length || (this.setting.pictures[0]?.count ?? 1);
    this.slider.value = String(this.frame);
    this.counter.textContent = `${this.say('frame', { frame: this.frame, count })} · ${this.clock(this.frame)}`;
    if (!this.layer) return;
    this.layer.frame = this.frame;
    this.layer.draw();
    for (const head of this.lanes.querySelectorAll<HTMLElement>('.head')) head.style.left = this.share(this.frame);
  }

  private clock(frame: number): string {
    const seconds = (this.times[frame - 1] ?? 0) / 1000;
    const minutes = Math.floor(seconds / 60);
    return `${minutes}:${(seconds - 60 * minutes).toFixed(2).padStart(5, '0')}`;
  }

  /** How far along the film a frame begins. */
  private share(frame: number): string {
    return `${((frame - 1) / Math.max(1, this.times.length)) * 100}%`;
  }

  private drawLanes(): void {
    const labels = this.setting.asked?.labels ?? [];
    const found = spans(this.store.marks);
    this.lanes.replaceChildren(
      ...labels.map((label, at) => {
        const start = make('button', { type: 'button' }, make('kbd', {}, String(at + 1)), ' ', label.text);
        start.title = this.say('phase-begin', { label: label.text });
        start.addEventListener('click', () => this.phase(at + 1));
        const lane = make('div', { class: 'lane' });
        for (const span of found.filter((one) => one.label === label.value)) lane.append(this.block(span.frames, label.value));
        const head = make('div', { class: 'head' });
        head.style.left = this.share(this.frame);
        lane.append(head);
        lane.addEventListener('pointerdown', (event) => {
          if (event.target === lane) void this.go(this.at(event, lane));
        });
        return make('div', { class: 'phase' }, start, lane);
      }),
    );
  }

  private block(frames: [number, number], label: string): HTMLElement {
    const made = make('div', { class: 'block' });
    made.style.left = this.share(frames[0]);
    made.style.width = `${((frames[1] - frames[0] + 1) / Math.max(1, this.times.length)) * 100}%`;
    made.style.background = colour(this.setting.asked?.labels ?? [], label);
    const handle = make('div', { class: 'handle' });
    handle.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      const lane = made.parentElement as HTMLElement;
      const up = (to: PointerEvent) => {
        this.store.change((marks) => moveEdge(marks, frames[0], this.at(to, lane)));
      };
      window.addEventListener('pointerup', up, { once: true });
    });
    made.append(handle);
    return made;
  }

  private at(event: PointerEvent, lane: HTMLElement): number {
    const rect = lane.getBoundingClientRect();
    const share = (event.clientX - rect.left) / rect.width;
    return Math.min(Math.max(Math.floor(share * this.times.length) + 1, 1), this.times.length);
  }

  /** Between pixels of the film and of the screen: the film is fitted into the stage. */
  private mapped([x, y]: Point, direction: number): Point {
    const { width, height } = this.stage.getBoundingClientRect();
    const { rows, columns } = this.setting.pictures[0] ?? { rows: 1, columns: 1 };
    const scale = Math.min(width / columns, height / rows);
    const [left, top] = [(width - columns * scale) / 2, (height - rows * scale) / 2];
    return direction > 0 ? [left + x * scale, top + y * scale] : [(x - left) / scale, (y - top) / scale];
  }
}
