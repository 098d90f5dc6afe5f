import { delivered, permanent, retryable } from '../outcome.js';
import { plain, throttledVerdict, uncodedVerdict } from './answer-codes.js';
import type { RobotMessage } from './robot-message.js';
import type { Robot, RobotAnswer, RobotProvider, RobotRequest, RobotVerdict } from './robot-provider.js';

/** Characters of a text; Slack cuts off what is longer without a word. */
const LARGEST = 40_000;

/** Words of a 4xx answer that the sender's own administrator can take back; all others are final. */
const MAY_PASS = ['action_prohibited', 'posting_to_general_channel_denied', 'team_disabled'];

/** Incoming webhooks of Slack: one message a second, 40,000 characters. */
export const slack: RobotProvider = {
  rate: { burst: 1, refillMillis: 1_050 },

  fits: (message) => textOf(message).length <= LARGEST,

  request({ webhookUrl }: Robot, message: RobotMessage): RobotRequest {
    return { url: webhookUrl, body: JSON.stringify({ text: textOf(message), mrkdwn: message.format === 'markdown' }) };
  },

  /** Success is the body `ok`, not the status alone: a proxy's page has the same status. */
  readAnswer(answer: RobotAnswer): RobotVerdict {
    const word = plain(answer.body);
    if (answer.status === 200 && word === 'ok') return { outcome: delivered(200) };
    if (answer.status === 429) return throttledVerdict('HTTP 429', 30, answer);
    if (![400, 403, 404, 410].includes(answer.status) || !/^[a-z_]+$/.test(word)) return uncodedVerdict(answer);
    const reason = `HTTP ${answer.status}: ${word}`;
    if (MAY_PASS.includes(word)) return { outcome: retryable(reason, { code: answer.status }) };
    return { outcome: permanent(reason, answer.status), aboutContent: answer.status === 400 };
  },
};

/** Slack reads `&`, `<` and `>` as its own signs even where it reads no other; a markdown message may mean them so. */
function textOf({ text, title, format, atAll }: RobotMessage): string {
  const call = atAll ? '<!channel> ' : '';
  if (format === 'markdown') return `${call}${title === undefined ? '' : `*${escape(title)}*\n`}${text}`;
  return call + escape(title === undefined ? text : `${title}\n${text}`);
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
