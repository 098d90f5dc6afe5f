import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { AddressRefused, type PushNetwork } from '../push-network.js';

export interface GuardedAgents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

const CONNECTIONS = 32;

/**
 * Agents for a client library that speaks through Node's own, over connections that are kept. With a network they open sockets only to
 * addresses that pushes may reach; a proxy of the environment is not used, for it would be asked to go anywhere.
 */
export function guardedAgents(timeout: number, network?: PushNetwork): GuardedAgents {
  const options = { keepAlive: true, timeout, maxSockets: CONNECTIONS, ...(network !== undefined && { lookup: network.lookup }) };
  const agents = { http: new HttpAgent(options), https: new HttpsAgent(options) };
  if (network === undefined) return agents;
  for (const agent of [agents.http, agents.https]) refuseAddresses(agent, network);
  return agents;
}

/** An address that stands in the URL itself is looked up by nobody. */
function refuseAddresses(agent: HttpAgent, network: PushNetwork): void {
  const open = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const host = (options.host ?? '').replace(/^\[|\]$/g, '');
    if (isIP(host) === 0 || network.allows(host)) return open(options, callback);
    throw new AddressRefused(host);
  };
}
