// The marks of a reading while it is made: every change can be undone, and is told to who shows them.

import type { Mark } from './setting.ts';

const STEPS = 200;

export class Store {
  marks: Mark[];
  selected = -1;
  private past: string[] = [];
  private future: string[] = [];
  private readonly listeners: (() => void)[] = [];

  constructor(marks: Mark[]) {
    this.marks = structuredClone(marks);
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Changes the marks in one step that can be undone as one. */
  change(make: (marks: Mark[]) => Mark[]): void {
    const before = JSON.stringify(this.marks);
    const after = make(structuredClone(this.marks));
    if (JSON.stringify(after) === before) return;
    this.past = [...this.past.slice(1 - STEPS), before];
    this.future = [];
    this.put(after);
  }

  add(mark: Mark): void {
    this.change((marks) => [...marks, mark]);
    this.select(this.marks.length - 1);
  }

  remove(index: number): void {
    this.change((marks) => marks.filter((_, at) => at !== index));
  }

  relabel(index: number, label: string): void {
    this.change((marks) => marks.map((mark, at) => (at === index ? { ...mark, label } : mark)));
  }

  select(index: number): void {
    this.selected = index;
    this.tell();
  }

  undo(): void {
    const before = this.past.pop();
    if (before === undefined) return;
    this.future.push(JSON.stringify(this.marks));
    this.put(JSON.parse(before) as Mark[]);
  }

  redo(): void {
    const after = this.future.pop();
    if (after === undefined) return;
    this.past.push(JSON.stringify(this.marks));
    this.put(JSON.parse(after) as Mark[]);
  }

  private put(marks: Mark[]): void {
    this.marks = marks;
    if (this.selected >= marks.length) this.selected = -1;
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
