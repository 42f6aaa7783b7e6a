// What anywidget calls. Each widget has a scene of its own, which lives from the widget's creation on, before any place
// shows it.

import { mount } from "../../view/mount.js";
import { Replay } from "./replay.js";
import { Scene } from "./scene.js";
import { View } from "./view.js";

function create(frame) {
  const view = new View(frame);
  return {
    draw: () => view.follow(),
    resize: (width, height) => view.resize(width, height),
    themed: (theme) => view.themed(theme),
    selected: () => view.text(),
    close: () => view.close(),
  };
}

function begin(model) {
  const scene = new Scene(() => model.send({ hello: true }));
  const { content } = model.get("opening") ?? {};
  if (content) scene.takeContent(content, 0);
  const listener = (said, buffers) => {
    const now = performance.now();
    if (said.frame && scene.take(said.frame, buffers[0], now)) for (const view of scene.views) view.onScene();
    if (said.look?.content) scene.takeContent(said.look.content, now);
  };
  model.on("msg:custom", listener);
  return { shared: scene, close: () => model.off("msg:custom", listener) };
}

export const replay = (recording) => new Replay(recording.tape);
export default mount(create, { begin });
