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

/** Runs each contender once per round, in turn, and answers the median of its rounds: noise of the machine meets all alike. */
export async function interleaved(rounds: number, contenders: Record<string, () => Promise<number>>): Promise<Record<string, number>> {
  const results = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(contenders)) results.get(name)!.push(await run());
  }
  return Object.fromEntries([...results].map(([name, values]) => [name, median(values)]));
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export interface Row {
  readonly what: string;
  readonly value: string;
  readonly ratio?: string;
  /** What it must reach, as the issue or the documentation says. */
  readonly goal?: string;
}

/** A table for people; `--json` prints the rows instead. */
export function printTable(title: string, rows: readonly Row[], json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ title, rows }));
    return;
  }
  const cells = [['', 'value', 'ratio', 'goal'], ...rows.map(({ what, value, ratio = '', goal = '' }) => [what, value, ratio, goal])];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]!.length)));
  console.log(`\n${title}`);
  for (const row of cells) console.log(row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ').trimEnd());
}
