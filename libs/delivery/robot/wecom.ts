import { readCodedAnswer, type AnswerCodes } from './answer-codes.js';
import type { RobotMessage } from './robot-message.js';
import type { Robot, RobotAnswer, RobotProvider, RobotRequest, RobotVerdict } from './robot-provider.js';

/** Bytes of the content. */
const LARGEST = { text: 2_048, markdown: 4_096 } as const;

const CODES: AnswerCodes = {
  throttled: { 45009: 60, 45033: 5 },
  content: [40008, 40058, 44004, 45002, 45008, 46004],
  gone: [93000, 93004, 93008],
};

/** Group robots of WeCom (Enterprise WeChat): 20 messages a minute; text of 2,048 bytes, markdown of 4,096. */
export const wecom: RobotProvider = {
  rate: { burst: 7, refillMillis: 5_000 },

  fits: (message) => Buffer.byteLength(contentOf(message)) <= LARGEST[message.format],

  request({ webhookUrl }: Robot, message: RobotMessage): RobotRequest {
    return { url: webhookUrl, body: JSON.stringify(bodyOf(message)) };
  },

  readAnswer(answer: RobotAnswer): RobotVerdict {
    return readCodedAnswer(answer, CODES, ({ errcode, errmsg }) => ({ code: errcode, text: errmsg }));
  },
};

function contentOf({ text, title, format }: RobotMessage): string {
  if (title === undefined) return text;
  return format === 'markdown' ? `**${title}**\n${text}` : `${title}\n${text}`;
}

/** Nobody can be called by a mobile number in markdown. */
function bodyOf(message: RobotMessage): object {
  const content = contentOf(message);
  if (message.format === 'markdown') return { msgtype: 'markdown', markdown: { content } };
  const mobiles = [...message.atMobiles, ...(message.atAll ? ['@all'] : [])];
  return { msgtype: 'text', text: { content, ...(mobiles.length > 0 && { mentioned_mobile_list: mobiles }) } };
}
