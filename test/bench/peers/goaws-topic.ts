import { RawConnection } from '../raw-connection.js';
import { startGoAwsServer } from './goaws.js';

/** GoAWS's SNS: in memory, without authentication and attempt log, each push signed with RSA. */
export interface GoAwsTopic {
  readonly name: string;
  connect(count: number): Promise<RawConnection[]>;
  publish(lane: RawConnection, body: string): Promise<void>;
  stop(): Promise<void>;
}

/** @throws Error that says in one line why it cannot run here. */
export async function startGoAwsTopic(endpoints: readonly string[]): Promise<GoAwsTopic> {
  const { name, port, stop } = await startGoAwsServer();
  const connect = (count: number): Promise<RawConnection[]> => Promise.all(Array.from({ length: count }, () => RawConnection.open('127.0.0.1', port)));
  const topic = 'arn:aws:sns:local:bench:fan';
  const [lane] = await connect(1);
  await answered(lane!, { Action: 'CreateTopic', Name: 'fan' });
  for (const Endpoint of endpoints) await answered(lane!, { Action: 'Subscribe', TopicArn: topic, Protocol: 'http', Endpoint });
  lane!.close();
  return { name: `${name} SNS`, connect, publish: (to, Message) => answered(to, { Action: 'Publish', TopicArn: topic, Message }), stop };
}

async function answered(lane: RawConnection, parameters: Record<string, string>): Promise<void> {
  const body = new URLSearchParams(parameters).toString();
  const head = `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n`;
  const answer = await lane.request(head + body);
  if (answer.status !== 200) throw new Error(`GoAWS answered ${answer.status}: ${answer.body}`);
}
