import { InvalidArgument } from '#runtime/invalid-argument.js';
import { place, readDocument, readList, readOneOf, readText, type Document } from './document-reader.js';
import { isTagTemplate } from './message-tag.js';

/** How a rule writes its messages. */
export interface RuleMessage {
  /** Absent: `oss`. */
  readonly format?: MessageFormat;
  /** Tag of the published messages, or a template of it; only for topics. */
  readonly messageTag?: string;
  /** Constant variables that every message carries; names start with `x:`. */
  readonly xVars?: Readonly<Record<string, string>>;
  /** Facts of the store's event that become variables, `x:magpie-<name>`. */
  readonly eventVars?: readonly EventVariable[];
  /** Choices where OSS and S3 stores differ. */
  readonly mapping?: RuleMapping;
}

export type MessageFormat = 'oss' | 'cloudevents';
export type EventVariable = (typeof EVENT_VARIABLES)[number];

export interface RuleMapping {
  /** `drop`: the creation of a delete marker makes no message. Absent: it is `ObjectRemoved:DeleteObject`. */
  readonly deleteMarkers?: 'emit' | 'drop';
  /** `source`: a finished replication, which stores report where it came from, is an event of `ObjectReplication`. Absent: it makes no message. */
  readonly replication?: 'source' | 'drop';
  /** `seconds`: times end in `.000Z` as those of OSS do. */
  readonly time?: 'seconds' | 'millis';
  /** `padded`: the store's request id with zeros in front of it, 24 digits as in OSS. */
  readonly requestId?: 'padded' | 'store';
}

export const EVENT_VARIABLES = ['versionId', 'sequencer', 's3EventName', 'source', 'origin'] as const;
export const MESSAGE_MEMBERS = ['format', 'messageTag', 'xVars', 'eventVars', 'mapping'];

const MAPPINGS: { readonly [Name in keyof Required<RuleMapping>]: readonly NonNullable<RuleMapping[Name]>[] } = {
  deleteMarkers: ['emit', 'drop'],
  replication: ['source', 'drop'],
  time: ['seconds', 'millis'],
  requestId: ['padded', 'store'],
};
/** Bytes of JSON; variables may not push an event over the size of a message. */
const X_VARS_LIMIT = 4_096;
const TAG_LENGTH = 16;
const TEMPLATE_LENGTH = 128;

/** @throws InvalidArgument that names the member */
export function readRuleMessage(document: Document, endpointType: 'topic' | 'queue'): RuleMessage {
  const { format, messageTag, xVars, eventVars, mapping } = document;
  return {
    ...(format !== undefined && { format: readOneOf(format, 'format', ['oss', 'cloudevents'] as const) }),
    ...(messageTag !== undefined && { messageTag: readMessageTag(messageTag, endpointType) }),
    ...(xVars !== undefined && { xVars: readXVars(xVars) }),
    ...(eventVars !== undefined && { eventVars: readEventVars(eventVars) }),
    ...(mapping !== undefined && { mapping: readMapping(mapping) }),
  };
}

function readMessageTag(value: unknown, endpointType: 'topic' | 'queue'): string {
  if (endpointType !== 'topic') throw new InvalidArgument('messageTag', 'messageTag needs an endpoint of type topic.');
  const tag = readText(value, 'messageTag', TEMPLATE_LENGTH);
  if (tag.length > TAG_LENGTH && !isTagTemplate(tag)) throw new InvalidArgument('messageTag', `messageTag has at most ${TAG_LENGTH} characters.`);
  return tag;
}

function readXVars(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidArgument('xVars', 'xVars is an object.');
  for (const [name, text] of Object.entries(value)) {
    if (!/^x:./.test(name)) throw new InvalidArgument('xVars', `xVars: the name ${name} does not start with x:.`);
    if (typeof text !== 'string') throw new InvalidArgument('xVars', `xVars: the value of ${name} is not a string.`);
  }
  if (Buffer.byteLength(JSON.stringify(value)) > X_VARS_LIMIT) throw new InvalidArgument('xVars', `xVars has at most ${X_VARS_LIMIT} bytes.`);
  return value as Record<string, string>;
}

function readEventVars(value: unknown): readonly EventVariable[] {
  const names = readList(value, 'eventVars', 20).map((name, index) => readOneOf(name, `eventVars[${index}]`, EVENT_VARIABLES));
  return [...new Set(names)];
}

function readMapping(value: unknown): RuleMapping {
  const document = readDocument(value, 'mapping', Object.keys(MAPPINGS));
  const given = (Object.keys(MAPPINGS) as (keyof RuleMapping)[]).filter((name) => document[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, readOneOf(document[name], place('mapping', name), MAPPINGS[name] as readonly string[])]));
}
