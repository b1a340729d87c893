// <slide-annotator>: a whole slide by OpenSeadragon, tile by tile as they are stored, under the layer.

import OpenSeadragon from 'openseadragon';
import { Annotator, make } from './annotator.ts';
import type { View } from './layer.ts';
import { type Point, reasonOf } from './setting.ts';

interface Level {
  rows: number;
  columns: number;
  tile_rows: number;
  tile_columns: number;
}

interface Slide {
  levels: Level[];
  um_per_pixel: number | null;
}

const BAR_PIXELS = 120;
const OBJECTIVE = 10;
/** µm per pixel times this is about the objective that shows it: 20× at 0.5 µm. */
const ROUND = [1, 2, 5];

export class SlideAnnotator extends Annotator {
  private viewer: OpenSeadragon.Viewer | null = null;
  private image: OpenSeadragon.TiledImage | null = null;
  private readonly place = make('div', { class: 'slide' });
  private readonly bar = make('div', { class: 'bar', 'aria-hidden': 'true' });
  private readonly scale = make('p', { class: 'scale' });
  private pixelSize = 0;
  private missed = 0;

  protected build(): View {
    this.stage.append(this.place, make('div', { class: 'legend' }, this.bar, this.scale));
    const picture = this.setting.pictures[0];
    return {
      rows: picture?.rows ?? 0,
      columns: picture?.columns ?? 0,
      toScreen: (point) => this.toScreen(point),
      toImage: (point) => this.toImage(point),
    };
  }

  protected overlay(): HTMLElement {
    return this.stage;
  }

  protected override decimals(): number {
    return 0;
  }

  protected async start(): Promise<void> {
    const picture = this.setting.pictures[0];
    const answer = await fetch(picture?.slide ?? '');
    if (!answer.ok) {
      this.tell(await reasonOf(answer));
      return;
    }
    const slide = (await answer.json()) as Slide;
    this.pixelSize = slide.um_per_pixel ?? 0;
    await this.open(slide, picture?.tiles ?? '');
  }

  protected zoom(factor: number): void {
    this.viewer?.viewport.zoomBy(factor).applyConstraints();
  }

  protected home(): void {
    this.viewer?.viewport.goHome();
  }

  protected override pan(dx: number, dy: number): void {
    const viewport = this.viewer?.viewport;
    if (!viewport) return;
    const bounds = viewport.getBounds();
    viewport.panBy(new OpenSeadragon.Point(dx * bounds.width * 0.15, dy * bounds.height * 0.15)).applyConstraints();
  }

  private async open(slide: Slide, tiles: string): Promise<void> {
    this.stage.addEventListener('wheel', (event) => this.wheel(event), { passive: false, capture: true });
    silence();
    const viewer = new OpenSeadragon.Viewer({
      element: this.place,
      drawer: 'canvas',
      showNavigationControl: false,
      showNavigator: true,
      navigatorPosition: 'TOP_RIGHT',
      navigatorAutoFade: false,
      animationTime: 0.3,
      maxZoomPixelRatio: 4,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    });
    this.viewer = viewer;
    viewer.addHandler('canvas-key', (event) => ((event as { preventDefaultAction: boolean }).preventDefaultAction = true));
    viewer.addHandler('canvas-click', (event) => {
      const { quick, position } = event as OpenSeadragon.CanvasClickEvent;
      if (quick) this.layer.pick([position.x, position.y]);
    });
    viewer.addHandler('tile-load-failed', () => this.tell(this.say('tiles-missing', { count: ++this.missed })));
    viewer.addHandler('update-viewport', () => this.moved());
    viewer.addHandler('resize', () => this.moved());
    await new Promise<void>((done) => {
      viewer.addTiledImage({
        tileSource: sourceOf(slide, tiles) as unknown as string,
        success: (event) => {
          this.image = (event as unknown as { item: OpenSeadragon.TiledImage }).item;
          const largest = slide.levels.reduce((a, b) => (b.columns > a.columns ? b : a));
          this.image.setClip(new OpenSeadragon.Rect(0, 0, largest.columns, largest.rows)); // tiles at the edge are whole
          this.image.addOnceHandler('fully-loaded-change', () => done());
        },
        error: () => done(),
      });
    });
    // its own element for the keyboard is ours, which has a name
    for (const one of this.place.querySelectorAll<HTMLElement>('[tabindex]')) one.tabIndex = -1;
    this.moved();
  }

