// What the server tells an element, and the marks that go back to it (docs/spec/annotation.md).

export type Point = [number, number];
export type Geometry = 'image' | 'box' | 'polygon' | 'interval' | 'pair' | 'form';

export interface Mark {
  geometry: Geometry;
  label: string;
  points: Point[];
  frames?: [number, number];
}

export interface Label {
  value: string;
  text: string;
}

export interface Picture {
  frames: string;
  first: number;
  count: number;
  rows: number;
  columns: number;
  video: string;
  times: string;
  slide: string;
  tiles: string;
}

export interface Asked {
  answer: Geometry | '';
  geometries: Geometry[];
  labels: Label[];
  marks: Mark[];
  readings: Mark[][];
  whole: boolean;
}

export interface Setting {
  pictures: Picture[];
  asked: Asked | null;
  words: Record<string, string>;
}

export function settingOf(element: HTMLElement): Setting {
  return JSON.parse(element.getAttribute('setting') ?? '') as Setting;
}

/** Words of the page with their values filled in. */
export type Say = (key: string, values?: Record<string, string | number>) => string;

export function sayer(words: Record<string, string>): Say {
  return (key, values = {}) => {
    const text = words[key];
    if (text === undefined) throw new Error(`no word for ${key}`);
    return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
  };
}

/** The reason in an answer that is no success, in the language of the page; empty where it tells none. */
export async function reasonOf(answer: Response): Promise<string> {
  try {
    const told = (await answer.json()) as Record<string, unknown>;
    return String(told[document.documentElement.lang] ?? '');
  } catch {
    return '';
  }
}
