// What anywidget calls. A factory: each widget has a scene of its own, which lives from the widget's creation on, before
// any view does.

const WHOLES = { wave: "setWave", paint: "setPaint", grounds: "setGrounds", links: "setLinks", places: "setPlaces" };

export default () => {
  let scene;
  return {
    initialize({ model }) {
      scene = new Scene(() => model.send({ hello: true }));
      const tell = () => {
        for (const view of scene.views) view.onScene();
      };
      const take = (frame, records) => {
        if (scene.take(frame, records, performance.now())) tell();
      };
      const { frame, records } = model.get("opening");
      if (frame) take(frame, records);
      const listener = (content, buffers) => {
        if (content.frame) take(content.frame, buffers[0]);
        if (content.sentence !== undefined) {
          scene.sentence = content.sentence;
          tell();
        }
      };
      model.on("msg:custom", listener);
      const undo = [() => model.off("msg:custom", listener)];
      for (const [trait, setter] of Object.entries(WHOLES)) {
        const set = (now) => {
          const value = model.get(trait);
          if (value) scene[setter](value, now);
        };
        const changed = () => {
          set(performance.now());
          tell();
        };
        set(0);
        model.on(`change:${trait}`, changed);
        undo.push(() => model.off(`change:${trait}`, changed));
      }
      model.send({ hello: true });
      return () => undo.forEach((each) => each());
    },
    render({ model, el }) {
      const view = new View(model, scene, el);
      model.send({ views: scene.views.size });
      return () => {
        view.close();
        model.send({ views: scene.views.size });
      };
    },
  };
};
