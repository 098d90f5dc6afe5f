/** Tokens of what is injected and has no class of its own. */
export const SETTINGS = Symbol('settings');
export const REDIS_COMMANDS = Symbol('redis commands');
