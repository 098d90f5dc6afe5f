import { InvalidArgument } from '#runtime/invalid-argument.js';
import { place, readDocument, readList, readOneOf, readText, type Document } from './document-reader.js';

export interface EventRuleEndpoint {
  readonly endpointType: 'topic' | 'queue';
  /** Name of a topic or queue of the rule's account. */
  readonly endpointValue: string;
}

const ENDPOINT_NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,119}$/;
const ENDPOINT_ARN = /^acs:mns:[^:]*:([^:]*):\/?(queues|topics)\/([^/]*)$/;

/**
 * Where a rule sends to: its `endpoint`, or the one entry of `endpoints`, the older member of CreateEventRule. Several entries made OSS
 * create a topic by itself; here whoever wants several makes a topic and subscribes them.
 *
 * @param account when given, an ARN must belong to it
 * @throws InvalidArgument that names the member
 */
export function readRuleEndpoint({ endpoint, endpoints, deliveryMode }: Document, account: string | undefined): EventRuleEndpoint {
  if (deliveryMode !== undefined) readOneOf(deliveryMode, 'deliveryMode', ['DIRECT', 'BROADCAST']);
  if (endpoints === undefined) return readEndpoint(endpoint, 'endpoint', account);
  if (endpoint !== undefined) throw new InvalidArgument('endpoints', 'endpoints is the older form of endpoint: a rule has one of the two.');
  const list = readList(endpoints, 'endpoints', 5);
  if (list.length !== 1) {
    throw new InvalidArgument('endpoints', 'endpoints has one entry here. For several destinations make a topic, subscribe them, and name the topic.');
  }
  return readEndpoint(list[0], 'endpoints[0]', account);
}

function readEndpoint(value: unknown, at: string, account: string | undefined): EventRuleEndpoint {
  const document = readDocument(value, at, ['endpointType', 'endpointValue']);
  if (document['endpointType'] === 'http') {
    throw new InvalidArgument(place(at, 'endpointType'), `${place(at, 'endpointType')} is topic or queue. For http make a topic and subscribe the address to it.`);
  }
  const endpointType = readOneOf(document['endpointType'], place(at, 'endpointType'), ['topic', 'queue'] as const);
  const named = place(at, 'endpointValue');
  const text = readText(document['endpointValue'], named, 256);
  const arn = ENDPOINT_ARN.exec(text);
  if (arn !== null && arn[2] !== `${endpointType}s`) throw new InvalidArgument(named, `${named} is not a ${endpointType}.`);
  if (arn !== null && account !== undefined && arn[1] !== '' && arn[1] !== account) {
    throw new InvalidArgument(named, `${named} belongs to another account than the rule.`);
  }
  const endpointValue = arn?.[3] ?? text;
  if (!ENDPOINT_NAME.test(endpointValue)) {
    const forms = `its name or acs:mns:<region>:<account>:/${endpointType}s/<name>`;
    throw new InvalidArgument(named, `${named} names a ${endpointType}: ${forms}.`);
  }
  return { endpointType, endpointValue };
}
