import { expect } from '@jest/globals';
import { Refusal, type Ability, type Endpoint, type MnsScenarioClient, type Operation, type ScenarioCredentials } from './operations.js';
import type { Scenario, Step } from './scenario.js';

/** Why the client cannot play the scenario; undefined when it can. */
export function obstacleOf(scenario: Scenario, { lacks }: Pick<MnsScenarioClient, 'lacks'>): string | undefined {
  const needed: readonly (Operation | Ability)[] = [...(scenario.needs ?? []), ...scenario.steps.map((step) => step.operation)];
  return needed.map((need) => lacks[need]).find((reason) => reason !== undefined);
}

/** Plays all steps; `number` makes the names unique on the server. */
export async function playScenario(scenario: Scenario, number: number, client: MnsScenarioClient, server: Endpoint): Promise<void> {
  const kept: Record<string, string> = { q: `queue-${number}`, t: `topic-${number}`, s: `sub-${number}` };
  const credentials = credentialsOf(scenario, server);
  const start = Date.now();
  for (const step of scenario.steps) await playStep(step, kept, client, server, credentials);
  if (scenario.within !== undefined) expect(Date.now() - start).toBeLessThan(scenario.within);
}

function credentialsOf({ credentials }: Scenario, { accessKeyId, accessKeySecret }: Endpoint): ScenarioCredentials | undefined {
  if (credentials === 'wrong secret') return { accessKeyId, accessKeySecret: 'wrong' };
  if (credentials === 'unknown key') return { accessKeyId: 'nobody', accessKeySecret };
  return undefined;
}

async function playStep(
  { operation, takes, gives, refused, keeps }: Step,
  kept: Record<string, string>,
  client: MnsScenarioClient,
  server: Endpoint,
  credentials: ScenarioCredentials | undefined,
): Promise<void> {
  const given = filled(takes, kept) as never;
  if (refused !== undefined) {
    const outcome = await client.call(operation, given, credentials).catch((error: unknown) => error);
    expectRefusal(operation, outcome, refused, server);
    return;
  }
  const result = await client.call(operation, given, credentials).catch((error: unknown) => {
    throw error instanceof Refusal ? new Error(`${operation} was refused with ${error.code}`, { cause: error }) : error;
  });
  expect({ [operation]: result }).toMatchObject({ [operation]: filled(gives, kept) });
  for (const [name, path] of Object.entries(keeps ?? {})) kept[name] = textAt(result, path);
}

/** The code, and the request id and host where the client shows them. */
function expectRefusal(operation: Operation, outcome: unknown, code: string, { url }: Endpoint): void {
  if (!(outcome instanceof Refusal) && outcome instanceof Error) throw outcome;
  expect({ [operation]: outcome instanceof Refusal ? outcome.code : outcome }).toEqual({ [operation]: code });
  const { requestId, hostId } = (outcome as Refusal).details;
  if (requestId !== undefined) expect(requestId).toMatch(/^[0-9A-F]{24}$/);
  if (hostId !== undefined) expect([url, expect.stringMatching(/^http:\/\/\d{16}\.mns\./)]).toContainEqual(hostId);
}

/** `{name}` in texts replaced by what was kept; regular expressions as what jest compares texts with. */
function filled(value: unknown, kept: Readonly<Record<string, string>>): unknown {
  const fill = (text: string): string => text.replace(/\{([a-z]+)\}/g, (whole, name: string) => kept[name] ?? whole);
  if (typeof value === 'string') return fill(value);
  if (value instanceof RegExp) return expect.stringMatching(new RegExp(fill(value.source)));
  if (Array.isArray(value)) return value.map((item) => filled(item, kept));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, kept)]));
}

function textAt(result: unknown, path: string): string {
  const found = path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], result);
  if (typeof found !== 'string' || found === '') throw new Error(`no text at ${path} of ${JSON.stringify(result)}`);
  return found;
}
