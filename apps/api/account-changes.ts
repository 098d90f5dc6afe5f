import type { Changes } from '#access/account-store.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';

const LONGEST_DESCRIPTION = 256;

/** The members that accounts and access keys have in common. @throws InvalidArgument */
export function readChanges({ enabled, description }: Readonly<Record<string, unknown>>): Changes {
  if (enabled !== undefined && typeof enabled !== 'boolean') throw new InvalidArgument('enabled', 'enabled is true or false.');
  if (description !== undefined && (typeof description !== 'string' || description.length > LONGEST_DESCRIPTION)) {
    throw new InvalidArgument('description', `description is a text of at most ${LONGEST_DESCRIPTION} characters.`);
  }
  return { ...(enabled !== undefined && { enabled }), ...(description !== undefined && { description }) };
}
