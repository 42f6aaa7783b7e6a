// Reads the binary part of a frame; frames.py says what it holds.

const RECORD = 16;
export const NODE = 1;
export const EDGE = 2;
export const TOPIC = 3;
export const PUBLISH = 4;
export const COPY = 5;
export const MESH = 6;
export const GONE = 0;
export const OUTSIDE = 2;
export const ATTACHED = 3;
export const FIRST = 0;
export const DUPLICATE = 1;
export const REJECTED = 2;

// Calls visit(tag, look, topic, a, b, message) for each record, in order.
export function readRecords(view, visit) {
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
