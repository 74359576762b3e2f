import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Transaction, rows, SystemDatabase } from '../../../platform/database/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { metrics, safeError } from '../../../platform/telemetry/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';
import { RouteSlots } from './route-slots.ts';
import { type QueueLevel, queueLevel } from './turn-order.ts';
import { type Capacity, estimateWaits } from './wait-estimate.ts';

/** Turns whose age is looked at for an estimate. */
const agesLimit = 512;

/** Part of the queue that a refused client is asked to let pass before it tries again. */
const passBeforeRetry = 0.1;
const longestRetrySeconds = 300;

/** How long the queue is and how fast it moves, over all replicas: what estimates and refusals are made from. */
@Injectable()
export class QueueLoad {
  private readonly logger = new Logger(QueueLoad.name);
  private level: QueueLevel = { depth: 0, oldestSeconds: 0, givenUp: 0 };

  constructor(
    private readonly system: SystemDatabase,
    private readonly replica: Replica,
    private readonly routes: RouteSlots,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  /** Turns that waited when it was last looked. */
  get depth(): number {
    return this.level.depth;
  }

  /** Looks how long the queue is; gives its depth. */
  async refresh(): Promise<number> {
    try {
      this.level = await this.system.run('turn-queue', (tx) => queueLevel(tx));
      metrics.queuedTurns.set(this.level.depth);
      metrics.oldestQueuedSeconds.set(this.level.oldestSeconds);
      metrics.givenUpTurns.set(this.level.givenUp);
    } catch (error) {
      this.logger.debug({ error: safeError(error) }, 'the queue could not be looked at');
    }
    return this.level.depth;
  }

  /**
   * Refuses (429) a turn that would wait where too many do. `ofTenant` is how many of the same tenant wait already. When
   * the queue as a whole is full, a tenant that has none waiting is still let in, up to twice the bound: a flood costs its sender.
   */
  admit(ofTenant: number): void {
    const { maxQueuedTurns, maxQueuedTurnsPerTenant } = this.config;
    const full = this.level.depth >= (ofTenant === 0 ? 2 * maxQueuedTurns : maxQueuedTurns);
    if (full || ofTenant >= maxQueuedTurnsPerTenant) throw chatErrors.queueFull(this.retryAfter(Math.max(ofTenant, this.level.depth)));
    this.level = { ...this.level, depth: this.level.depth + 1 };
  }

  /** Waits of turns, in seconds, in the order given; undefined while nothing was measured. */
  async waits(places: { position: number; route: string }[]): Promise<(number | undefined)[]> {
    const ages = await this.system.run('turn-queue', (tx) => runningAges(tx));
    const waits: (number | undefined)[] = places.map(() => undefined);
    for (const [route, members] of Map.groupBy([...places.entries()], ([, place]) =>
      this.routes.limitOf(place.route) === undefined ? '' : place.route,
    )) {
      const estimates = estimateWaits(
        members.map(([, { position }]) => position),
        this.capacity(ages, route),
      );
      for (const [at, [index]] of members.entries()) waits[index] = estimates[at];
    }
    return waits;
  }

  private capacity(running: { route: string; age: number }[], route: string): Capacity {
    const loads = this.replica.loads();
    const slots = loads.reduce((sum, load) => sum + load.slots, 0);
    const measured = loads.filter((load) => load.serviceSeconds !== null);
    const weight = (load: { running: number }) => load.running + 1;
    const total = measured.reduce((sum, load) => sum + weight(load), 0);
    const limit = this.routes.limitOf(route);
    return {
      slots: limit === undefined ? slots : Math.min(slots, limit),
      serviceSeconds: total === 0 ? undefined : measured.reduce((sum, load) => sum + (load.serviceSeconds ?? 0) * weight(load), 0) / total,
      ages: running.filter((turn) => limit === undefined || turn.route === route).map(({ age }) => age),
    };
  }

  /** Seconds in which a part of the queue is likely to have been served. */
  private retryAfter(waiting: number): number {
    const { slots, serviceSeconds } = this.capacity([], '');
    const passing = Math.max(1, Math.ceil(waiting * passBeforeRetry));
    return Math.min(longestRetrySeconds, Math.max(1, Math.ceil((passing * (serviceSeconds ?? 1)) / Math.max(1, slots))));
  }
}

function runningAges(tx: Transaction): Promise<{ route: string; age: number }[]> {
  return rows(
    tx,
    `SELECT route, extract(epoch FROM now() - started_at)::float8 AS age FROM turns
     WHERE finished_at IS NULL AND state = 'running' ORDER BY started_at LIMIT ${agesLimit}`,
  );
}
