// <photo-annotator>: one picture with its frames, or two side by side.

import { Annotator, make } from './annotator.ts';
import type { KeyRow } from './keys.ts';
import type { View } from './layer.ts';
import { Viewer } from './viewer.ts';

const PAIR_KEYS: Record<string, string> = { ArrowLeft: 'left', ArrowRight: 'right', '=': 'same' };

export class PhotoAnnotator extends Annotator {
  private viewers: Viewer[] = [];
  private frame = 1;
  private readonly counter = make('output', { class: 'counter' });
  private readonly slider = make('input', { type: 'range', min: '1', step: '1' });

  private get pair(): boolean {
    return this.viewers.length > 1;
  }

  private get steps(): boolean {
    const asked = this.setting.asked;
    return !this.pair && (!asked || asked.whole) && (this.setting.pictures[0]?.count ?? 1) > 1;
  }

  protected build(): View {
    const missing = (frame: number) => this.say('missing', { frame });
    this.viewers = this.setting.pictures.map((picture) => new Viewer(picture, missing, this.say('loading')));
    this.viewers.forEach((viewer, at) => {
      viewer.onMove = () => this.follow(viewer);
      viewer.onPick = (screen) => this.layer.pick(screen);
      const name = this.viewers.length > 1 ? [make('figcaption', {}, this.say(at ? 'right' : 'left'))] : [];
      this.stage.append(make('figure', {}, ...name, viewer.box));
    });
    this.stage.classList.toggle('pair', this.pair);
    this.frame = this.setting.pictures[0]?.first ?? 1;
    return this.viewers[0] as Viewer;
  }

  protected overlay(): HTMLElement {
    return (this.viewers[0] as Viewer).box;
  }

  protected async start(): Promise<void> {
    if (this.setting.asked?.whole) this.layer.frame = this.frame;
    await Promise.all(this.viewers.map((viewer) => viewer.show(viewer.picture.first)));
  }

  protected zoom(factor: number): void {
    this.viewers[0]?.zoom(factor);
  }

  protected home(): void {
    this.viewers[0]?.home();
  }

  protected override pan(dx: number, dy: number): void {
    this.viewers[0]?.pan(dx * 0.1, dy * 0.1);
  }

  protected override extras(): void {
    if (!this.steps) return;
    const count = this.setting.pictures[0]?.count ?? 1;
    this.slider.max = String(count);
    this.slider.setAttribute('aria-label', this.say('frame', { frame: '', count }));
    this.slider.addEventListener('input', () => void this.go(Number(this.slider.value)));
    this.append(make('div', { class: 'timeline' }, this.slider, this.counter));
    this.told();
  }

  protected override show(index: number): void {
    super.show(index);
    const frames = this.store.marks[index]?.frames;
    if (frames && this.steps) void this.go(frames[0]);
  }

  protected override ownKey(event: KeyboardEvent): boolean {
    const answer = PAIR_KEYS[event.key];
    if (this.pair && answer !== undefined) {
      const field = this.closest('form')?.querySelector<HTMLInputElement>(`input[name=answer][value=${answer}]`);
      if (field) field.checked = true;
      return field !== null && field !== undefined;
    }
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (!step || !this.steps || this.layer.tool !== 'look' || (event.target as HTMLElement).matches('[type=radio]')) return false;
    void this.go(this.frame + step * (event.shiftKey ? 10 : 1));
    return true;
  }

  protected override ownKeys(): KeyRow[] {
    if (this.pair) return [['← → =', this.say('key-pair')]];
    return this.steps ? [['← →', this.say('key-step')]] : [];
  }

  private follow(viewer: Viewer): void {
    for (const other of this.viewers) {
      if (other === viewer) continue;
      other.place = { ...viewer.place };
      other.draw();
    }
    this.layer.draw();
  }

  private async go(frame: number): Promise<void> {
    const count = this.setting.pictures[0]?.count ?? 1;
    this.frame = Math.min(Math.max(frame, 1), count);
    this.told();
    if (this.setting.asked?.whole) this.layer.frame = this.frame;
    await this.viewers[0]?.show(this.frame);
    this.layer.draw();
  }

  private told(): void {
    const count = this.setting.pictures[0]?.count ?? 1;
    this.slider.value = String(this.frame);
    this.counter.textContent = this.say('frame', { frame: this.frame, count });
  }
}
