/** Tokens of what is injected and has no class of its own. */
export const SETTINGS = Symbol('settings');
export const LOGGER = Symbol('logger');
export const REDIS_COMMANDS = Symbol('redis commands');
export const REDIS_SUBSCRIBER = Symbol('redis subscriber');
