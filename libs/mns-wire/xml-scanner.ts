/** A fault at a place of a document. */
export class XmlFault extends Error {
  override readonly name = 'XmlFault';

  /** @param at index of the character where the fault was noticed */
  constructor(
    detail: string,
    readonly at: number,
  ) {
    super(detail);
  }
}

/** One piece of a document's content, as `XmlScanner.next` finds it. */
export type XmlToken =
  | { readonly kind: 'open'; readonly name: string; /** Whether it is `<name/>`: no `close` follows. */ readonly empty: boolean }
  | { readonly kind: 'close'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'end' };

const NAME_START = ':A-Z_a-z\\xC0-\\xD6\\xD8-\\xF6\\xF8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C\\u200D\\u2070-\\u218F\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD\\u{10000}-\\u{EFFFF}';
const NAME = new RegExp(`[${NAME_START}][${NAME_START}\\-.0-9\\xB7\\u0300-\\u036F\\u203F\\u2040]*`, 'uy');
/** What nearly all names are made of; a name that goes on after it is read by the rule above. */
const PLAIN_NAME = /[A-Za-z_][A-Za-z0-9_]*(?=[\s/>=])/y;
const SPACES = /[ \t\r\n]+/y;
const DECLARATION =
  /<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.\d+"|'1\.\d+')(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"([A-Za-z][\w.-]*)"|'([A-Za-z][\w.-]*)'))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>/y;
/** Never allowed, wherever it stands. */
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const REFERENCE = /&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));|&/g;
const PREDEFINED = new Map([['lt', '<'], ['gt', '>'], ['amp', '&'], ['quot', '"'], ['apos', "'"]]);

/**
 * Splits a document into tokens by the rules of XML 1.0 (5th edition, also for documents that call themselves 1.1), and refuses what
 * is not well-formed as far as one token shows it; that elements nest is the caller's to check. There are no document types, so that
 * no entities are declared. It looks for the ends of long texts instead of walking through them: a body is most of a message.
 */
export class XmlScanner {
  /** The encoding that the document declares. */
  readonly encoding: string | undefined;
  #at: number;
  #tokenStart = 0;

  /** @throws XmlFault */
  constructor(private readonly source: string) {
    checkCharacters(source);
    this.#at = source.startsWith('\ufeff') ? 1 : 0;
    DECLARATION.lastIndex = this.#at;
    const declaration = DECLARATION.exec(source);
    if (declaration !== null) this.#at = DECLARATION.lastIndex;
    this.encoding = declaration?.[1] ?? declaration?.[2];
  }

  /** Index of the first character of the last token. */
  get tokenStart(): number {
    return this.#tokenStart;
  }

  /** Index of the first character behind the last token. */
  get tokenEnd(): number {
    return this.#at;
  }

