import { createHmac } from 'node:crypto';
import { readCodedAnswer, type AnswerCodes } from './answer-codes.js';
import type { RobotMessage } from './robot-message.js';
import type { Robot, RobotAnswer, RobotProvider, RobotRequest, RobotVerdict } from './robot-provider.js';

/** Bytes of a request's body. */
const LARGEST = 20_000;
/** Seconds for which DingTalk takes nothing from a robot that was too fast. */
const PENALTY = 600;

const CODES: AnswerCodes = {
  throttled: { 130101: PENALTY, 410100: PENALTY, 90030: PENALTY },
  content: [40035, 400105, 430101, 430102, 430103, 430104, 460101],
  gone: [300001, 300005, 400013, 400101, 400102, 400106],
};

/** 310000 is said of a keyword that the message lacks, but also of signature and address, which the operator can put right. */
const SECURITY = 310000;

/** DingTalk's custom robots: 20 messages a minute, 20,000 bytes each. */
export const dingtalk: RobotProvider = {
  rate: { burst: 7, refillMillis: 5_000 },

  fits: (message) => Buffer.byteLength(bodyOf(message)) <= LARGEST,

  request({ webhookUrl, secret }: Robot, message: RobotMessage, now: number): RobotRequest {
    const url = new URL(webhookUrl);
    if (secret !== undefined) {
      url.searchParams.set('timestamp', String(now));
      url.searchParams.set('sign', createHmac('sha256', secret).update(`${now}\n${secret}`).digest('base64'));
    }
    return { url: url.href, body: bodyOf(message) };
  },

  readAnswer(answer: RobotAnswer): RobotVerdict {
    const content = [...CODES.content, ...(/keyword|关键词/i.test(answer.body) ? [SECURITY] : [])];
    return readCodedAnswer(answer, { ...CODES, content }, ({ errcode, errmsg }) => ({ code: errcode, text: errmsg }));
  },
};

function bodyOf({ text, title, format, atMobiles, atAll }: RobotMessage): string {
  const at = { atMobiles, isAtAll: atAll };
  // Only who is named in the text is called by it.
  const names = atMobiles.length === 0 ? '' : `\n\n${atMobiles.map((mobile) => `@${mobile}`).join(' ')}`;
  if (format === 'markdown') {
    return JSON.stringify({ msgtype: 'markdown', markdown: { title: title ?? headline(text), text: text + names }, at });
  }
  return JSON.stringify({ msgtype: 'text', text: { content: (title === undefined ? text : `${title}\n${text}`) + names }, at });
}

/** Stands in the list of chats; DingTalk wants one with markdown. */
function headline(text: string): string {
  const line = text.split('\n', 1)[0]!.replace(/[#*>_`[\]]/g, '').trim();
  return [...line].slice(0, 40).join('') || 'message';
}
