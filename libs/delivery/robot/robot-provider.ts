import type { Outcome } from '../outcome.js';
import type { Rate } from '../rate-budget.js';
import type { RobotMessage } from './robot-message.js';

/** A robot in a chat group, as its named channel describes it. Both members are secrets: the URL holds the robot's token. */
export interface Robot {
  readonly webhookUrl: string;
  /** Signs the requests, where the robot was set up so. */
  readonly secret?: string;
}

/** One POST of JSON. */
export interface RobotRequest {
  readonly url: string;
  readonly body: string;
}

export interface RobotAnswer {
  readonly status: number;
  /** The header as it came. */
  readonly retryAfter?: string;
  /** At most the first 64 KB. */
  readonly body: string;
}

/** What an answer comes to, and what it says beyond the message that was sent. */
export interface RobotVerdict {
  readonly outcome: Outcome;
  /** Seconds for which the robot takes nothing at all. */
  readonly throttledFor?: number;
  /** The refusal speaks of this message's content: others may be taken. */
  readonly aboutContent?: boolean;
}

/** The rules of a chat service for its robots. */
export interface RobotProvider {
  /** Below the provider's own limit in any stretch of time. */
  readonly rate: Rate;
  /** Whether the provider takes a message of this size. */
  fits(message: RobotMessage): boolean;
  /** @param now milliseconds since the epoch */
  request(robot: Robot, message: RobotMessage, now: number): RobotRequest;
  readAnswer(answer: RobotAnswer): RobotVerdict;
}
