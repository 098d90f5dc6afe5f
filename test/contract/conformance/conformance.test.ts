import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { ACCOUNT, startApi, type RunningApi } from '../running-api.js';
import * as alicloudMns from './alicloud-mns.js';
import * as aliMns from './ali-mns.js';
import { DIALECTS } from './dialects.js';
import * as javaSdk from './java-sdk.js';
import type { Endpoint, MnsScenarioClient } from './operations.js';
import { obstacleOf, playScenario } from './play-scenario.js';
import * as pythonSdk from './python-sdk.js';
import { RawClient } from './raw-client.js';
import type { Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';
import type { PreparedSdk } from './sdk-cache.js';

interface Candidate {
  readonly title: string;
  readonly lacks: MnsScenarioClient['lacks'];
  /** For what does not come with the development dependencies. */
  readonly sdk?: PreparedSdk;
  readonly open: (endpoint: Endpoint, directory: string) => MnsScenarioClient;
}

const JAVA_SDKS: readonly javaSdk.JavaSdk[] = [
  { version: '2.0.0', signature: 'V2' },
  { version: '2.0.0', signature: 'V4' },
  { version: '1.1.9.1', signature: 'V2' },
];

const java = await Promise.all(
  JAVA_SDKS.map(async (sdk): Promise<Candidate> => {
    const prepared = await javaSdk.prepare(sdk);
    return {
      title: javaSdk.titleOf(sdk),
      lacks: javaSdk.lacksOf(sdk),
      sdk: prepared,
      open: (endpoint, directory) => javaSdk.open(endpoint, directory, sdk),
    };
  }),
);

const CANDIDATES: readonly Candidate[] = [
  ...DIALECTS.map((dialect) => ({ title: dialect.title, lacks: {}, open: (endpoint: Endpoint) => new RawClient(endpoint, dialect) })),
  { title: alicloudMns.title, lacks: alicloudMns.lacks, open: (endpoint) => new alicloudMns.AlicloudMns(endpoint) },
  { title: aliMns.title, lacks: aliMns.lacks, open: (endpoint) => new aliMns.AliMns(endpoint) },
  { title: pythonSdk.title, lacks: pythonSdk.lacks, sdk: await pythonSdk.prepare(), open: pythonSdk.open },
  ...java,
];

/** One server for all: its clients come side by side. */
let api: RunningApi;
const clients = new Map<string, MnsScenarioClient>();
const begun = new Map<string, Promise<void>>();

const runnable = CANDIDATES.filter(({ sdk }) => sdk === undefined || 'directory' in sdk);
const endpoint = (): Endpoint => ({ url: api.url, account: ACCOUNT, ...api.credentials });
const numberOf = (title: string, scenario: Scenario): number =>
  CANDIDATES.findIndex((candidate) => candidate.title === title) * 1_000 + SCENARIOS.indexOf(scenario);

function play(title: string, scenario: Scenario): Promise<void> {
  return playScenario(scenario, numberOf(title, scenario), clients.get(title)!, endpoint());
}

beforeAll(async () => {
  api = await startApi();
  for (const { title, sdk, open } of runnable)
    clients.set(title, open(endpoint(), sdk !== undefined && 'directory' in sdk ? sdk.directory : ''));
  for (const { title, lacks } of runnable)
    beginWaits(
      title,
      SCENARIOS.filter((scenario) => scenario.waits === true && obstacleOf(scenario, { lacks }) === undefined),
    );
});
afterAll(async () => {
  await Promise.all([...clients.values()].map((client) => client.stop()));
  await api?.stop();
});

/** Scenarios that wait for time to pass begin now, one after the other, so that all clients wait together. */
function beginWaits(title: string, scenarios: readonly Scenario[]): void {
  let before: Promise<void> = Promise.resolve();
  for (const scenario of scenarios) {
    const outcome = before.then(() => play(title, scenario));
    begun.set(`${title}: ${scenario.title}`, outcome);
    before = outcome.catch(() => undefined);
  }
}

describe.each(CANDIDATES)('conformance: $title', ({ title, lacks, sdk }) => {
  if (sdk !== undefined && 'missing' in sdk) {
    it.skip(`missing on this machine: ${sdk.missing}`, () => undefined);
    return;
  }
  for (const scenario of SCENARIOS) {
    const obstacle = obstacleOf(scenario, { lacks });
    if (obstacle !== undefined) it.skip(`${scenario.title} (${obstacle})`, () => undefined);
    else it(scenario.title, () => begun.get(`${title}: ${scenario.title}`) ?? play(title, scenario));
  }
});
