import { MnsClient, type MnsResponse } from '../../contract/mns-client.js';
import { newApiDeployment, startApiProcess, type ApiProcess } from '../../support/api-process.js';

/** Milliseconds after which a client gives up: far more than the longest poll of the load. */
const CLIENT_LIMIT = 10_000;

interface Member {
  readonly api: ApiProcess;
  readonly client: MnsClient;
}

/** Several API processes on one Redis, any of which may be killed; a killed one is started again, on another port. */
export class ApiFleet {
  readonly deployment = newApiDeployment();
  readonly #members: (Member | undefined)[] = [];
  readonly #restarts = new Set<Promise<void>>();
  #next = 0;
  kills = 0;

  private constructor(private readonly redisUrl: string) {}

  static async start(redisUrl: string, size: number): Promise<ApiFleet> {
    const fleet = new ApiFleet(redisUrl);
    await Promise.all(Array.from({ length: size }, (_, slot) => fleet.#start(slot)));
    return fleet;
  }

  /** The clients of the processes that run now. */
  get clients(): MnsClient[] {
    return this.#members.flatMap((member) => (member?.api.running === true ? member.client : []));
  }

  /** Asks the processes in turn. @returns undefined when no answer came, so that nobody knows what became of the request */
  async call(method: string, target: string, body?: string): Promise<MnsResponse | undefined> {
    const { clients } = this;
    const client = clients[this.#next++ % clients.length];
    const signal = AbortSignal.timeout(CLIENT_LIMIT);
    return await client?.request(method, target, { signal, ...(body !== undefined && { body }) }).catch(() => undefined);
  }

  /** Kills one process, unless it is the only one, and starts it again. @param random below one */
  async killOne(random: number): Promise<void> {
    const running = this.#members.flatMap((member, slot) => (member?.api.running === true ? [{ ...member, slot }] : []));
    const victim = running[Math.floor(random * running.length)];
    if (victim === undefined || running.length < 2) return;
    this.kills += 1;
    await victim.api.kill9();
    victim.client.close();
    const restart = this.#start(victim.slot);
    this.#restarts.add(restart);
    void restart.finally(() => this.#restarts.delete(restart)).catch(() => undefined);
  }

  /** Waits until all that were killed run again. @throws when one cannot be started */
  async complete(): Promise<void> {
    await Promise.all([...this.#restarts]);
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#restarts]);
    await Promise.all(this.#members.map(async (member) => member?.api.stop()));
    for (const member of this.#members) member?.client.close();
  }

  async #start(slot: number): Promise<void> {
    this.#members[slot] = undefined;
    const api = await startApiProcess(this.redisUrl, this.deployment);
    this.#members[slot] = { api, client: new MnsClient(api.port, api.credentials) };
  }
}
