import type { SettingKind } from './setting.js';

/** How full the memory of Redis may become before new messages are refused: a share of its limit (1 to 100), or bytes. */
export type HighWater = { readonly percent: number } | { readonly bytes: number };

const UNITS: Readonly<Record<string, number>> = { kb: 1_024, mb: 1_024 ** 2, gb: 1_024 ** 3 };

/** `85`, `85%`, or bytes with the units of Redis's own configuration: `6gb`. */
export const highWater: SettingKind<HighWater> = {
  allowed: 'a share of the memory limit of Redis from 10% to 100%, or bytes such as 800mb, 6gb',
  parse: (given) => {
    const [, number = '', unit = '%'] = /^(\d{1,9})(%|kb|mb|gb)?$/i.exec(given) ?? [];
    const value = Number(number);
    if (unit === '%') return number !== '' && value >= 10 && value <= 100 ? { percent: value } : undefined;
    return value > 0 ? { bytes: value * UNITS[unit.toLowerCase()]! } : undefined;
  },
};
