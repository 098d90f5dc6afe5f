import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readSystemProperties, readUserProperties } from './message-properties.js';
import { readXml, type XmlElement } from './xml-reader.js';

interface Property {
  readonly name?: string;
  readonly value?: string;
  readonly type?: string;
}

const element = (tag: string, text: string | undefined): string => (text === undefined ? '' : `<${tag}>${text}</${tag}>`);

function user(...properties: readonly Property[]): XmlElement {
  return list('UserProperties', 'PropertyValue', properties);
}

function system(...properties: readonly Property[]): XmlElement {
  return list('SystemProperties', 'SystemPropertyValue', properties);
}

function list(container: string, item: string, properties: readonly Property[]): XmlElement {
  const items = properties.map(({ name, value, type }) =>
    element(item, element('Name', name) + element('Value', value) + element('Type', type)),
  );
  return readXml(`<Message>${element(container, items.join(''))}</Message>`);
}

const many = (count: number): Property[] => Array.from({ length: count }, (_, i) => ({ name: `p${i}`, value: 'v', type: 'STRING' }));

describe('readUserProperties', () => {
  it('reads all four types', () => {
    const properties = ['STRING', 'NUMBER', 'BOOLEAN', 'BINARY'].map((type) => ({ name: type, value: 'true', type }));
    expect(readUserProperties(user(...properties))).toEqual(properties);
  });

  it('is undefined for none', () => {
    expect(readUserProperties(readXml('<Message/>'))).toBeUndefined();
    expect(readUserProperties(user())).toBeUndefined();
  });

  it('takes 50 properties, names of 256 and values of 4,096 characters, and no more', () => {
    expect(readUserProperties(user(...many(50)))).toHaveLength(50);
    expect(readUserProperties(user({ name: 'n'.repeat(256), value: 'v'.repeat(4_096), type: 'STRING' }))).toHaveLength(1);
    expect(() => readUserProperties(user(...many(51)))).toThrow(InvalidArgument);
    expect(() => readUserProperties(user({ name: 'n'.repeat(257), value: 'v', type: 'STRING' }))).toThrow(InvalidArgument);
    expect(() => readUserProperties(user({ name: 'n', value: 'v'.repeat(4_097), type: 'STRING' }))).toThrow(InvalidArgument);
  });

  it.each(['true', 'False', '1', '0', ''])('takes the boolean "%s"', (value) => {
    expect(readUserProperties(user({ name: 'b', value, type: 'BOOLEAN' }))).toEqual([{ name: 'b', value, type: 'BOOLEAN' }]);
  });

  it('takes a missing value for an empty one', () => {
    expect(readUserProperties(user({ name: 's', type: 'STRING' }))).toEqual([{ name: 's', value: '', type: 'STRING' }]);
  });

  it('tells names apart by case', () => {
    expect(readUserProperties(user({ name: 'a', value: '1', type: 'STRING' }, { name: 'A', value: '2', type: 'STRING' }))).toHaveLength(2);
  });

  it.each<[string, Property]>([
    ['a missing name', { value: 'v', type: 'STRING' }],
    ['an empty name', { name: ' ', value: 'v', type: 'STRING' }],
    ['a missing type', { name: 'n', value: 'v' }],
    ['an unknown type', { name: 'n', value: 'v', type: 'FLOAT' }],
    ['a type in lower case', { name: 'n', value: 'v', type: 'string' }],
    ['a blank in a name', { name: 'a b', value: 'v', type: 'STRING' }],
    ['letters beyond ASCII in a name', { name: '城市', value: 'v', type: 'STRING' }],
    ['a dot at the start', { name: '.a', value: 'v', type: 'STRING' }],
    ['a dot at the end', { name: 'a.', value: 'v', type: 'STRING' }],
    ['two dots together', { name: 'a..b', value: 'v', type: 'STRING' }],
    ['a boolean that is none', { name: 'b', value: 'yes', type: 'BOOLEAN' }],
  ])('refuses %s', (_what, property) => {
    expect(() => readUserProperties(user(property))).toThrow(InvalidArgument);
  });

  it('refuses a name used twice', () => {
    const twice = user({ name: 'a', value: '1', type: 'STRING' }, { name: 'a', value: '2', type: 'NUMBER' });
    expect(() => readUserProperties(twice)).toThrow(/differ/);
  });
});

describe('readSystemProperties', () => {
  it('reads trace context', () => {
    const properties = ['traceparent', 'tracestate', 'baggage'].map((name) => ({ name, value: 'v', type: 'STRING' }));
    expect(readSystemProperties(system(...properties))).toEqual(properties);
  });

  it.each<Property>([
    { name: 'DLQSourceArn', value: 'v', type: 'STRING' },
    { name: 'other', value: 'v', type: 'STRING' },
    { name: 'traceparent', value: '1', type: 'NUMBER' },
    { value: '1', type: 'STRING' },
  ])('refuses %p', (property) => {
    expect(() => readSystemProperties(system(property))).toThrow(InvalidArgument);
  });
});
