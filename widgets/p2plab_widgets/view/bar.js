// The cursor's bar: play, pause, step, back, a scrubber over the whole log, the time, the speed. Whatever is used is told
// to `act(what, value)`; a new moment to `seek(t)`, null for live.

import { button, choice, element, enable, fill, iconButton, seconds, setIcon, setText } from "./dom.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 100];
const WORDS = { fault: "fault", publication: "publication", error: "error" };

export class Bar {
  constructor({ act, seek, theme }) {
    this.act = act;
    this.seek = seek;
    this.theme = theme;
    this.state = { start: 0, end: 0, time: null, playing: false, speed: 1, marks: [], why: "", source: "log" };
    this.here = [];
    this.#build();
  }

  #build() {
    const parts = (this.parts = {
      home: iconButton("p2plab-step", "home", "to the first event (Home)", () => this.act("home")),
      back: iconButton("p2plab-step", "back", "back to the event before (left arrow)", () => this.act("back")),
      play: iconButton("p2plab-play", "play", "play (space)", () => this.toggle()),
      step: iconButton("p2plab-step", "step", "on to the next event (right arrow)", () => this.act("step")),
      live: button("p2plab-live", "live", "follow the end (End)", () => this.act("live")),
      track: element("div", "p2plab-track"),
      marks: element("canvas", "p2plab-marks"),
      thumb: element("div", "p2plab-thumb"),
      tip: element("div", "p2plab-tip"),
      time: element("span", "p2plab-time"),
      reached: element("span", "p2plab-reached"),
      here: button("p2plab-here", "events here", "list the events at this moment", () => this.#toggleHere()),
      list: element("ol", "p2plab-events"),
    });
    const speeds = SPEEDS.map((speed) => [String(speed), `${speed}×`]);
    parts.speed = choice("speed", speeds, "1", (value) => this.act("speed", Number(value)));
    parts.list.hidden = parts.tip.hidden = true;
    parts.here.setAttribute("aria-expanded", "false");
    parts.track.tabIndex = 0;
    parts.track.setAttribute("role", "slider");
    parts.track.setAttribute("aria-label", "moment shown");
    parts.track.append(parts.marks, parts.thumb, parts.tip);
    const buttons = element("span", "p2plab-buttons");
    buttons.append(parts.home, parts.back, parts.play, parts.step);
    this.root = element("div", "p2plab-cursor");
    this.root.append(buttons, parts.live, parts.track, parts.time, parts.reached, parts.speed, parts.here);
    this.panel = parts.list;
    const { track } = parts;
    track.addEventListener("pointerdown", (event) => {
      track.setPointerCapture(event.pointerId);
      this.drags = true;
      this.#point(event);
    });
    track.addEventListener("pointermove", (event) => {
      if (this.drags) this.#point(event);
      this.#tell(event);
    });
    for (const kind of ["pointerup", "pointercancel"]) track.addEventListener(kind, () => (this.drags = false));
    track.addEventListener("pointerleave", () => (parts.tip.hidden = true));
    this.resized = new ResizeObserver(() => this.#drawMarks());
    this.resized.observe(track);
  }

  redraw() {
    this.#drawMarks();
  }

  close() {
    this.resized.disconnect();
  }

  toggle() {
    if (!this.state.why) this.act(this.state.playing ? "pause" : "play");
  }

  // Keys of the whole view. True where it took the key.
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const taken = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.act("back"),
      ArrowRight: () => this.act("step"),
      Home: () => this.act("home"),
      End: () => this.act("live"),
    }[event.key];
    if (!taken) return false;
    taken();
    return true;
  }

  update(state) {
    const marks = this.state.marks;
    this.state = { ...this.state, ...state };
    const { parts } = this, { start, end, time, playing, speed, why, reached, behind, source } = this.state;
    const live = time === null || time === undefined, at = live ? end : time;
    const does = live && source !== "log" ? "the lab" : "the run";
    setIcon(parts.play, playing ? "pause" : "play");
    parts.play.setAttribute("aria-label", playing ? `hold ${does} (space)` : `play ${does} (space)`);
    enable(parts.play, why);
    enable(parts.home, end > start ? "" : "nothing has happened yet");
    enable(parts.back, end > start && at > start ? "" : "this is the first event");
    enable(parts.step, live && source !== "mock" ? "this is the end" : "");
    parts.live.setAttribute("aria-pressed", String(live));
    setText(parts.live, source === "log" ? "end" : "live");
    const share = end > start ? Math.min(Math.max((at - start) / (end - start), 0), 1) : 1;
    parts.thumb.style.left = `${(100 * share).toFixed(3)}%`;
    setText(parts.time, live ? seconds(at) : `${seconds(at)} of ${seconds(end)}`);
    parts.track.setAttribute("aria-valuemin", String(start));
    parts.track.setAttribute("aria-valuemax", String(end));
    parts.track.setAttribute("aria-valuenow", String(at));
    parts.track.setAttribute("aria-valuetext", live ? `${seconds(at)}, ${source === "log" ? "the end" : "live"}` : seconds(at));
    const lags = behind > 0.5 * speed;
    setText(parts.reached, reached === null || reached === undefined || !playing || source === "real" ? "" :
      `${reached.toPrecision(2)}× reached${lags ? `, ${behind.toFixed(1)} s behind` : ""}`);
    const speeds = SPEEDS.includes(speed) ? SPEEDS : [...SPEEDS, speed].sort((a, b) => a - b);
    fill(parts.speed.select, speeds.map((value) => [String(value), `${value}×`]), String(speed));
    enable(parts.speed.select, live && source === "real" ? "a real lab runs at the wall clock's speed" : "");
    if (state.marks && JSON.stringify(marks) !== JSON.stringify(state.marks)) this.#drawMarks();
    else if (state.end !== undefined && state.end !== this.drawnEnd) this.#drawMarks();
  }

  showHere(events) {
    const { list } = this.parts;
    if (list.hidden) return;
    list.replaceChildren(
      ...events.map((event) => {
        const line = element("li");
        const words = [event.node, event.kind, event.peer, event.topic && `topic ${event.topic}`, event.reason && `because: ${event.reason}`];
        const chosen = button("p2plab-event", words.filter(Boolean).join("  "), "select this event", () => this.act("select", { kind: "event", id: event.seq }));
        line.append(element("span", "p2plab-event-time", seconds(event.t)), chosen);
        return line;
      }),
    );
    if (!events.length) list.append(element("li", "", "no events are known here"));
  }

  #toggleHere() {
    const { list, here } = this.parts;
    list.hidden = !list.hidden;
    here.setAttribute("aria-expanded", String(!list.hidden));
    this.act("here", !list.hidden);
  }

  #moment(event) {
    const box = this.parts.track.getBoundingClientRect(), { start, end } = this.state;
    const share = Math.min(Math.max((event.clientX - box.left) / Math.max(box.width, 1), 0), 1);
    return { share, moment: start + share * (end - start), width: box.width };
  }

  #point(event) {
    const { share, moment } = this.#moment(event);
    this.seek(share >= 1 ? null : moment);
  }

  #tell(event) {
    const { tip } = this.parts, { moment, share, width } = this.#moment(event), { start, end, marks } = this.state;
    const near = (4 * (end - start)) / Math.max(width, 1);
    const close = marks.filter(([t]) => Math.abs(t - moment) <= near);
    const words = close.slice(0, 4).map(([t, what, kind, count]) => `${seconds(t)} ${kind}${count > 1 ? ` and ${count - 1} more` : ""}`);
    setText(tip, words.length ? words.join("; ") : seconds(moment));
    tip.hidden = false;
    tip.style.left = `${100 * share}%`;
    tip.dataset.side = share > 0.5 ? "left" : "right";
  }

  // Faults are triangles above the line, errors crosses, publications strokes below it.
  #drawMarks() {
    const { marks: canvas } = this.parts, { start, end, marks } = this.state;
    this.drawnEnd = end;
    const width = canvas.clientWidth, height = canvas.clientHeight, ratio = window.devicePixelRatio || 1;
    if (!width) return;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d"), theme = this.theme(), middle = height / 2;
    pen.scale(ratio, ratio);
    pen.fillStyle = theme.border;
    pen.fillRect(0, middle - 1.5, width, 3);
    for (const [t, what] of marks) {
      const x = end > start ? 1 + ((t - start) / (end - start)) * (width - 2) : width - 1;
      pen.strokeStyle = pen.fillStyle = theme[WORDS[what]] ?? theme.ink;
      pen.lineWidth = 1.5;
      pen.beginPath();
      if (what === "fault") {
        pen.moveTo(x - 4, middle - 9);
        pen.lineTo(x + 4, middle - 9);
        pen.lineTo(x, middle - 2);
        pen.fill();
      } else if (what === "error") {
        pen.moveTo(x - 3, middle - 9);
        pen.lineTo(x + 3, middle - 3);
        pen.moveTo(x + 3, middle - 9);
        pen.lineTo(x - 3, middle - 3);
        pen.stroke();
      } else {
        pen.moveTo(x, middle + 2);
        pen.lineTo(x, middle + 8);
        pen.stroke();
      }
    }
  }
}
