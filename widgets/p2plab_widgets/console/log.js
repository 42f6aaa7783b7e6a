// The console's log. Every line is set as text; a line of Python has a button that copies it.

function row(kind, text) {
  const line = document.createElement("div");
  line.className = `p2plab-line p2plab-line-${kind}`;
  const words = document.createElement("span");
  words.className = "p2plab-line-text";
  words.textContent = text;
  line.append(words);
  if (kind === "python") {
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "p2plab-copy";
    copy.textContent = "copy";
    copy.onclick = async () => {
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = "copied";
      } catch {
        // No clipboard here (an insecure address, or no permission): the line is selected, for Ctrl+C.
        getSelection().selectAllChildren(words);
      }
    };
    line.append(copy);
  }
  return line;
}

export default {
  render({ model, el }) {
    el.classList.add("p2plab-log");
    el.setAttribute("role", "log");
    const draw = () => {
      const atEnd = el.scrollHeight - el.scrollTop - el.clientHeight < 30;
      el.replaceChildren(...model.get("lines").map(([kind, text]) => row(kind, text)));
      if (atEnd) el.scrollTop = el.scrollHeight;
    };
    model.on("change:lines", draw);
    draw();
    return () => model.off("change:lines", draw);
  },
};
