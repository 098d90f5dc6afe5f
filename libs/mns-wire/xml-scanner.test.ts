import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { readXml, type XmlElement } from './xml-reader.js';

/** Pieces of which documents, whole and broken, are put together. */
const PIECES = [
  '<?xml version="1.0" encoding="UTF-8"?>', "<?xml version='1.1' standalone='no' ?>", '<?xml version="2.0"?>', '<?xml?>', '<?pi some?>', '<?p?>', '<?xml-x y?>', '<?XML a?>', '<? x?>',
  '<a>', '</a>', '<b c="d">', '</b>', '</b >', '< a>', '<a', '<a/>', '<a />', '<a / >', '<m:M xmlns:m="u">', '</m:M>', '<é>', '</é>', '<a·>', '<-a>', '<1>', '<:>', '<a.b-c_1/>',
  '<a b="1" b="2"/>', "<a b='1' c=\"2\"/>", '<a b=1/>', '<a b/>', '<a b="<"/>', '<a b="&lt;&#10;"/>', '<a b="&x;"/>', '<a b="1"c="2"/>', '<a b = "1"/>', "<a b='\"'/>",
  '<!-- c -->', '<!-- - -->', '<!-- -- -->', '<!----->', '<!---->', '<!->', '<!DOCTYPE a>', '<![CDATA[<&]]>', '<![CDATA[]]>', '<![CDATA[ ]]]]>', ']]>', ']]', '>', '<!', '<',
  'text', ' ', '\n', '\r', '\r\n', '\t', '喜', '🐦', '\ud83d', '\udc26', '\0', '\u0001', '\u007f', '\u0085', '\ufffe', '\uffff', '\ufeff', '\u00a0',
  '&lt;', '&gt;', '&amp;', '&quot;', '&apos;', '&nbsp;', '&#13;', '&#0;', '&#xA;', '&#XA;', '&#x1F426;', '&#xD800;', '&#x110000;', '&#99999999999999999999;', '&', '&;', '&#;', '&#x;', '&lt', '&constructor;',
];

describe('the XML scanner', () => {
  it('takes and refuses what another parser takes and refuses, and reads the same', () => {
    const document = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join(''));
    const wrapped = document.map((content) => `<a>${content}</a>`);
    fc.assert(
      fc.property(fc.oneof(document, wrapped), (text) => {
        expect(outcomeOf(readXml, text)).toEqual(outcomeOf(readBySaxes, text));
      }),
      { numRuns: 5_000, seed: 1_884_620_649 },
    );
  });

  it('reads long texts and deep white space without walking back', () => {
    const body = 'x'.repeat(500_000) + ' '.repeat(500_000);
    expect(readXml(`<a>${body}</a>`).text).toBe(body);
    expect(readXml(`<a${' '.repeat(500_000)}>${'\r'.repeat(1_000)}</a>`).text).toBe('\n'.repeat(1_000));
    for (const unended of ['<!--', '<![CDATA[', '<?p ', '<a b="', '&', '</', '<a ']) {
      expect(() => readXml(`<a>${unended.repeat(100_000)}`)).toThrow();
    }
  });
});

function outcomeOf(read: (text: string) => XmlElement, text: string): XmlElement | 'refused' {
  try {
    return read(text);
  } catch {
    return 'refused';
  }
}

/** A parser that follows the standard to the letter, set as strictly as ours. */
function readBySaxes(text: string): XmlElement {
  const parser = new SaxesParser({ forceXMLVersion: true, defaultXMLVersion: '1.0' });
  const root = { name: '', text: '', children: [] as XmlElement[] };
  const open: { name: string; text: string; children: XmlElement[] }[] = [root];
  const refuse = (): never => {
    throw new Error('refused');
  };
  const addText = (more: string): void => {
    if (open.length > 1) open.at(-1)!.text += more;
  };
  parser.on('doctype', refuse);
  parser.on('error', refuse);
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('opentag', ({ name }) => {
    const element = { name: name.slice(name.indexOf(':') + 1), text: '', children: [] };
    open.at(-1)!.children.push(element);
    open.push(element);
  });
  parser.on('closetag', () => open.pop());
  if (!text.isWellFormed()) refuse();
  parser.write(text).close();
  return root.children[0]!;
}
