import { InvalidArgument } from '#runtime/invalid-argument.js';
import { text, url } from '#runtime/setting.js';
import type { ChannelSetting, ChannelType } from '../channel-type.js';
import { dingtalk } from '../robot/dingtalk.js';
import { feishu } from '../robot/feishu.js';
import { RobotClient } from '../robot/robot-client.js';
import { robotMessage, type RobotMessage } from '../robot/robot-message.js';
import type { RobotProvider } from '../robot/robot-provider.js';
import { slack } from '../robot/slack.js';
import { wecom } from '../robot/wecom.js';

/** The URL holds the robot's token, so it is a secret as a whole. */
const WEBHOOK_URL: ChannelSetting = { name: 'webhookUrl', required: true, secret: true, address: true, kind: url('http', 'https') };
const SECRET: ChannelSetting = { name: 'secret', secret: true, kind: text(/^[\x21-\x7e]{1,256}$/, '1 to 256 printable characters without blanks') };

/** Robots of chat groups, reached by incoming webhooks. */
export const DINGTALK = robotType(dingtalk, [WEBHOOK_URL, SECRET]);
export const FEISHU = robotType(feishu, [WEBHOOK_URL, SECRET]);
export const WECOM = robotType(wecom, [WEBHOOK_URL]);
export const SLACK = robotType(slack, [WEBHOOK_URL]);

function robotType(provider: RobotProvider, settings: readonly ChannelSetting[]): ChannelType<'robot'> {
  return {
    kind: 'robot',
    settings,
    connect: ({ webhookUrl = '', secret }, tools) => new RobotClient(provider, { webhookUrl, ...(secret !== undefined && { secret }) }, tools),
    readTestMessage: readTestRobotMessage,
  };
}

/** `text`, and the members of the `Robot` attribute. @throws InvalidArgument */
function readTestRobotMessage({ text: body = 'Test message of Magpie', ...attribute }: Readonly<Record<string, unknown>>): RobotMessage {
  const unknown = Object.keys(attribute).find((name) => !['title', 'format', 'atMobiles', 'atAll'].includes(name));
  if (unknown !== undefined) throw new InvalidArgument(unknown, `${unknown} is not known in a test of a robot.`);
  if (typeof body !== 'string') throw new InvalidArgument('text', 'text is a string.');
  return robotMessage(body, { Robot: JSON.stringify(attribute) });
}
