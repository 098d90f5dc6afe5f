import { isAscii, isUtf8 } from 'node:buffer';
import { SaxesParser } from 'saxes';
import { InvalidArgument } from '#runtime/invalid-argument.js';

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

/**
 * Reads a whole document into a tree.
 *
 * Document type declarations are refused before any of their entities could be used, so that nothing expands or is fetched.
 *
 * @throws MalformedXml
 */
export function readXml(body: Buffer | string): XmlElement {
  const source = typeof body === 'string' ? body : decodeUtf8(body);
  const parser = strictParser(source);
  const open: OpenElement[] = [];
  let root: OpenElement | undefined;

  const addText = (text: string): void => {
    const parent = open.at(-1);
    if (parent !== undefined) parent.text += text;
  };
  parser.on('opentag', ({ name }) => {
    const element: OpenElement = { name: name.slice(name.indexOf(':') + 1), text: '', children: [] };
    if (open.length === DEPTH_LIMIT) throw new MalformedXml(`elements are nested deeper than ${DEPTH_LIMIT} levels`);
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => open.pop());
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.write(source).close();
  return root!;
}

/** A parser that gives up at the first fault. */
function strictParser(source: string): SaxesParser {
  // Always by the rules of XML 1.0: 1.1 would let control characters in that the answers, being 1.0, cannot carry.
  const parser = new SaxesParser({ forceXMLVersion: true, defaultXMLVersion: '1.0' });
  parser.on('doctype', () => {
    throw new MalformedXml('a document type declaration is not allowed');
  });
  parser.on('xmldecl', ({ encoding }) => {
    if (!isReadable(encoding, source)) throw new MalformedXml(`the encoding is ${encoding}, UTF-8 is expected`);
  });
  parser.on('error', (error) => {
    throw new MalformedXml(error.message);
  });
  return parser;
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
