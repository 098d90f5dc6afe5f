/** Given on the command line. */
export interface Pace {
  /** That count. */
  readonly rounds: number;
  /** Of each contender in each round. */
  readonly seconds: number;
}

export interface Row {
  readonly what: string;
  readonly value: string;
  readonly ratio?: string;
  /** What it must reach. */
  readonly goal?: string;
}

export interface Result {
  readonly rows: readonly Row[];
  /** Lines under the table. */
  readonly notes?: readonly string[];
}

/** Runs `step` on each of `lanes` one after another in parallel until `seconds` are over; answers steps per second. */
export async function throughput<Lane>(lanes: readonly Lane[], seconds: number, step: (lane: Lane) => Promise<void>): Promise<number> {
  const start = performance.now();
  const end = start + seconds * 1_000;
  let done = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      while (performance.now() < end) {
        await step(lane);
        done += 1;
      }
    }),
  );
  return done / ((performance.now() - start) / 1_000);
}

/**
 * Runs each contender once per round, in turn, and answers the median of its rounds: noise of the machine meets all alike. A first
 * round does not count: whoever comes first would pay for what is compiled and opened then.
 */
export async function interleaved<Name extends string>(rounds: number, contenders: Record<Name, () => Promise<number>>): Promise<Record<Name, number>> {
  const names = Object.keys(contenders) as Name[];
  const results = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const result = await contenders[name]();
      if (round > 0) results.get(name)!.push(result);
    }
  }
  return Object.fromEntries([...results].map(([name, values]) => [name, median(values)])) as Record<Name, number>;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function perSecond(rate: number): string {
  return `${rate < 100 ? rate.toFixed(1) : Math.round(rate)}/s`;
}

export function ratio(one: number, other: number): string {
  return (one / other).toFixed(2);
}

/** A table for people; as JSON, one line for each benchmark. */
export function printResult(title: string, { rows, notes = [] }: Result, json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ title, rows, notes }));
    return;
  }
  const cells = [['', 'value', 'ratio', 'goal'], ...rows.map(({ what, value, ratio = '', goal = '' }) => [what, value, ratio, goal])];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]!.length)));
  console.log(`\n${title}`);
  for (const row of cells) console.log(row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ').trimEnd());
  for (const note of notes) console.log(note);
}
