import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RawConnection } from '../raw-connection.js';
import type { Step } from '../mns-load.js';
import { goProgram } from './go-program.js';
import { startPeer, type PeerProcess } from './peer-process.js';

const VERSION = 'v0.5.4';

/** The peer's own program listens on all interfaces and logs each body; this one differs in nothing else. */
const MAIN = `package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"github.com/Admiral-Piett/goaws/app/conf"
	"github.com/Admiral-Piett/goaws/app/gosqs"
	"github.com/Admiral-Piett/goaws/app/router"
	"github.com/sirupsen/logrus"
)

func main() {
	logrus.SetLevel(logrus.ErrorLevel)
	conf.LoadYamlConfig(os.Args[1], "Local")
	go gosqs.PeriodicTasks(time.Second, make(chan bool))
	log.Fatal(http.ListenAndServe(os.Args[2], router.New()))
}
`;

const FILL_BATCH = 10;

/** GoAWS: SQS in memory, without authentication. Spoken to in SQS's JSON protocol, as today's SDKs do. */
export interface GoAws {
  readonly name: string;
  connect(count: number): Promise<RawConnection[]>;
  createQueue(queue: string): Promise<void>;
  cycleOn(queue: string): Step;
  batchCycleOn(queue: string, size: number): Step;
  /** Stores at least `count` messages. */
  fill(queue: string, count: number): Promise<void>;
  stop(): Promise<void>;
}

/** The program itself, of which `GoAws` is the SQS side. @throws Error that says in one line why it cannot run here. */
export async function startGoAwsServer(): Promise<PeerProcess & { readonly name: string }> {
  const program = await goProgram({ name: 'goaws', module: 'github.com/Admiral-Piett/goaws', version: VERSION, go: '1.21', main: MAIN });
  const process = await startPeer(program, async (dir, free) => {
    const settings = join(dir, 'goaws.yaml');
    await writeFile(settings, `Local:\n  Host: localhost\n  Port: ${free}\n  Region: local\n  AccountId: "bench"\n`);
    return [settings, `127.0.0.1:${free}`];
  });
  return { name: `GoAWS ${VERSION}`, ...process };
}

/** @throws Error that says in one line why it cannot run here. */
export async function startGoAws(body: string): Promise<GoAws> {
  const { name, port, stop } = await startGoAwsServer();
  const connect = (count: number): Promise<RawConnection[]> => Promise.all(Array.from({ length: count }, () => RawConnection.open('127.0.0.1', port)));
  return {
    name,
    connect,
    createQueue: async (queue) => {
      const [lane] = await connect(1);
      await answered(lane!, sqsRequest('CreateQueue', { QueueName: queue }));
      lane!.close();
    },
    cycleOn: (queue) => cycleOn(queueUrl(port, queue), body),
    batchCycleOn: (queue, size) => batchCycleOn(queueUrl(port, queue), body, size),
    fill: async (queue, count) => {
      const send = sqsRequest('SendMessageBatch', { QueueUrl: queueUrl(port, queue), Entries: entries(body, FILL_BATCH) });
      let left = Math.ceil(count / FILL_BATCH);
      await Promise.all(
        (await connect(16)).map(async (lane) => {
          while (left-- > 0) await answered(lane, send);
          lane.close();
        }),
      );
    },
    stop,
  };
}

function cycleOn(url: string, body: string): Step {
  const send = sqsRequest('SendMessage', { QueueUrl: url, MessageBody: body });
  const receive = sqsRequest('ReceiveMessage', { QueueUrl: url, MaxNumberOfMessages: 1 });
  return async (lane) => {
    await answered(lane, send);
    const [handle] = await receiveHandles(lane, receive, 1);
    await answered(lane, sqsRequest('DeleteMessage', { QueueUrl: url, ReceiptHandle: handle! }));
  };
}

function batchCycleOn(url: string, body: string, size: number): Step {
  const send = sqsRequest('SendMessageBatch', { QueueUrl: url, Entries: entries(body, size) });
  const receive = sqsRequest('ReceiveMessage', { QueueUrl: url, MaxNumberOfMessages: size });
  return async (lane) => {
    await answered(lane, send);
    const handles = await receiveHandles(lane, receive, size);
    const list = handles.map((ReceiptHandle, n) => ({ Id: String(n), ReceiptHandle }));
    const answer = await answered(lane, sqsRequest('DeleteMessageBatch', { QueueUrl: url, Entries: list }));
    const deleted = answer.split('"Id":').length - 1;
    if (deleted !== size || /"Code":/.test(answer)) throw new Error(`GoAWS deleted ${deleted} of ${size}: ${answer}`);
  };
}

async function receiveHandles(lane: RawConnection, request: Buffer, count: number): Promise<string[]> {
  const answer = await answered(lane, request);
  const handles = Array.from(answer.matchAll(/"ReceiptHandle":"([^"]+)"/g), ([, handle]) => handle!);
  if (handles.length !== count) throw new Error(`GoAWS handed out ${handles.length} messages instead of ${count}`);
  return handles;
}

async function answered(lane: RawConnection, request: Buffer): Promise<string> {
  const { status, body } = await lane.request(request);
  if (status !== 200) throw new Error(`GoAWS answered ${status}: ${body}`);
  return body;
}

function sqsRequest(action: string, parameters: object): Buffer {
  const body = JSON.stringify(parameters);
  return Buffer.from(
    `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.${action}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function entries(body: string, size: number): object[] {
  return Array.from({ length: size }, (_, n) => ({ Id: String(n), MessageBody: body }));
}

function queueUrl(port: number, queue: string): string {
  return `http://127.0.0.1:${port}/bench/${queue}`;
}
