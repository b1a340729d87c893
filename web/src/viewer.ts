// One picture in a canvas: fitted, zoomed and moved; a frame that is missing is told in its place.

import type { View } from './layer.ts';
import { type Picture, type Point, reasonOf } from './setting.ts';

const MOST = 40;

export interface Place {
  scale: number;
  x: number;
  y: number;
}

export class Viewer implements View {
  readonly box = document.createElement('div');
  readonly rows: number;
  readonly columns: number;
  /** Relative to the fitted picture, so that two pictures of different sizes move together. */
  place: Place = { scale: 1, x: 0, y: 0 };
  onMove: () => void = () => undefined;
  onPick: (screen: Point) => void = () => undefined;
  private readonly canvas = document.createElement('canvas');
  private readonly notice = document.createElement('p');
  private image: ImageBitmap | null = null;

  constructor(
    readonly picture: Picture,
    private readonly missing: (frame: number) => string,
    private readonly loading: string,
  ) {
    this.rows = picture.rows;
    this.columns = picture.columns;
    this.box.className = 'viewer';
    this.canvas.setAttribute('aria-hidden', 'true');
    this.notice.className = 'notice';
    this.notice.setAttribute('role', 'status');
    this.box.append(this.canvas, this.notice);
    this.box.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    this.box.addEventListener('pointerdown', (event) => this.drag(event));
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  /** Shows a frame, from 1; where it cannot be had, says so and why. */
  async show(frame: number): Promise<boolean> {
    this.notice.textContent = this.loading;
    try {
      const answer = await fetch(`${this.picture.frames}${frame}`);
      if (answer.ok) this.image = await createImageBitmap(await answer.blob());
      else throw new Error(await reasonOf(answer));
      this.notice.textContent = '';
    } catch (error) {
      this.image = null;
      this.notice.textContent = `${this.missing(frame)} ${(error as Error).message}`;
    }
    this.draw();
    return this.image !== null;
  }

  toScreen([x, y]: Point): Point {
    const { scale, left, top } = this.fit();
    return [left + x * scale, top + y * scale];
  }

  toImage([x, y]: Point): Point {
    const { scale, left, top } = this.fit();
    return [(x - left) / scale, (y - top) / scale];
  }

  zoom(factor: number, at?: Point): void {
    const { width, height } = this.box.getBoundingClientRect();
    const [cx, cy] = at ?? [width / 2, height / 2];
    const scale = Math.min(Math.max(this.place.scale * factor, 0.5), MOST);
    const grown = scale / this.place.scale;
    const [dx, dy] = [cx / width - 0.5, cy / height - 0.5];
    this.place = { scale, x: dx + (this.place.x - dx) * grown, y: dy + (this.place.y - dy) * grown };
    this.moved();
  }

  home(): void {
    this.place = { scale: 1, x: 0, y: 0 };
    this.moved();
  }

  pan(dx: number, dy: number): void {
    this.place = { ...this.place, x: this.place.x - dx, y: this.place.y - dy };
    this.moved();
  }

  draw(): void {
    const rect = this.box.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(rect.width * ratio);
    this.canvas.height = Math.round(rect.height * ratio);
    const pen = this.canvas.getContext('2d');
    if (pen === null || this.image === null) return;
    const { scale, left, top } = this.fit();
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.imageSmoothingEnabled = scale < 3;
    pen.drawImage(this.image, left, top, this.columns * scale, this.rows * scale);
  }

  private moved(): void {
    this.draw();
    this.onMove();
  }

  private fit(): { scale: number; left: number; top: number } {
    const { width, height } = this.box.getBoundingClientRect();
    const scale = Math.min(width / this.columns, height / this.rows) * this.place.scale;
    return {
      scale,
      left: (width - this.columns * scale) / 2 + this.place.x * width,
      top: (height - this.rows * scale) / 2 + this.place.y * height,
    };
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const rect = this.box.getBoundingClientRect();
    this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, [event.clientX - rect.left, event.clientY - rect.top]);
  }

  /** Drags the picture; a press that does not move picks what lies there. The layer takes the pointer while it draws. */
  private drag(event: PointerEvent): void {
    if (event.button !== 0 || (event.target as HTMLElement).matches('.drawing')) return;
    const rect = this.box.getBoundingClientRect();
    const [startX, startY, from] = [event.clientX, event.clientY, this.place];
    let far = 0;
    const move = (to: PointerEvent) => {
      far = Math.max(far, Math.hypot(to.clientX - startX, to.clientY - startY));
      if (far <= 3) return;
      this.place = {
        ...from,
        x: from.x + (to.clientX - startX) / rect.width,
        y: from.y + (to.clientY - startY) / rect.height,
      };
      this.moved();
    };
    const up = () => {
      window.removeEventListener('pointermove', move);
      if (far <= 3) this.onPick([startX - rect.left, startY - rect.top]);
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', up, { once: true });
  }
}
