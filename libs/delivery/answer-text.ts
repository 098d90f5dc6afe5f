/** Bytes of an answer's body that are kept. */
export const ANSWER_BYTES = 1_024;

/** Controls but tab and line end, and marks that turn the direction of text around: a log is read on terminals and pages. */
const UNSHOWABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The beginning of an answer as text that may be shown; bytes that are no UTF-8, and controls, become U+FFFD. */
export function answerText(body: Buffer): string {
  // As a stream: a character that is cut off at the end is left out.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body.subarray(0, ANSWER_BYTES), { stream: true });
  return cutBytes(text.replace(UNSHOWABLE, '\ufffd'));
}

/** Replacing makes a text longer: one byte that is no UTF-8 becomes three. */
function cutBytes(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= ANSWER_BYTES) return text;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, ANSWER_BYTES), { stream: true });
}
