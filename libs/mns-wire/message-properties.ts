import { LIMITS } from '#queue/limits.js';
import type { MessageProperty } from '#queue/message.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { child, childText, children, type XmlElement } from './xml-reader.js';
import { readOneOf, readWord } from './xml-values.js';
import { group, leaf, type Depth } from './xml-writer.js';

const TYPES = ['STRING', 'NUMBER', 'BOOLEAN', 'BINARY'] as const;

/** The names a sender may use; SDKs know these and fail at any other. */
const SYSTEM_PROPERTY_NAMES = ['traceparent', 'tracestate', 'baggage'] as const;

/** The PHP SDK casts booleans to strings, which makes `1` and the empty string of them. */
const BOOLEAN_TEXT = /^(true|false|1|0|)$/i;

/** Letters, digits, `_`, `-`, and single dots inside. */
const PROPERTY_NAME = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/**
 * Properties that the sender of a message made up; undefined when there are none.
 *
 * @throws InvalidArgument for a name, type or value out of bounds, a name used twice, or too many properties.
 */
export function readUserProperties(message: XmlElement): MessageProperty[] | undefined {
  const properties = readProperties(message, 'UserProperties', 'PropertyValue');
  if (properties === undefined) return undefined;
  const [, most] = LIMITS.userProperties;
  if (properties.length > most) throw new InvalidArgument('UserProperties', `A message has at most ${most} UserProperties.`);
  for (const property of properties) checkUserProperty(property);
  return properties;
}

/**
 * Trace context that travels with a message; undefined when there is none.
 *
 * @throws InvalidArgument for a name or type that the protocol does not define.
 */
export function readSystemProperties(message: XmlElement): MessageProperty[] | undefined {
  const properties = readProperties(message, 'SystemProperties', 'SystemPropertyValue');
  for (const { name, type } of properties ?? []) {
    if (!SYSTEM_PROPERTY_NAMES.some((known) => known === name)) {
      throw new InvalidArgument('SystemProperties', `The name of a SystemProperty should be one of ${SYSTEM_PROPERTY_NAMES.join(', ')}.`);
    }
    if (type !== 'STRING') throw new InvalidArgument('SystemProperties', `The type of the SystemProperty ${name} should be STRING.`);
  }
  return properties;
}

function readProperties(message: XmlElement, list: string, item: string): MessageProperty[] | undefined {
  const container = child(message, list);
  if (container === undefined) return undefined;
  const properties = children(container, item).map((element) => readProperty(element, list));
  if (new Set(properties.map(({ name }) => name)).size < properties.length) {
    throw new InvalidArgument(list, `The names of ${list} should differ from each other.`);
  }
  return properties.length === 0 ? undefined : properties;
}

function readProperty(element: XmlElement, list: string): MessageProperty {
  const name = readWord(element, 'Name');
  const value = childText(element, 'Value') ?? '';
  const type = readOneOf(element, 'Type', TYPES);
  if (name === undefined) throw new InvalidArgument(list, `A name is required for each of the ${list}.`);
  if (type === undefined) throw new InvalidArgument(list, `The type of the property ${shown(name)} is required.`);
  const [, longest] = LIMITS.propertyValueLength;
  if (value.length > longest) {
    throw new InvalidArgument(list, `The value of the property ${shown(name)} is longer than ${longest} characters.`);
  }
  return { name, value, type };
}

function checkUserProperty({ name, value, type }: MessageProperty): void {
  const [, longest] = LIMITS.propertyNameLength;
  if (name.length > longest) {
    throw new InvalidArgument('UserProperties', `The property name ${shown(name)} is longer than ${longest} characters.`);
  }
  if (!PROPERTY_NAME.test(name)) {
    const allowed = 'letters, digits, "_", "-" and single dots inside';
    throw new InvalidArgument('UserProperties', `The property name ${shown(name)} is not valid: ${allowed} are allowed.`);
  }
  if (type === 'BOOLEAN' && !BOOLEAN_TEXT.test(value)) {
    throw new InvalidArgument('UserProperties', `The value of the property ${shown(name)} should be true or false.`);
  }
}

/** A name as it appears in an error message: whatever was sent, but not all of it. */
function shown(name: string): string {
  return `"${name.length > 64 ? `${name.slice(0, 64)}…` : name}"`;
}

/** System properties first: the PHP SDK reads everything after `UserProperties` as part of it. */
export function writeProperties(depth: 1 | 2, system: readonly MessageProperty[] = [], user: readonly MessageProperty[] = []): string {
  return (
    propertyList(depth, 'SystemProperties', 'SystemPropertyValue', system) + propertyList(depth, 'UserProperties', 'PropertyValue', user)
  );
}

function propertyList(depth: 1 | 2, list: string, item: string, properties: readonly MessageProperty[]): string {
  if (properties.length === 0) return '';
  const itemDepth = (depth + 1) as Depth;
  const leafDepth = (depth + 2) as Depth;
  let content = '';
  for (const { name, value, type } of properties) {
    content += group(itemDepth, item, leaf(leafDepth, 'Name', name) + leaf(leafDepth, 'Value', value) + leaf(leafDepth, 'Type', type));
  }
  return group(depth, list, content);
}