  /** @throws XmlFault */
  next(): XmlToken {
    const { source } = this;
    for (;;) {
      this.#tokenStart = this.#at;
      if (this.#at === source.length) return { kind: 'end' };
      if (source[this.#at] !== '<') return { kind: 'text', text: this.#text() };
      switch (source.charAt(this.#at + 1)) {
        case '/':
          return this.#closeTag();
        case '?':
          this.#processingInstruction();
          break;
        case '!':
          if (source.startsWith('<![CDATA[', this.#at)) return { kind: 'text', text: normalised(this.#upTo(']]>', 9, 'CDATA section')) };
          this.#comment();
          break;
        default:
          return this.#openTag();
      }
    }
  }

  #text(): string {
    const start = this.#at;
    const end = this.source.indexOf('<', start);
    this.#at = end === -1 ? this.source.length : end;
    const text = this.source.slice(start, this.#at);
    if (text.includes(']]>')) throw new XmlFault('"]]>" does not belong into text', start + text.indexOf(']]>'));
    return resolved(normalised(text), start);
  }

  #openTag(): XmlToken {
    this.#at += 1;
    const name = this.#name();
    let attributes: Set<string> | undefined;
    for (;;) {
      const spaced = this.#space();
      const character = this.source[this.#at];
      if (character === '>') {
        this.#at += 1;
        return { kind: 'open', name, empty: false };
      }
      if (character === '/') {
        this.#expect('/>');
        return { kind: 'open', name, empty: true };
      }
      if (!spaced) throw this.#fault(`the tag ${name} goes on with ${this.#shown()}`);
      this.#attribute((attributes ??= new Set()));
    }
  }

  #attribute(seen: Set<string>): void {
    const name = this.#name();
    if (seen.has(name)) throw this.#fault(`the attribute ${name} is there twice`);
    seen.add(name);
    this.#space();
    this.#expect('=');
    this.#space();
    const quote = this.source[this.#at];
    if (quote !== '"' && quote !== "'") throw this.#fault(`the value of ${name} is not quoted`);
    const start = this.#at + 1;
    const value = this.#upTo(quote, 1, `value of ${name}`);
    if (value.includes('<')) throw new XmlFault('"<" does not belong into the value of an attribute', start + value.indexOf('<'));
    resolved(value, start);
  }

  #closeTag(): XmlToken {
    this.#at += 2;
    const name = this.#name();
    this.#space();
    this.#expect('>');
    return { kind: 'close', name };
  }

  #comment(): void {
    if (!this.source.startsWith('<!--', this.#at)) {
      const doctype = this.source.startsWith('<!DOCTYPE', this.#at);
      throw this.#fault(doctype ? 'a document type declaration is not allowed' : 'a comment or a CDATA section is expected');
    }
    const start = this.#at;
    const text = this.#upTo('-->', 4, 'comment');
    if (text.includes('--') || text.endsWith('-')) throw new XmlFault('"--" does not belong into a comment', start);
  }

  #processingInstruction(): void {
    const start = this.#at;
    this.#at += 2;
    const target = this.#name();
    if (target.toLowerCase() === 'xml') throw new XmlFault('an XML declaration stands at the very beginning, or is malformed', start);
    if (!this.source.startsWith('?>', this.#at) && !this.#space()) throw this.#fault(`${this.#shown()} does not belong into a name`);
    this.#upTo('?>', 0, 'processing instruction');
  }

  #name(): string {
    const name = this.#match(PLAIN_NAME) ?? this.#match(NAME);
    if (name === undefined) throw this.#fault(`a name is expected, not ${this.#shown()}`);
    return name;
  }

  #match(rule: RegExp): string | undefined {
    rule.lastIndex = this.#at;
    if (!rule.test(this.source)) return undefined;
    const start = this.#at;
    this.#at = rule.lastIndex;
    return this.source.slice(start, this.#at);
  }

  /** @returns whether there was any */
  #space(): boolean {
    const next = this.source.charCodeAt(this.#at);
    return next <= 0x20 && this.#match(SPACES) !== undefined;
  }

  #expect(text: string): void {
    if (!this.source.startsWith(text, this.#at)) throw this.#fault(`${text} is expected, not ${this.#shown()}`);
    this.#at += text.length;
  }

  /** What stands between `skip` characters from here and `end`; goes behind `end`. */
  #upTo(end: string, skip: number, what: string): string {
    const start = this.#at + skip;
    const found = this.source.indexOf(end, start);
    if (found === -1) throw this.#fault(`a ${what} does not end`);
    this.#at = found + end.length;
    return this.source.slice(start, found);
  }

  #fault(detail: string): XmlFault {
    return new XmlFault(detail, this.#at);
  }

  #shown(): string {
    return this.#at < this.source.length ? JSON.stringify(String.fromCodePoint(this.source.codePointAt(this.#at)!)) : 'the end';
  }
}

function checkCharacters(source: string): void {
  if (FORBIDDEN.test(source)) throw new XmlFault('a character that XML does not allow', source.search(FORBIDDEN));
  if (!source.isWellFormed()) throw new XmlFault('half of a surrogate pair', source.search(LONE_SURROGATE));
}

/** Line ends as XML demands: each is one line feed. */
function normalised(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

/** Text with its references to characters resolved. Those made by number are not line ends, whatever they are. */
function resolved(text: string, start: number): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (reference, decimal?: string, hex?: string, name?: string, offset?: number) => {
    const character = name === undefined ? characterOf(decimal, hex) : PREDEFINED.get(name);
    if (character === undefined) throw new XmlFault(`${reference} stands for no character; & is written as &amp;`, start + (offset ?? 0));
    return character;
  });
}

function characterOf(decimal: string | undefined, hex: string | undefined): string | undefined {
  const code = decimal === undefined ? parseInt(hex ?? '', 16) : parseInt(decimal, 10);
  if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  const character = String.fromCodePoint(code);
  return FORBIDDEN.test(character) ? undefined : character;
}
