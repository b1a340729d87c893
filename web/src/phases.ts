// Phases of a film: intervals that follow each other and never overlap, whatever is pressed.

import type { Mark } from './setting.ts';

type Span = Mark & { frames: [number, number] };

function isSpan(mark: Mark): mark is Span {
  return mark.geometry === 'interval' && mark.frames !== undefined;
}

export function spans(marks: Mark[]): Span[] {
  return marks.filter(isSpan).sort((a, b) => a.frames[0] - b.frames[0]);
}

function put(marks: Mark[], found: Span[]): Mark[] {
  const joined: Span[] = [];
  for (const span of found.filter(({ frames }) => frames[0] <= frames[1])) {
    const last = joined.at(-1);
    if (last && last.label === span.label && last.frames[1] + 1 === span.frames[0]) last.frames[1] = span.frames[1];
    else joined.push(structuredClone(span));
  }
  return [...marks.filter((mark) => !isSpan(mark)), ...joined];
}

/** A phase, or none, from this frame on: what ran there ends before it, what comes later stays. */
export function begin(marks: Mark[], label: string, frame: number, count: number): Mark[] {
  const found = spans(marks);
  const there = found.find(({ frames }) => frames[0] <= frame && frame <= frames[1]);
  const later = found.find(({ frames }) => frames[0] > frame);
  const end = there ? there.frames[1] : (later?.frames[0] ?? count + 1) - 1;
  const kept = found.map((span): Span => (span === there ? { ...span, frames: [span.frames[0], frame - 1] } : span));
  if (label) kept.push({ geometry: 'interval', label, points: [], frames: [frame, end] });
  return put(marks, kept.sort((a, b) => a.frames[0] - b.frames[0]));
}

/** Without the phase of this frame; the one right before it goes on in its place. */
export function remove(marks: Mark[], frame: number): Mark[] {
  const found = spans(marks);
  const there = found.find(({ frames }) => frames[0] <= frame && frame <= frames[1]);
  if (!there) return marks;
  const kept = found
    .filter((span) => span !== there)
    .map((span): Span =>
      span.frames[1] + 1 === there.frames[0] ? { ...span, frames: [span.frames[0], there.frames[1]] } : span,
    );
  return put(marks, kept);
}

/** The beginning of the phase that begins at `first` moved; its neighbour before it gives way. */
export function moveEdge(marks: Mark[], first: number, to: number): Mark[] {
  const found = spans(marks);
  const there = found.find(({ frames }) => frames[0] === first);
  if (!there) return marks;
  const before = found.filter(({ frames }) => frames[1] < first).at(-1);
  const least = before ? (before.frames[1] + 1 === first ? before.frames[0] + 1 : before.frames[1] + 1) : 1;
  const edge = Math.min(Math.max(to, least), there.frames[1]);
  const kept = found.map((span): Span => {
    if (span === there) return { ...span, frames: [edge, span.frames[1]] };
    if (span === before && span.frames[1] + 1 === first) return { ...span, frames: [span.frames[0], edge - 1] };
    return span;
  });
  return put(marks, kept);
}

/** The nearest edge before (-1) or behind (+1) a frame. */
export function edge(marks: Mark[], frame: number, direction: number, count: number): number {
  const edges = [1, count, ...spans(marks).flatMap(({ frames }) => [frames[0], frames[1]])];
  const there = edges.filter((one) => (one - frame) * direction > 0).sort((a, b) => (a - b) * direction);
  return there[0] ?? frame;
}
