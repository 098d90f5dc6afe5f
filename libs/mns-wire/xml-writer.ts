/**
 * Writes documents in the one shape that every MNS SDK can read: line feeds, two spaces a level, values without padding.
 * The white space is part of the protocol: one SDK fails and another loses data when elements follow each other without it.
 */

/** Without a slash at the end: the Java SDK binds its error class to exactly this. */
const NAMESPACE = 'http://mns.aliyuncs.com/doc/v1';

const INDENTS = ['', '  ', '    ', '      ', '        '] as const;

/** Levels below the root, which is at 0. */
export type Depth = 1 | 2 | 3 | 4;

/** A whole document. `content` is what the other functions return, at depth 1. */
export function xmlDocument(root: string, content: string): string {
  const lines = content === '' ? '' : `\n${content}`;
  return `<?xml version="1.0" ?>\n<${root} xmlns="${NAMESPACE}">${lines}</${root}>`;
}

/** An element that contains elements. */
export function group(depth: Depth, name: string, content: string): string {
  const indent = INDENTS[depth];
  return `${indent}<${name}>\n${content}${indent}</${name}>\n`;
}

/** An element that contains a value; nothing when there is no value. */
export function leaf(depth: Depth, name: string, value: string | number | undefined): string {
  if (value === undefined) return '';
  return `${INDENTS[depth]}<${name}>${typeof value === 'number' ? value : escapeText(value)}</${name}>\n`;
}

/** MNS writes booleans like Python does, and the PHP SDK compares them so. */
export function flag(value: boolean): 'True' | 'False' {
  return value ? 'True' : 'False';
}

/** Milliseconds as the whole seconds in which attributes of queues, topics and subscriptions are given. */
export function seconds(millis: number): number {
  return Math.floor(millis / 1_000);
}

/**
 * What needs care in text: markup, a carriage return (readers turn a bare one into a line feed), and what XML 1.0 cannot carry at all:
 * control characters, the last two code points of the basic plane, halves of surrogate pairs.
 */
const SPECIAL =
  /[&<>\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const EVERY_SPECIAL = new RegExp(SPECIAL, 'g');

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };

/** Text as element content. What XML 1.0 has no way to write becomes U+FFFD, so that a reader never meets a document it must refuse. */
export function escapeText(text: string): string {
  return SPECIAL.test(text) ? text.replace(EVERY_SPECIAL, (character) => ESCAPES[character] ?? '\ufffd') : text;
}