  private toScreen([x, y]: Point): Point {
    if (!this.image) return [0, 0];
    const at = this.image.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y));
    return [at.x, at.y];
  }

  private toImage([x, y]: Point): Point {
    if (!this.image) return [0, 0];
    const at = this.image.viewerElementToImageCoordinates(new OpenSeadragon.Point(x, y));
    return [at.x, at.y];
  }

  private wheel(event: WheelEvent): void {
    if (this.layer.tool === 'look' || !this.viewer) return;
    event.preventDefault();
    event.stopPropagation();
    const rect = this.stage.getBoundingClientRect();
    const at = new OpenSeadragon.Point(event.clientX - rect.left, event.clientY - rect.top);
    const viewport = this.viewer.viewport;
    viewport.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, viewport.pointFromPixel(at)).applyConstraints();
  }

  /** The scale bar, a round number of micrometres, and what objective would show the slide like this. */
  private moved(): void {
    this.layer.draw();
    if (!this.image) return;
    if (!this.pixelSize) {
      this.bar.hidden = true;
      this.scale.textContent = this.say('scale-unknown');
      return;
    }
    const [left] = this.toImage([0, 0]);
    const [right] = this.toImage([1, 0]);
    const micrometres = (right - left) * this.pixelSize;
    const most = micrometres * BAR_PIXELS;
    const power = 10 ** Math.floor(Math.log10(most));
    const length = power * (ROUND.filter((one) => one * power <= most).at(-1) ?? 1);
    this.bar.style.width = `${length / micrometres}px`;
    const said = length >= 1000 ? `${length / 1000} mm` : `${length} µm`;
    const magnification = OBJECTIVE / micrometres;
    const shown = magnification >= 1 ? Math.round(magnification) : magnification.toFixed(2);
    this.scale.textContent = `${said} · ${this.say('scale', { magnification: shown })}`;
  }
}

/** OpenSeadragon counts levels from the smallest up; the address of a tile has the slide's own number of its level. */
function sourceOf(slide: Slide, tiles: string): OpenSeadragon.TileSource {
  const levels = slide.levels.map((level, number) => ({ ...level, number })).sort((a, b) => a.columns - b.columns);
  const largest = levels.at(-1) as Level;
  const source = new OpenSeadragon.TileSource({
    width: largest.columns,
    height: largest.rows,
    tileWidth: largest.tile_columns,
    tileHeight: largest.tile_rows,
    minLevel: 0,
    maxLevel: levels.length - 1,
  } as unknown as OpenSeadragon.TileSourceOptions);
  const of = (level: number) => levels[level] as Level & { number: number };
  const scale = (level: number) => of(level).columns / largest.columns;
  return Object.assign(source, {
    getLevelScale: scale,
    getTileWidth: (level: number) => of(level).tile_columns,
    getTileHeight: (level: number) => of(level).tile_rows,
    getNumTiles: (level: number) =>
      new OpenSeadragon.Point(
        Math.ceil(of(level).columns / of(level).tile_columns),
        Math.ceil(of(level).rows / of(level).tile_rows),
      ),
    getTileAtPoint: (level: number, point: OpenSeadragon.Point) => {
      const wide = point.x * of(level).columns;
      const high = point.y * of(level).columns; // both axes are told in widths of the slide
      return new OpenSeadragon.Point(
        clamp(Math.floor(wide / of(level).tile_columns), Math.ceil(of(level).columns / of(level).tile_columns)),
        clamp(Math.floor(high / of(level).tile_rows), Math.ceil(of(level).rows / of(level).tile_rows)),
      );
    },
    getTileBounds: (level: number, x: number, y: number, inSource?: boolean) => {
      const { tile_columns: width, tile_rows: height, columns } = of(level);
      if (inSource) return new OpenSeadragon.Rect(0, 0, width, height);
      return new OpenSeadragon.Rect((x * width) / columns, (y * height) / columns, width / columns, height / columns);
    },
    getTileUrl: (level: number, x: number, y: number) => `${tiles}${of(level).number}/${x}/${y}`,
    tileExists: () => true,
  }) as OpenSeadragon.TileSource;
}

function clamp(value: number, count: number): number {
  return Math.min(Math.max(value, 0), count - 1);
}

/** OpenSeadragon writes a style sheet for telephones into the page unless one is there: our policy lets none in. */
function silence(): void {
  const name = 'data-openseadragon-mobile-css';
  if (document.querySelector(`style[${name}]`)) return;
  const there = document.createElementNS('urn:kaname', 'style');
  there.setAttribute(name, 'true');
  document.head.append(there);
}
