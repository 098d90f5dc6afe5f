import { createHmac } from 'node:crypto';
import { readCodedAnswer, type AnswerCodes } from './answer-codes.js';
import type { RobotMessage } from './robot-message.js';
import type { Robot, RobotAnswer, RobotProvider, RobotRequest, RobotVerdict } from './robot-provider.js';

/** Bytes of a request's body, signature included: Feishu says 20 KB. */
const LARGEST = 20_000;
/** Bytes that a timestamp and a signature take. */
const SIGNATURE = 100;

/** 9499 is also said of too many requests; see below. */
const MALFORMED = 9499;
const CODES: AnswerCodes = {
  throttled: { 11232: 60, 11233: 60 },
  content: [MALFORMED, 19002, 19024, 11246],
  gone: [19001, 19007],
};

/** Custom bots of Feishu and Lark: 100 messages a minute, 5 a second, 20 KB each. */
export const feishu: RobotProvider = {
  rate: { burst: 3, refillMillis: 650 },

  fits: (message) => Buffer.byteLength(JSON.stringify(contentOf(message))) + SIGNATURE <= LARGEST,

  request({ webhookUrl, secret }: Robot, message: RobotMessage, now: number): RobotRequest {
    const timestamp = String(Math.floor(now / 1_000));
    // The text to sign is the key, and nothing is signed with it: Feishu's own rule.
    const sign = secret === undefined ? {} : { timestamp, sign: createHmac('sha256', `${timestamp}\n${secret}`).update('').digest('base64') };
    return { url: webhookUrl, body: JSON.stringify({ ...sign, ...contentOf(message) }) };
  },

  readAnswer(answer: RobotAnswer): RobotVerdict {
    const tooMany = /too many request|frequency/i.test(answer.body);
    const codes = tooMany ? { ...CODES, throttled: { ...CODES.throttled, [MALFORMED]: 60 } } : CODES;
    // Old bots answer StatusCode, some both: then StatusCode is 0 even for a refusal.
    return readCodedAnswer(answer, codes, ({ code, msg, StatusCode, StatusMessage }) => ({ code: code ?? StatusCode, text: msg ?? StatusMessage }));
  },
};

function contentOf({ text, title, format, atAll }: RobotMessage): object {
  if (format === 'text') {
    const call = atAll ? '\n<at user_id="all">everyone</at>' : '';
    return { msg_type: 'text', content: { text: (title === undefined ? text : `${title}\n${text}`) + call } };
  }
  const header = title === undefined ? {} : { header: { title: { tag: 'plain_text', content: title } } };
  const content = atAll ? `${text}\n<at id=all></at>` : text;
  return { msg_type: 'interactive', card: { ...header, elements: [{ tag: 'markdown', content }] } };
}
