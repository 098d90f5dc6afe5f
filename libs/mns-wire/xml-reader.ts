import { isAscii, isUtf8 } from 'node:buffer';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { XmlFault, XmlScanner } from './xml-scanner.js';

/** An element by its local name: prefixes and namespaces carry no meaning in MNS, clients disagree about them. Attributes are dropped. */
export interface XmlElement {
  readonly name: string;
  /** Character data directly inside the element, exactly as sent (entities resolved, line ends normalised as XML demands). */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

/** A body that is not one well-formed XML 1.0 document in UTF-8, or one that uses what no MNS request needs (DTD, deep nesting). */
export class MalformedXml extends Error {
  override readonly name = 'MalformedXml';

  constructor(detail: string) {
    super(`The XML you provided was not well-formed. (${detail.slice(0, DETAIL_LIMIT)})`);
  }
}

/** Characters of the parser's explanation that go into the answer; it may quote names of any length. */
const DETAIL_LIMIT = 200;

/** Deepest nesting that is read. The deepest MNS document, a batch of messages with properties, has 5 levels. */
const DEPTH_LIMIT = 32;

interface OpenElement extends XmlElement {
  text: string;
  readonly children: OpenElement[];
}

/** White space as XML knows it. */
const BLANK = /^[ \t\r\n]*$/;

/**
 * Reads a whole document into a tree.
 *
 * Document type declarations are refused, so that no entity expands and nothing is fetched.
 *
 * @throws MalformedXml
 */
export function readXml(body: Buffer | string): XmlElement {
  const source = typeof body === 'string' ? body : decodeUtf8(body);
  try {
    return readTree(source);
  } catch (error) {
    if (error instanceof XmlFault) throw new MalformedXml(`${placeOf(source, error.at)}: ${error.message}`);
    throw error;
  }
}

function readTree(source: string): XmlElement {
  const scanner = new XmlScanner(source);
  if (!isReadable(scanner.encoding, source)) throw new MalformedXml(`the encoding is ${scanner.encoding}, UTF-8 is expected`);
  const open: OpenElement[] = [];
  /** Names of the open elements as they stand in the document, with their prefixes. */
  const tags: string[] = [];
  let root: OpenElement | undefined;
  for (;;) {
    const token = scanner.next();
    const start = scanner.tokenStart;
    const parent = open.at(-1);
    switch (token.kind) {
      case 'open': {
        if (root !== undefined && parent === undefined) throw new XmlFault('a document has one root', start);
        if (open.length === DEPTH_LIMIT) throw new XmlFault(`elements are nested deeper than ${DEPTH_LIMIT} levels`, start);
        const element = { name: token.name.slice(token.name.indexOf(':') + 1), text: '', children: [] };
        parent?.children.push(element);
        root ??= element;
        if (token.empty) break;
        open.push(element);
        tags.push(token.name);
        break;
      }
      case 'close':
        if (tags.pop() !== token.name) throw new XmlFault(`unexpected end tag: ${token.name}`, start);
        open.pop();
        break;
      case 'text':
        if (parent !== undefined) parent.text += token.text;
        else if (!BLANK.test(source.slice(start, scanner.tokenEnd))) throw new XmlFault('text stands outside of the root', start);
        break;
      case 'end':
        if (parent !== undefined) throw new XmlFault(`unclosed tag: ${tags.at(-1)}`, start);
        if (root === undefined) throw new XmlFault('there is no element', start);
        return root;
    }
  }
}

/** Line and column of a character, both from 1. */
function placeOf(source: string, at: number): string {
  const lines = source.slice(0, at).split(/\r\n?|\n/);
  return `${lines.length}:${lines.at(-1)!.length + 1}`;
}

function decodeUtf8(body: Buffer): string {
  if (!isUtf8(body)) throw new MalformedXml('the text is not UTF-8');
  return body.toString('utf8');
}

/** Another encoding than UTF-8 makes no difference as long as the text is plain ASCII; beyond that it would be misread. */
function isReadable(encoding: string | undefined, source: string): boolean {
  return encoding === undefined || /^utf-?8$/i.test(encoding) || isAscii(Buffer.from(source));
}

/** The element's own children of that name, in order. */
export function children(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** The first child of that name. */
export function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((candidate) => candidate.name === name);
}

/**
 * Text of the first child of that name, untrimmed.
 *
 * @throws InvalidArgument when elements stand where text belongs: a client forgot to escape `<`, and part of its text would be lost.
 */
export function childText(element: XmlElement, name: string): string | undefined {
  const found = child(element, name);
  if (found === undefined) return undefined;
  if (found.children.length > 0) {
    throw new InvalidArgument(name, `The XML you provided cause by ${name} Element: text is expected, with < written as &lt;.`);
  }
  return found.text;
}
