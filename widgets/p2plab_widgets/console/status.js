// The console's head. All of it is text.

export default {
  render({ model, el }) {
    el.classList.add("p2plab-status");
    const parts = {};
    for (const name of ["world", "nodes", "time", "state"]) {
      parts[name] = document.createElement("span");
      parts[name].className = `p2plab-status-${name}`;
      el.append(parts[name]);
    }
    const draw = () => {
      const said = model.get("said");
      for (const [name, part] of Object.entries(parts)) part.textContent = said[name] ?? "";
      parts.world.dataset.world = said.world;
      parts.state.title = said.state ?? "";
    };
    model.on("change:said", draw);
    draw();
    return () => model.off("change:said", draw);
  },
};
