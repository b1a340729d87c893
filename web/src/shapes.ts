// Plain geometry of boxes and outlines, in pixels of the image.

import type { Mark, Point } from './setting.ts';

export function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/** The two corners in the order in which the server wants them. */
export function box(a: Point, b: Point): [Point, Point] {
  return [
    [Math.min(a[0], b[0]), Math.min(a[1], b[1])],
    [Math.max(a[0], b[0]), Math.max(a[1], b[1])],
  ];
}

export function corners(mark: Mark): Point[] {
  if (mark.geometry !== 'box') return mark.points;
  const [a, b] = mark.points as [Point, Point];
  return [a, [b[0], a[1]], b, [a[0], b[1]]];
}

function side(a: Point, b: Point, c: Point): number {
  return Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
}

function cross(a: Point, b: Point, c: Point, d: Point): boolean {
  return side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0;
}

/** Whether one more point, or closing the outline, keeps it simple: edges meet only end to end. */
export function staysSimple(points: Point[], next: Point, closing: boolean): boolean {
  const last = points.at(-1);
  if (last === undefined) return true;
  if (!closing && distance(last, next) === 0) return false;
  const begin = closing ? 1 : 0;
  for (let at = begin; at + 2 < points.length; at += 1) {
    if (cross(last, next, points[at] as Point, points[at + 1] as Point)) return false;
  }
  const before = points.at(-2);
  return before === undefined || side(before, last, next) !== 0 || !between(before, last, next);
}

/** Whether an edge runs back along the one before it. */
function between(before: Point, last: Point, next: Point): boolean {
  return (last[0] - before[0]) * (next[0] - last[0]) + (last[1] - before[1]) * (next[1] - last[1]) < 0;
}

export function inside(point: Point, outline: Point[]): boolean {
  let within = false;
  outline.forEach((a, at) => {
    const b = outline[(at + 1) % outline.length] as Point;
    const crosses = a[1] > point[1] !== b[1] > point[1];
    if (crosses && point[0] < ((b[0] - a[0]) * (point[1] - a[1])) / (b[1] - a[1]) + a[0]) within = !within;
  });
  return within;
}
