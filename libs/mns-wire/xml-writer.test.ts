import { describe, expect, it } from '@jest/globals';
import { readXml } from './xml-reader.js';
import { escapeText, flag, group, leaf, seconds, xmlDocument } from './xml-writer.js';

describe('xmlDocument', () => {
  it('writes line feeds, two spaces a level and no line feed at the end', () => {
    const content = leaf(1, 'Priority', 8) + group(1, 'UserProperties', group(2, 'PropertyValue', leaf(3, 'Name', 'city')));
    expect(xmlDocument('Message', content)).toBe(
      '<?xml version="1.0" ?>\n<Message xmlns="http://mns.aliyuncs.com/doc/v1">\n  <Priority>8</Priority>\n  <UserProperties>\n' +
        '    <PropertyValue>\n      <Name>city</Name>\n    </PropertyValue>\n  </UserProperties>\n</Message>',
    );
  });

  it('writes an empty root as a pair of tags', () => {
    expect(xmlDocument('Queues', '')).toBe('<?xml version="1.0" ?>\n<Queues xmlns="http://mns.aliyuncs.com/doc/v1"></Queues>');
  });
});

describe('leaf', () => {
  it('writes zero, and nothing for no value', () => {
    expect(leaf(1, 'DelaySeconds', 0)).toBe('  <DelaySeconds>0</DelaySeconds>\n');
    expect(leaf(1, 'NextMarker', undefined)).toBe('');
  });
});

describe('escapeText', () => {
  it('escapes markup and carriage returns, and nothing else', () => {
    expect(escapeText('<a href="x">Tom & \'Jerry\'</a>\r\n\t')).toBe('&lt;a href="x"&gt;Tom &amp; \'Jerry\'&lt;/a&gt;&#13;\n\t');
    expect(escapeText(']]>')).toBe(']]&gt;');
    expect(escapeText('喜鹊 🐦 é')).toBe('喜鹊 🐦 é');
  });

  it('replaces what XML cannot carry', () => {
    expect(escapeText('a\0b\u001fc\ufffed\uffff')).toBe('a\ufffdb\ufffdc\ufffdd\ufffd');
    expect(escapeText('\ud83d\udc26 \ud83d \udc26')).toBe('🐦 \ufffd \ufffd');
    expect(escapeText('\udc26\ud83d')).toBe('\ufffd\ufffd');
  });

  it('is undone by the reader, for every code unit that XML can carry', () => {
    let text = '';
    const illegal = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff]/;
    for (let code = 0; code < 0xfffe; code++) text += String.fromCharCode(code).replace(illegal, '');
    expect(readXml(xmlDocument('M', leaf(1, 'B', text))).children[0]?.text).toBe(text);
  });

  it('gives a document that can be read from every code unit there is', () => {
    let text = '';
    for (let code = 0xffff; code >= 0; code--) text += String.fromCharCode(code);
    expect(() => readXml(Buffer.from(xmlDocument('M', leaf(1, 'B', text))))).not.toThrow();
    expect(() => readXml(xmlDocument('M', leaf(1, 'B', text)))).not.toThrow();
  });
});

describe('values', () => {
  it('writes booleans capitalised and times in whole seconds', () => {
    expect([flag(true), flag(false)]).toEqual(['True', 'False']);
    expect(seconds(1_790_184_264_999)).toBe(1_790_184_264);
  });
});
