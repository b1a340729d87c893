// What a reader draws in the viewer becomes a reading: rectangles with a label of the task, and the answer about the
// whole image. Sent as soon as something changes; what was answered before is drawn again when its image is shown.
window.kaname.drawing = (() => {
  const { say, reading } = window.kaname;
  const TOOL = 'RectangleROI';
  const QUIET_MS = 400;
  const opened = new URLSearchParams(location.search)
    .getAll('StudyInstanceUIDs')
    .flatMap(value => value.split(','))
    .filter(study => study in reading);

  const place = imageId => {
    const found = /\/studies\/([0-9.]+)\/series\/[0-9.]+\/instances\/([0-9.]+)\/frames\/(\d+)/.exec(imageId ?? '');
    return found && opened.includes(found[1]) ? { study: found[1], instance: found[2], frame: Number(found[3]) } : null;
  };
  const keyOf = (task, at) => [task.name, at.instance, at.frame].join(' ');

  // A label as it is shown: with its task where there are several.
  const choices = (study, wanted = () => true) =>
    reading[study].tasks.filter(wanted).flatMap(task =>
      task.labels.map(label => ({
        task,
        label: label.value,
        text: reading[study].tasks.length > 1 ? `${task.name}: ${label.text}` : label.text,
      }))
    );
  const chosen = (study, text) => choices(study).find(choice => choice.text === text);

  // ── what is on an image ──
  const annotations = () =>
    window.cornerstoneTools.annotation.state.getAllAnnotations().filter(one => one.metadata.toolName === TOOL);

  // The corners of a rectangle in pixels, from the outer corner of the first one; none if it is not on its image.
  const cornersOf = one => {
    const { utilities, metaData } = window.cornerstone;
    const imageId = one.metadata.referencedImageId;
    const plane = metaData.get('imagePlaneModule', imageId);
    if (!plane) return null;
    const pixels = one.data.handles.points.map(point => utilities.worldToImageCoords(imageId, point));
    const back = pixels.map(pixel => utilities.imageToWorldCoords(imageId, pixel));
    const spacing = Math.min(plane.rowPixelSpacing || 1, plane.columnPixelSpacing || 1);
    const off = one.data.handles.points.map((point, n) => Math.hypot(...[0, 1, 2].map(d => point[d] - back[n][d])));
    if (Math.max(...off) > spacing) return null;
    const within = (value, most) => Math.round(Math.min(Math.max(value, 0), most) * 100) / 100;
    const [across, down] = [0, 1].map(axis => pixels.map(pixel => pixel[axis]));
    const box = [
      [within(Math.min(...across), plane.columns), within(Math.min(...down), plane.rows)],
      [within(Math.max(...across), plane.columns), within(Math.max(...down), plane.rows)],
    ];
    return box[0][0] < box[1][0] && box[0][1] < box[1][1] ? box : null;
  };

  const restored = new Set(); // images and tasks whose earlier rectangles are drawn again
  const ownOn = (task, at) => reading[at.study].own.find(own => keyOf({ name: own.task }, own) === keyOf(task, at));
  const boxesOn = (task, at) => {
    const found = restored.has(keyOf(task, at)) ? [] : (ownOn(task, at)?.boxes.slice() ?? []);
    for (const one of annotations()) {
      const there = place(one.metadata.referencedImageId);
      if (!there || there.instance !== at.instance || there.frame !== at.frame) continue;
      const choice = chosen(at.study, one.data.label);
      const points = choice && choice.task === task ? cornersOf(one) : null;
      if (points) found.push({ label: choice.label, points });
    }
    return found;
  };

  // ── what is told and asked: plain elements beside the viewer ──
  let strip, told;
  const tell = text => {
    told.textContent = text;
  };
  const buttonOf = (text, pressed) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    button.className = 'kaname-button';
    button.addEventListener('click', pressed);
    return button;
  };
  const ask = (heading, offers) =>
    new Promise(resolve => {
      const dialog = document.createElement('dialog');
      const title = document.createElement('p');
      title.id = 'kaname-asked';
      title.textContent = heading;
      dialog.className = 'kaname-dialog';
      dialog.setAttribute('aria-labelledby', title.id);
      const answer = choice => {
        dialog.remove();
        resolve(choice);
      };
      dialog.append(title, ...offers.map(choice => buttonOf(choice.text, () => answer(choice))));
      dialog.append(buttonOf(say.later, () => answer(null)));
      dialog.addEventListener('cancel', () => answer(null));
      dialog.addEventListener('keydown', event => event.stopPropagation()); // the viewer has keys of its own
      document.body.append(dialog);
      dialog.showModal();
    });
  const show = () => {
    const style = document.createElement('style');
    style.textContent = `
      .kaname-strip { position: fixed; bottom: 0.5rem; left: 50%; transform: translateX(-50%); z-index: 40; display: flex;
        gap: 0.75rem; align-items: center; padding: 0.35rem 0.75rem; border-radius: 0.375rem; background: #0b1626;
        color: #fff; border: 1px solid #5a7ba6; font-size: 0.875rem; max-width: 60vw; }
      .kaname-strip strong { font-weight: 600; }
      .kaname-button { padding: 0.35rem 0.9rem; border-radius: 0.375rem; background: #1f5fbf; color: #fff; min-height: 24px;
        white-space: nowrap; }
      .kaname-button:focus-visible { outline: 3px solid #ffd54a; outline-offset: 2px; }
      .kaname-dialog { margin: auto; padding: 1rem 1.25rem; border-radius: 0.5rem; background: #0b1626; color: #fff;
        border: 1px solid #5a7ba6; }
      .kaname-dialog[open] { display: flex; flex-direction: column; gap: 0.5rem; }`;
    strip = document.createElement('div');
    strip.className = 'kaname-strip';
    told = document.createElement('span');
    told.setAttribute('role', 'status');
    const asked = document.createElement('strong');
    const tasks = opened.flatMap(study => reading[study].tasks);
    asked.textContent = [...new Set(tasks.map(task => task.question))].join(' / ');
    strip.append(asked, told);
    if (tasks.some(task => task.whole)) strip.append(buttonOf(say.whole, () => answerShown()));
    document.head.append(style);
    document.body.append(strip);
    tell(say.start);
  };

  // ── sending ──
  const numbers = new Map(); // of the reading that stands, for each image and task
  const sent = new Map(); // what it says
  const waiting = new Map();
  let before = Promise.resolve();

  const later = (task, at) => {
    const key = keyOf(task, at);
    clearTimeout(waiting.get(key));
    waiting.set(key, setTimeout(() => send(task, at), QUIET_MS));
  };
  const send = (task, at, said) => {
    before = before.then(() => sendNow(task, at, said)).catch(() => tell(say.failed));
  };
  const sendNow = async (task, at, said) => {
    const key = keyOf(task, at);
    const boxes = boxesOn(task, at);
    const labels = new Set(boxes.map(box => box.label));
    let answer = said ?? (labels.size === 1 ? [...labels][0] : '');
    if (task.whole && !answer) {
      answer = (await ask(`${task.question} ${say.answer}`, choices(at.study, one => one === task)))?.label;
    }
    if (task.whole ? !answer : !boxes.length) return tell(say.kept);
    const message = JSON.stringify({ answer: task.whole ? answer : '', boxes });
    if (sent.get(key) === message) return;
    const response = await fetch('/readings', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Kaname-Form': reading[at.study].token },
      body: JSON.stringify({ ...at, task: task.name, after: numbers.get(key) ?? 0, ...JSON.parse(message) }),
    });
    const told = await response.json();
    if (!response.ok) return tell(told[window.kaname.language.slice(0, 2)]);
    numbers.set(key, told.number);
    sent.set(key, message);
    const time = new Date().toLocaleTimeString('sv'); // 24 hours, in every language
    tell(say.saved.replace('{time}', time));
  };

  // ── the viewer's services ──
  let services;
  const known = new Map(); // image and task of each rectangle, for when it is gone or called something else
  const changed = uid => {
    const one = annotations().find(annotation => annotation.annotationUID === uid);
    const [task, at] = known.get(uid) ?? [];
    const there = one && place(one.metadata.referencedImageId);
    const choice = there && chosen(there.study, one.data.label);
    if (choice && !cornersOf(one)) return tell(say.tilted);
    if (choice) known.set(uid, [choice.task, there]);
    if (choice) later(choice.task, there);
    if (task && task !== choice?.task) later(task, at);
  };
  const added = async measurement => {
    const at = measurement.toolName === TOOL && place(measurement.referencedImageId);
    if (!at) return measurement.toolName === TOOL ? tell(say.tilted) : undefined;
    if (chosen(at.study, measurement.label)) return changed(measurement.uid);
    const choice = await ask(say.label, choices(at.study));
    if (!choice) return tell(say.unlabelled);
    const now = services.measurementService.getMeasurement(measurement.uid);
    if (now) services.measurementService.update(measurement.uid, { ...now, label: choice.text }, true);
  };
  const answerShown = async () => {
    const { cornerstoneViewportService, viewportGridService } = services;
    const viewport = cornerstoneViewportService.getCornerstoneViewport(viewportGridService.getActiveViewportId());
    const at = place(viewport?.getCurrentImageId?.());
    if (!at) return tell(say.tilted);
    const choice = await ask(say.answer, choices(at.study, task => task.whole));
    if (choice) send(choice.task, at, choice.label);
  };

  // ── what was answered before ──
  const restore = (element, imageId) => {
    const at = place(imageId);
    const shown = window.cornerstone.getEnabledElement(element);
    if (!at || !shown || !window.cornerstone.metaData.get('imagePlaneModule', imageId)) return;
    for (const own of reading[at.study].own) {
      const task = reading[at.study].tasks.find(one => one.name === own.task);
      const key = keyOf(task, own);
      if (own.instance !== at.instance || own.frame !== at.frame || restored.has(key)) continue;
      restored.add(key);
      for (const box of own.boxes) {
        const uid = drawAgain(shown, imageId, box, choices(at.study).find(c => c.task === task && c.label === box.label));
        known.set(uid, [task, at]);
      }
    }
  };
  const drawAgain = ({ viewport }, imageId, { points: [[left, top], [right, bottom]] }, choice) => {
    const corners = [[left, top], [right, top], [left, bottom], [right, bottom]];
    const points = corners.map(pixel => window.cornerstone.utilities.imageToWorldCoords(imageId, pixel));
    const { viewPlaneNormal, viewUp } = viewport.getCamera();
    const frame = viewport.getFrameOfReferenceUID();
    const zero = [0, 0, 0];
    const bounds = { topLeft: zero, topRight: zero, bottomLeft: zero, bottomRight: zero };
    const textBox = { hasMoved: false, worldPosition: zero, worldBoundingBox: bounds };
    return window.cornerstoneTools.annotation.state.addAnnotation(
      {
        annotationUID: window.cornerstone.utilities.uuidv4(),
        highlighted: false,
        isLocked: false,
        isVisible: true,
        invalidated: true,
        metadata: { toolName: TOOL, referencedImageId: imageId, FrameOfReferenceUID: frame, viewPlaneNormal, viewUp },
        data: { label: choice.text, handles: { points, activeHandleIndex: null, textBox }, cachedStats: {} },
      },
      frame
    );
  };

  const begin = servicesManager => {
    services = servicesManager.services;
    const { measurementService } = services;
    const { MEASUREMENT_ADDED, MEASUREMENT_UPDATED, MEASUREMENT_REMOVED, MEASUREMENTS_CLEARED } = measurementService.EVENTS;
    measurementService.subscribe(MEASUREMENT_ADDED, ({ measurement }) => added(measurement));
    measurementService.subscribe(MEASUREMENT_UPDATED, ({ measurement }) => changed(measurement.uid));
    measurementService.subscribe(MEASUREMENT_REMOVED, ({ measurement }) => setTimeout(() => changed(measurement)));
    measurementService.subscribe(MEASUREMENTS_CLEARED, ({ measurements }) => {
      if (Object.keys(measurements).length) tell(say.kept); // the viewer empties its list at the start, too
    });
    const { eventTarget, Enums } = window.cornerstone;
    eventTarget.addEventListener(Enums.Events.ELEMENT_ENABLED, ({ detail: { element } }) => {
      const look = ({ detail }) => restore(element, detail.viewport?.getCurrentImageId?.() ?? detail.imageId);
      element.addEventListener(Enums.Events.STACK_NEW_IMAGE, look);
    });
    for (const study of opened) {
      for (const own of reading[study].own) {
        const key = keyOf({ name: own.task }, own);
        const points = box => box.points.map(point => point.map(value => Math.round(value * 100) / 100));
        const boxes = own.boxes.map(box => ({ label: box.label, points: points(box) }));
        numbers.set(key, own.number);
        sent.set(key, JSON.stringify({ answer: own.answer, boxes }));
      }
    }
    show();
  };

  const labels = opened.flatMap(study => choices(study)).map(({ text }) => ({ value: text, label: text }));
  return opened.length ? { begin, labels } : null;
})();
