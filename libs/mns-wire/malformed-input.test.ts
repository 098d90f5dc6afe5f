import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readAccountAttributes } from './account-documents.js';
import { readReceiptHandles, readSend } from './message-documents.js';
import { MnsError } from './mns-error.js';
import { readQueueAttributes } from './queue-documents.js';
import { readPublish, readSubscription, readTopicAttributes } from './topic-documents.js';
import { MalformedXml } from './xml-reader.js';

const READERS = {
  readQueueAttributes,
  readSend,
  readReceiptHandles,
  readTopicAttributes,
  readSubscription,
  readPublish,
  readAccountAttributes,
};

/** Well-formed starting points; half of the attempts are damaged copies of these, which get further than noise. */
const DOCUMENTS = [
  '<?xml version="1.0" encoding="UTF-8"?><Message xmlns="x"><MessageBody>a&amp;b</MessageBody><Priority>8</Priority>' +
    '<DelaySeconds>1</DelaySeconds>' +
    '<UserProperties><PropertyValue><Name>city</Name><Value>hz</Value><Type>STRING</Type></PropertyValue></UserProperties></Message>',
  '<Messages><Message><MessageBody><![CDATA[x]]></MessageBody></Message></Messages>',
  '<Queue><VisibilityTimeout>30</VisibilityTimeout><LoggingEnabled>True</LoggingEnabled></Queue>',
  '<ReceiptHandles><ReceiptHandle>abc</ReceiptHandle></ReceiptHandles>',
  '<Subscription><Endpoint>http://h</Endpoint><NotifyStrategy>BACKOFF_RETRY</NotifyStrategy></Subscription>',
  '<!DOCTYPE a [<!ENTITY b "c">]><Topic><MaximumMessageSize>&b;</MaximumMessageSize></Topic>',
];

const MARKUP = ['<', '>', '/', '&', ';', '"', '<!--', '-->', '<![CDATA[', ']]>', '<?', '?>', '&#', '</Message>', '<!DOCTYPE'];
const FRAGMENTS = [...MARKUP, '\0', '\r', '\ud800', '喜'];

/** Numbers from 0 to 1 that are the same in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function damaged(document: string, random: () => number): Buffer {
  let text = document;
  for (let cuts = 1 + Math.floor(random() * 4); cuts > 0; cuts--) {
    const at = Math.floor(random() * text.length);
    const fragment = random() < 0.5 ? FRAGMENTS[Math.floor(random() * FRAGMENTS.length)]! : '';
    text = text.slice(0, at) + fragment + text.slice(at + Math.floor(random() * 6));
  }
  return Buffer.from(text);
}

function noise(random: () => number): Buffer {
  return Buffer.from(Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256)));
}

function isClearRefusal(error: unknown): boolean {
  if (error instanceof MnsError) return error.code === 'MissingReceiptHandle';
  return error instanceof MalformedXml || error instanceof InvalidArgument;
}

describe('whatever a client sends', () => {
  it.each(Object.entries(READERS))('%s reads it or refuses it in the terms of the protocol', (_name, read: (body: Buffer) => unknown) => {
    const random = randomNumbers(42);
    const surprises: unknown[] = [];
    for (let round = 0; round < 2_000; round++) {
      const body = round % 2 === 0 ? damaged(DOCUMENTS[Math.floor(random() * DOCUMENTS.length)]!, random) : noise(random);
      try {
        read(body);
      } catch (error) {
        if (!isClearRefusal(error)) surprises.push({ body: body.toString('latin1'), error });
      }
    }
    expect(surprises).toEqual([]);
  });
});
