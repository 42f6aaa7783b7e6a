// A view for tests: the names of the nodes, those that are down in brackets.

import { mount } from "../../../widgets/p2plab_widgets/view/mount.js";
import { element } from "../../../widgets/p2plab_widgets/view/dom.js";

export default mount((frame) => {
  const list = element("p", "toy-names");
  frame.stage.append(list);
  return {
    draw({ nodes, down }) {
      list.textContent = nodes.map((name) => (down.includes(name) ? `(${name})` : name)).join(" ");
    },
    selected(selection) {
      list.dataset.selected = selection ? `${selection.kind} ${selection.id}` : "";
    },
  };
});
