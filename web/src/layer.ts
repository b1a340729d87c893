// The one layer that marks are drawn on: over a picture, a slide or a film, by mouse, pen or keys.

import type { Label, Mark, Point } from './setting.ts';
import { box, corners, distance, inside, staysSimple } from './shapes.ts';
import type { Store } from './store.ts';

export type Tool = 'look' | 'box' | 'polygon';

/** Where the image stands on the screen now. */
export interface View {
  toScreen(point: Point): Point;
  toImage(point: Point): Point;
  readonly columns: number;
  readonly rows: number;
}

const COLOURS = ['#ffd23f', '#4cc9f0', '#ff6b6b', '#80ed99', '#f4a261', '#c77dff', '#ffffff', '#b8f2e6', '#ff9ecd'];
const DASHES = [[10, 5], [3, 4], [12, 4, 3, 4], [18, 6]];
const NEAR_PIXELS = 12;
const SMALL_PIXELS = 3;
const STEP_PIXELS = 8;

export function colour(labels: Label[], value: string): string {
  return COLOURS[Math.max(0, labels.findIndex((label) => label.value === value)) % COLOURS.length] as string;
}

export class Layer {
  readonly canvas = document.createElement('canvas');
  tool: Tool = 'look';
  /** Frame that is shown, for marks that say on which frames they are; 0 where they say none. */
  frame = 0;
  label = '';
  othersShown = true;
  onRefused: () => void = () => undefined;
  onDraft: () => void = () => undefined;
  private draft: Point[] = [];
  private cross: Point | null = null;
  private hover: Point | null = null;

  constructor(
    private readonly view: View,
    private readonly store: Store,
    private readonly labels: Label[],
    private readonly others: Mark[][],
    private readonly decimals: number,
  ) {
    this.canvas.className = 'layer';
    this.canvas.setAttribute('aria-hidden', 'true');
    this.canvas.addEventListener('pointerdown', (event) => this.down(event));
    this.canvas.addEventListener('pointermove', (event) => this.move(event));
    this.canvas.addEventListener('pointerup', (event) => this.up(event));
    store.onChange(() => this.draw());
  }

  take(tool: Tool): void {
    this.tool = tool;
    this.cancel();
    this.canvas.classList.toggle('drawing', tool !== 'look');
  }

  cancel(): void {
    this.draft = [];
    this.hover = null;
    this.draw();
  }

  get drafting(): boolean {
    return this.draft.length > 0;
  }

  /** Arrow keys move the cross, in steps of the screen; the first one puts it in the middle of what is seen. */
  step(dx: number, dy: number, far: boolean): void {
    const rect = this.canvas.getBoundingClientRect();
    const here = this.cross ?? this.clamped(this.view.toImage([rect.width / 2, rect.height / 2]));
    const [x, y] = this.view.toScreen(here);
    const length = STEP_PIXELS * (far ? 5 : 1);
    this.cross = this.clamped(this.view.toImage([x + dx * length, y + dy * length]));
    this.hover = this.cross;
    this.draw();
  }

  /** Enter: a point where the cross stands. */
  point(): void {
    if (this.tool === 'look') return;
    if (this.cross === null) this.step(0, 0, false);
    else this.put(this.cross);
  }

  /** Closes the outline that is being drawn. */
  close(): void {
    if (this.tool !== 'polygon' || this.draft.length < 3) return;
    if (!staysSimple(this.draft, this.draft[0] as Point, true)) return this.onRefused();
    this.finish('polygon', this.draft);
  }

  /** Selects the mark under a point of the screen, the smallest if there are several. */
  pick(screen: Point): void {
    const at = this.view.toImage(screen);
    const size = (mark: Mark) => {
      const outline = corners(mark);
      const xs = outline.map((point) => point[0]);
      const ys = outline.map((point) => point[1]);
      return (Math.max(...xs) - Math.min(...xs)) * (Math.max(...ys) - Math.min(...ys));
    };
    const hit = this.store.marks
      .map((mark, index) => ({ mark, index }))
      .filter(({ mark }) => this.isShown(mark) && inside(at, corners(mark)))
      .sort((a, b) => size(a.mark) - size(b.mark));
    this.store.select(hit[0]?.index ?? -1);
  }

  draw(): void {
    const rect = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(rect.width * ratio), Math.round(rect.height * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext('2d');
    if (pen === null || !width) return;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, rect.width, rect.height);
    if (this.othersShown) {
      this.others.forEach((marks, reader) => {
        for (const mark of marks) if (this.isShown(mark)) this.outline(pen, mark, DASHES[reader % DASHES.length] ?? [], 2, `${reader + 1}`);
      });
    }
    this.store.marks.forEach((mark, index) => {
      if (this.isShown(mark)) this.outline(pen, mark, [], index === this.store.selected ? 4 : 2, `${index + 1}`);
    });
    this.drawDraft(pen);
    if (this.cross !== null && this.tool !== 'look') this.drawCross(pen, this.view.toScreen(this.cross));
  }

