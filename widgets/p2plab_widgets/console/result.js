// The result of a command: text, a table, a picture. Everything is set as text; the picture is an image, in which no
// script runs.

function table(columns, rows) {
  const element = document.createElement("table");
  const head = element.createTHead().insertRow();
  for (const name of columns) {
    const cell = document.createElement("th");
    cell.textContent = name;
    head.append(cell);
  }
  const body = element.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const text of row) line.insertCell().textContent = text;
  }
  return element;
}

function parts(model) {
  const found = [];
  const text = model.get("text");
  if (text) {
    const words = document.createElement("pre");
    words.className = model.get("failed") ? "p2plab-result-error" : "p2plab-result-text";
    words.textContent = text;
    found.push(words);
  }
  for (const { title, columns, rows } of model.get("tables")) {
    const caption = document.createElement("div");
    caption.className = "p2plab-result-title";
    caption.textContent = title;
    found.push(caption, table(columns, rows));
  }
  const picture = model.get("picture");
  if (picture) {
    const image = document.createElement("img");
    image.alt = "the result as a picture";
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(picture)}`;
    found.push(image);
  }
  return found;
}

export default {
  render({ model, el }) {
    el.classList.add("p2plab-result");
    const draw = () => el.replaceChildren(...parts(model));
    model.on("change", draw);
    draw();
    return () => model.off("change", draw);
  },
};
