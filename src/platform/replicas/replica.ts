import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { newUuid } from '../../kernel/ids.ts';
import { changed, rows, SystemDatabase } from '../database/index.ts';
import { safeError } from '../telemetry/index.ts';

/** Time between two heartbeats, in milliseconds. */
export const heartbeatMs = 1_000;
/**
 * A replica is gone when another one has itself watched its heartbeat stand still for this long, in milliseconds, counting
 * only time in which the database answered: a database outage orphans nobody.
 */
export const goneAfterMs = 5_000;
/** Longest wait for the sign-off, in milliseconds: without it the others see this replica's heartbeat stand still. */
const signOffWithinMs = 2_000;

/** What a replica can carry and carries, as it says with its heartbeat. */
export interface ReplicaLoad {
  /** Turns that it may run at once. */
  slots: number;
  running: number;
  /** Mean time that a turn takes there, in seconds; null while it has measured none. */
  serviceSeconds: number | null;
}

interface Watched {
  beats: string;
  load: ReplicaLoad;
  /** Milliseconds of reachable database since the beats last changed. */
  stillMs: number;
}

/**
 * This process among its equals. Its id is new at every boot. One statement a second says "alive" and reads everybody
 * else's heartbeat.
 */
@Injectable()
export class Replica {
  /** Id of this boot; owner of the turns that run here. */
  readonly id = newUuid();
  private readonly logger = new Logger(Replica.name);
  private readonly watched = new Map<string, Watched>();
  private readonly listeners: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private lastSuccess = 0;
  private stopped = false;
  private role = '';
  private load: () => ReplicaLoad = () => ({ slots: 0, running: 0, serviceSeconds: null });

  constructor(private readonly system: SystemDatabase) {}

  /** Calls `listener` after each successful heartbeat. It must not make the next one wait: start the work, do not await it. */
  afterHeartbeat(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** The heartbeat says what `load` gives, so that each replica knows what all of them can carry. */
  reportLoad(load: () => ReplicaLoad): void {
    this.load = load;
  }

  /** The load of all replicas that live, this one included. */
  loads(): ReplicaLoad[] {
    return [this.load(), ...[...this.watched.values()].filter(({ stillMs }) => stillMs < goneAfterMs).map(({ load }) => load)];
  }

  /** Registers this boot and starts the heartbeat. */
  async start(role: string): Promise<void> {
    this.role = role;
    await this.system.run('heartbeat', (tx) => changed(tx, 'INSERT INTO replicas (id, role) VALUES ($1, $2)', [this.id, role]));
    const loop = async (): Promise<void> => {
      try {
        await this.beat();
        for (const listener of this.listeners) listener();
      } catch (error) {
        this.logger.debug({ error: safeError(error) }, 'heartbeat failed; trying again');
      }
      if (!this.stopped) this.timer = setTimeout(() => void loop(), heartbeatMs);
    };
    void loop();
  }

  /** Stops the heartbeat and removes this boot, so that its turns are free at once. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const signedOff = this.system
      .run('heartbeat', (tx) => changed(tx, 'DELETE FROM replicas WHERE id = $1', [this.id]))
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'could not sign off'));
    await Promise.race([signedOff, sleep(signOffWithinMs, undefined, { ref: false })]);
  }

  /**
   * Replicas whose heartbeat this one has itself watched standing still for too long. Undefined until the first heartbeat. A
   * replica that is not known yet is not gone; one that has signed off has no row any more.
   */
  gone(): string[] | undefined {
    if (this.lastSuccess === 0) return undefined;
    return [...this.watched].filter(([, seen]) => seen.stillMs >= goneAfterMs).map(([id]) => id);
  }

  private async beat(): Promise<void> {
    const { slots, running, serviceSeconds } = this.load();
    const all = await this.system.run('heartbeat', async (tx) => {
      await changed(
        tx,
        `INSERT INTO replicas (id, role, slots, running, service_seconds) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET beats = replicas.beats + 1, beat_at = now(), slots = excluded.slots,
           running = excluded.running, service_seconds = excluded.service_seconds`,
        [this.id, this.role, slots, running, serviceSeconds],
      );
      return rows<{ id: string; beats: string } & ReplicaLoad>(
        tx,
        `SELECT id, beats, slots, running, service_seconds AS "serviceSeconds" FROM replicas WHERE id <> $1`,
        [this.id],
      );
    });
    const now = performance.now();
    // A gap longer than two beats was an outage (of the database or of this process) and counts for nobody.
    const elapsed = this.lastSuccess === 0 ? 0 : Math.min(now - this.lastSuccess, 2 * heartbeatMs);
    this.lastSuccess = now;
    const present = new Set(all.map(({ id }) => id));
    for (const id of this.watched.keys()) if (!present.has(id)) this.watched.delete(id);
    for (const { id, beats, ...load } of all) {
      const seen = this.watched.get(id);
      if (seen === undefined || seen.beats !== beats) this.watched.set(id, { beats, load, stillMs: 0 });
      else seen.stillMs += elapsed;
    }
  }
}