  private isShown(mark: Mark): boolean {
    if (mark.geometry !== 'box' && mark.geometry !== 'polygon') return false;
    return !mark.frames || (mark.frames[0] <= this.frame && this.frame <= mark.frames[1]);
  }

  private outline(pen: CanvasRenderingContext2D, mark: Mark, dash: number[], width: number, name: string): void {
    const points = corners(mark).map((point) => this.view.toScreen(point));
    this.line(pen, [...points, points[0] as Point], dash, width, colour(this.labels, mark.label));
    const [x, y] = points[0] as Point;
    pen.font = '600 13px system-ui, sans-serif';
    pen.fillStyle = '#000c';
    pen.fillRect(x, y - 18, pen.measureText(name).width + 8, 17);
    pen.fillStyle = colour(this.labels, mark.label);
    pen.fillText(name, x + 4, y - 5);
  }

  private line(pen: CanvasRenderingContext2D, points: Point[], dash: number[], width: number, ink: string): void {
    pen.beginPath();
    points.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.setLineDash([]);
    pen.strokeStyle = '#000a';
    pen.lineWidth = width + 2;
    pen.stroke();
    pen.setLineDash(dash);
    pen.strokeStyle = ink;
    pen.lineWidth = width;
    pen.stroke();
    pen.setLineDash([]);
  }

  private drawDraft(pen: CanvasRenderingContext2D): void {
    const first = this.draft[0];
    if (first === undefined) return;
    const ink = colour(this.labels, this.label);
    const seen = this.hover ?? this.draft.at(-1) ?? first;
    if (this.tool === 'box') {
      const shape = corners({ geometry: 'box', label: '', points: box(first, seen) });
      const points = shape.map((point) => this.view.toScreen(point));
      this.line(pen, [...points, points[0] as Point], [6, 4], 2, ink);
      return;
    }
    this.line(pen, [...this.draft, seen].map((point) => this.view.toScreen(point)), [6, 4], 2, ink);
    const [x, y] = this.view.toScreen(first);
    pen.beginPath();
    pen.arc(x, y, 5, 0, 2 * Math.PI);
    pen.fillStyle = ink;
    pen.fill();
  }

  private drawCross(pen: CanvasRenderingContext2D, [x, y]: Point): void {
    this.line(pen, [[x - 12, y], [x + 12, y]], [], 2, '#fff');
    this.line(pen, [[x, y - 12], [x, y + 12]], [], 2, '#fff');
  }

  private clamped([x, y]: Point): Point {
    const scale = 10 ** this.decimals;
    const within = (value: number, most: number) => Math.round(Math.min(Math.max(value, 0), most) * scale) / scale;
    return [within(x, this.view.columns), within(y, this.view.rows)];
  }

  private at(event: PointerEvent): Point {
    const rect = this.canvas.getBoundingClientRect();
    return this.clamped(this.view.toImage([event.clientX - rect.left, event.clientY - rect.top]));
  }

  private down(event: PointerEvent): void {
    if (this.tool === 'look' || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.cross = null;
    this.put(this.at(event));
  }

  private move(event: PointerEvent): void {
    if (!this.drafting) return;
    this.hover = this.at(event);
    this.draw();
  }

  private up(event: PointerEvent): void {
    const first = this.draft[0];
    if (this.tool !== 'box' || first === undefined) return;
    const here = this.at(event);
    const moved = distance(this.view.toScreen(first), this.view.toScreen(here));
    if (moved > SMALL_PIXELS) this.put(here); // drawn in one stroke; else the second corner is another click
  }

  private put(point: Point): void {
    const first = this.draft[0];
    if (this.tool === 'box' && first !== undefined) {
      const [a, b] = box(first, point);
      if (b[0] > a[0] && b[1] > a[1]) this.finish('box', [a, b]);
      return;
    }
    if (first !== undefined && this.draft.length > 2) {
      const near = distance(this.view.toScreen(first), this.view.toScreen(point)) <= NEAR_PIXELS;
      if (near) return this.close();
    }
    if (this.tool === 'polygon' && !staysSimple(this.draft, point, false)) return this.onRefused();
    this.draft.push(point);
    this.onDraft();
    this.draw();
  }

  private finish(geometry: 'box' | 'polygon', points: Point[]): void {
    const mark: Mark = { geometry, label: this.label, points };
    if (this.frame) mark.frames = [this.frame, this.frame];
    this.draft = [];
    this.hover = null;
    this.store.add(mark);
  }
}
