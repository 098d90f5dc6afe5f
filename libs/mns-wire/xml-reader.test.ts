import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { child, children, childText, MalformedXml, readXml } from './xml-reader.js';

describe('readXml', () => {
  it('reads elements, text and entities', () => {
    const body = 'a &lt;b&gt; &amp; &quot;c&quot; &#x4E2D;&#13;';
    const root = readXml(`<Message><MessageBody>${body}</MessageBody><Priority>8</Priority></Message>`);
    expect(root.name).toBe('Message');
    expect(childText(root, 'MessageBody')).toBe('a <b> & "c" 中\r');
    expect(childText(root, 'Priority')).toBe('8');
    expect(childText(root, 'DelaySeconds')).toBeUndefined();
  });

  it('ignores namespaces, prefixes, attributes, comments and unknown elements', () => {
    const root = readXml(
      '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- hello --><m:Message xmlns:m="http://mns.aliyuncs.com/doc/v1/" a="b">' +
        '<Other><x/></Other><m:MessageBody xmlns="">x<!-- y -->z</m:MessageBody></m:Message>\n',
    );
    expect(root.name).toBe('Message');
    expect(childText(root, 'MessageBody')).toBe('xz');
    expect(children(root, 'Other')).toHaveLength(1);
  });

  it('accepts a prefix that is declared nowhere', () => {
    expect(readXml('<a:Queue/>').name).toBe('Queue');
  });

  it('keeps white space and CDATA as they are', () => {
    expect(childText(readXml('<M><B> a\n<![CDATA[<&]]> </B></M>'), 'B')).toBe(' a\n<& ');
  });

  it('reads UTF-8 with and without a byte order mark', () => {
    expect(readXml(Buffer.from('\ufeff<M>喜鹊 🐦</M>')).text).toBe('喜鹊 🐦');
  });

  it('takes the first of several children of a name', () => {
    const root = readXml('<M><A>1</A><A>2</A></M>');
    expect(childText(root, 'A')).toBe('1');
    expect(children(root, 'A').map(({ text }) => text)).toEqual(['1', '2']);
    expect(child(root, 'B')).toBeUndefined();
  });

  it('refuses elements where text belongs instead of losing part of it', () => {
    expect(() => childText(readXml('<M><B>a<b>c</b></B></M>'), 'B')).toThrow(InvalidArgument);
  });

  it.each([
    ['nothing', ''],
    ['blanks', '  \n'],
    ['plain text', 'hello'],
    ['JSON', '{"MessageBody":"x"}'],
    ['an open element', '<M><A></M>'],
    ['an end without a start', '<M></M></A>'],
    ['two roots', '<M/><M/>'],
    ['a bare ampersand', '<M>a & b</M>'],
    ['an undeclared entity', '<M>&nbsp;</M>'],
    ['an entity named like a member of every object', '<M>&constructor;&__proto__;</M>'],
    ['a control character', '<M>\u0001</M>'],
    ['a control character by number', '<M>&#1;</M>'],
    ['a control character in a document that says it is XML 1.1', '<?xml version="1.1"?><M>&#1;</M>'],
    ['NUL', '<M>\0</M>'],
    ['a surrogate by number', '<M>&#xD800;</M>'],
    ['a character beyond Unicode', '<M>&#x110000;</M>'],
    ['a document type', '<!DOCTYPE M><M/>'],
    ['another encoding with more than ASCII', '<?xml version="1.0" encoding="GBK"?><M>喜鹊</M>'],
    ['an attribute given twice', '<M a="1" a="2"/>'],
  ])('refuses %s', (_what, text) => {
    expect(() => readXml(text)).toThrow(MalformedXml);
    expect(() => readXml(Buffer.from(text))).toThrow(MalformedXml);
  });

  it('takes another encoding for what it is worth when all is ASCII', () => {
    expect(readXml('<?xml version="1.0" encoding="ISO-8859-1"?><M>abc</M>').text).toBe('abc');
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => readXml(Buffer.from([...Buffer.from('<M>'), 0xff, 0xc0, ...Buffer.from('</M>')]))).toThrow(MalformedXml);
    expect(() => readXml(Buffer.from('<M/>', 'utf16le'))).toThrow(MalformedXml);
  });

  it('refuses an entity bomb at once', () => {
    const levels = Array.from({ length: 30 }, (_, level) => `<!ENTITY e${level + 1} "${`&e${level};`.repeat(10)}">`);
    const bomb = `<?xml version="1.0"?><!DOCTYPE M [<!ENTITY e0 "boom">${levels.join('')}]><M>&e30;</M>`;
    const before = performance.now();
    expect(() => readXml(bomb)).toThrow(MalformedXml);
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('refuses external entities', () => {
    expect(() => readXml('<!DOCTYPE M [<!ENTITY f SYSTEM "file:///etc/hostname">]><M>&f;</M>')).toThrow(MalformedXml);
  });

  it('reads 32 levels and no more', () => {
    const nested = (levels: number): string => '<a>'.repeat(levels) + '</a>'.repeat(levels);
    expect(readXml(nested(32)).name).toBe('a');
    expect(() => readXml(nested(33))).toThrow(MalformedXml);
    expect(() => readXml('<a>'.repeat(100_000))).toThrow(MalformedXml);
  });

  it('says where the fault is, in few words', () => {
    const faulty = `<Message>\n<${'x'.repeat(5_000)}></y></Message>`;
    expect(() => readXml(faulty)).toThrow(/^The XML you provided was not well-formed\. \(2:\d+: .{1,200}\)$/);
  });

  it('keeps no trace of a document that failed', () => {
    expect(() => readXml('<M><A>')).toThrow(MalformedXml);
    expect(readXml('<M>ok</M>')).toEqual({ name: 'M', text: 'ok', children: [] });
  });
});
