/** What the replicas can carry together. */
export interface Capacity {
  /** Turns at once. */
  slots: number;
  /** Mean time that a turn takes, in seconds; undefined while nothing was measured. */
  serviceSeconds: number | undefined;
  /** How long the turns that run have been running, in seconds; those that are not listed are taken as spread evenly. */
  ages: number[];
}

/** Share of the mean time that a turn which has run longer than the mean is expected to take yet. */
const overdueShare = 0.1;

/** Positions beyond which the wait is a straight line. */
const simulated = 2_000;

/**
 * Seconds until the turn at each position (the first is 1) is likely to begin: the turns that run end when the mean time is
 * over, and each makes room for the next. `positions` may come in any order; undefined while nothing was measured.
 */
export function estimateWaits(positions: number[], capacity: Capacity): (number | undefined)[] {
  const { serviceSeconds } = capacity;
  if (serviceSeconds === undefined || capacity.slots <= 0) return positions.map(() => undefined);
  const starts = simulate(Math.min(simulated, Math.max(0, ...positions)), { ...capacity, serviceSeconds });
  return positions.map((position) => {
    const within = starts[Math.min(position, simulated) - 1] ?? 0;
    return within + (Math.max(0, position - simulated) * serviceSeconds) / capacity.slots;
  });
}

function simulate(count: number, { slots, serviceSeconds, ages }: Capacity & { serviceSeconds: number }): number[] {
  const ends = ages.slice(0, slots).map((age) => Math.max(serviceSeconds - age, serviceSeconds * overdueShare));
  const unknown = slots - ends.length;
  for (let at = 0; at < unknown; at += 1) ends.push(((at + 1) * serviceSeconds) / unknown);
  const starts: number[] = [];
  ends.sort((a, b) => a - b);
  // Each start makes an end one service later: two sorted lists, of which the smaller head is next.
  const later: number[] = [];
  let first = 0;
  let second = 0;
  while (starts.length < count) {
    const early = ends[first] ?? Number.POSITIVE_INFINITY;
    const late = later[second] ?? Number.POSITIVE_INFINITY;
    const start = Math.min(early, late);
    if (early <= late) first += 1;
    else second += 1;
    starts.push(start);
    later.push(start + serviceSeconds);
  }
  return starts;
}

/** Weight of the newest measurement in the running mean. */
const newest = 0.2;

/** A running mean of how long turns take: exponentially weighted, plain for the first ones. */
export class ServiceTime {
  private count = 0;
  private mean = 0;

  /** Takes one measurement, in seconds. */
  add(seconds: number): void {
    this.count += 1;
    this.mean += (seconds - this.mean) * Math.max(newest, 1 / this.count);
  }

  /** The mean in seconds; undefined while there is none. */
  get seconds(): number | undefined {
    return this.count === 0 ? undefined : this.mean;
  }
}
