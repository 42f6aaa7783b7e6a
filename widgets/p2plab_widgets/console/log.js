// The console's log: what was done, the newest last. Each command has its sentence first, then its line of Python, which
// can be copied or done again. Every line is set as text.

function button(className, text, title, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.textContent = text;
  made.title = title;
  made.onclick = action;
  return made;
}

function row(kind, text, model) {
  const line = document.createElement("div");
  line.className = `p2plab-line p2plab-line-${kind}`;
  const words = document.createElement("span");
  words.className = "p2plab-line-text";
  words.textContent = text;
  line.append(words);
  if (kind === "python") {
    const copy = button("p2plab-copy", "copy", "copy this line of Python", async () => {
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = "copied";
      } catch {
        // No clipboard here (an insecure address, or no permission): the line is selected, for Ctrl+C.
        getSelection().selectAllChildren(words);
      }
    });
    line.append(copy, button("p2plab-repeat", "again", "do this once more", () => model.send({ repeat: text })));
  }
  return line;
}

// A line of Python stands below what came of it.
function ordered(lines) {
  const found = [];
  for (let at = 0; at < lines.length; at++) {
    const next = lines[at + 1]?.[0];
    if (lines[at][0] === "python" && (next === "result" || next === "error")) found.push(lines[at + 1], lines[at++]);
    else found.push(lines[at]);
  }
  return found;
}

export default {
  render({ model, el }) {
    el.classList.add("p2plab-log");
    el.setAttribute("role", "log");
    el.setAttribute("aria-label", "what was done, and what came of it");
    el.tabIndex = 0;
    const draw = () => {
      const atEnd = el.scrollHeight - el.scrollTop - el.clientHeight < 30;
      el.replaceChildren(...ordered(model.get("lines")).map(([kind, text]) => row(kind, text, model)));
      if (atEnd) el.scrollTop = el.scrollHeight;
    };
    model.on("change:lines", draw);
    draw();
    return () => model.off("change:lines", draw);
  },
};
