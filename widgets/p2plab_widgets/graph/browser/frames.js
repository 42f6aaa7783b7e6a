// Reads the binary part of a frame; frames.py says what it holds.

const RECORD = 16;
const NODE = 1, EDGE = 2, TOPIC = 3, PUBLISH = 4, COPY = 5, MESH = 6;
const GONE = 0, OUTSIDE = 2, ATTACHED = 3;
const FIRST = 0, DUPLICATE = 1, REJECTED = 2;

// Calls visit(tag, look, topic, a, b, message) for each record, in order.
function readRecords(view, visit) {
  for (let at = 0; at + RECORD <= view.byteLength; at += RECORD) {
    visit(
      view.getUint8(at),
      view.getUint8(at + 1),
      view.getUint16(at + 2, true),
      view.getUint32(at + 4, true),
      view.getUint32(at + 8, true),
      view.getUint32(at + 12, true),
    );
  }
}
