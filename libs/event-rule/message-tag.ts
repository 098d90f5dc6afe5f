import type { BucketEvent } from './bucket-event.js';

/** Characters of a message tag. */
const TAG_LENGTH = 16;
/** What a tag made from a template may consist of; other characters become underscores. A constant tag stays as it is. */
const UNUSUAL = /[^\p{L}\p{M}\p{N}._-]/gu;
const PLACEHOLDER = /\{(\w+)\}/g;

const PARTS: Readonly<Record<string, (event: BucketEvent) => string>> = {
  bucket: ({ bucket }) => bucket,
  source: ({ source }) => source,
  event: ({ eventName }) => eventName?.split(':')[1] ?? '',
  group: ({ eventName }) => eventName?.split(':')[0] ?? '',
  ext: ({ key }) => /[^/.][^/]*\.([^./]+)$/.exec(key)?.[1]?.toLowerCase() ?? '',
  type: ({ contentType }) => contentType?.split('/')[0]?.trim().toLowerCase() ?? '',
};

/** Placeholders of a tag; `{segment2}` to `{segment9}` besides. */
export const TAG_PLACEHOLDERS = [...Object.keys(PARTS), 'segment1'].map((name) => `{${name}}`);

/** Whether a tag depends on the event. A text in braces that is no placeholder is a text like any other. */
export function isTagTemplate(tag: string): boolean {
  return [...tag.matchAll(PLACEHOLDER)].some(([, name]) => partOf(name!) !== undefined);
}

/** Texts in braces that look like placeholders and are none. */
export function unknownPlaceholders(tag: string): string[] {
  return [...tag.matchAll(PLACEHOLDER)].filter(([, name]) => partOf(name!) === undefined).map(([text]) => text);
}

/**
 * The tag of the event's message, 1 to 16 characters; undefined when nothing is left of it (a file without extension for `{ext}`).
 * @param tag as the rule has it: a constant, or a template
 */
export function messageTagOf(tag: string, event: BucketEvent): string | undefined {
  if (!isTagTemplate(tag)) return tag;
  const text = tag.replace(PLACEHOLDER, (given, name: string) => partOf(name)?.(event) ?? given).replace(UNUSUAL, '_');
  // A character outside the basic plane takes two of the sixteen and is not cut in half.
  const cut = text.slice(0, TAG_LENGTH).replace(/[\ud800-\udbff]$/, '');
  return cut === '' ? undefined : cut;
}

function partOf(name: string): ((event: BucketEvent) => string) | undefined {
  const segment = /^segment([1-9])$/.exec(name)?.[1];
  if (segment !== undefined) return ({ key }) => directoriesOf(key)[Number(segment) - 1] ?? '';
  return Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
}

/** `a/b/c.txt` → `a`, `b`: the file itself is no segment. */
function directoriesOf(key: string): readonly string[] {
  return key.split('/').slice(0, -1);
}
