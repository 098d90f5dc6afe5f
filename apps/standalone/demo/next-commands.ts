import type { Credentials } from '../credentials.js';
import { NAME } from './scene.js';

export interface NextCommandsOptions {
  readonly api: string;
  readonly credentials: Credentials;
  /** Writes one more object. */
  readonly putCommand: string;
  /** Id of a message whose deliveries can be looked up. */
  readonly messageId: string;
}

/** Three shell commands that work as pasted into the project's folder while the hub of the demo is up. */
export function nextCommands({ api, credentials, putCommand, messageId }: NextCommandsOptions): string {
  const { accountId, accessKeyId, accessKeySecret } = credentials;
  const options = `{ endpoint: "${api}", accessKeyId: "${accessKeyId}", accessKeySecret: "${accessKeySecret}" }`;
  const sdk = `new (require("@alicloud/mns"))("${accountId}", ${options})`;
  const show = `({ body }) => console.log(Buffer.from(body.MessageBody, "base64").toString())`;
  const receive = `${sdk}.receiveMessage("${NAME}", 10).then(${show})`;
  const deliveries = `${api}/api/v1/deliveries?messageId=${messageId}`;
  const commands = [
    ['cause one more event', putCommand],
    ['take its message from the queue with the SDK', `node -e '${receive}'`],
    ['see what became of the last message above', `curl -sS -w '\\n' -u ${accessKeyId}:${accessKeySecret} '${deliveries}'`],
  ] as const;
  return commands.map(([purpose, command], index) => `  ${index + 1}. ${purpose}:\n     ${command}\n`).join('');
}
