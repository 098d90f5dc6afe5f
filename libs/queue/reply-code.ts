/** Answer codes of the Lua scripts, shared with `commands/includes/constants.lua` (a test compares the two). */
export const ReplyCode = {
  OK: 0,
  /** The queue or topic is gone or has changed since the caller read it: read it again. */
  STALE: 1,
  /** The script has done as much as one call may do: call again. */
  AGAIN: 2,
  /** What was named does not exist (any more). */
  GONE: 3,
  /** A mark says that this was done before. */
  DUPLICATE: 4,
  /** Something of that name exists. */
  EXISTS: 5,
} as const;
