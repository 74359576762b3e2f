import { Injectable } from '@nestjs/common';
import { KeyRing } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { ReplicaBus } from '../../../platform/replicas/index.ts';
import { MessagesRepository, openContents, textOf } from '../../conversations/index.ts';
import { problemOfCode, problemText } from '../chat.errors.ts';
import { isFinal, type TurnRef, type TurnRow } from '../turn/turn.ts';
import { findTurn } from '../turn/turn-rows.ts';
import { LogCipher } from './log-cipher.ts';
import { LogFollower } from './log-follower.ts';
import { LogStore } from './log-store.ts';
import { replayChunks } from './replay.ts';
import { TurnLog } from './turn-log.ts';

interface Shared {
  log: TurnLog;
  follower: LogFollower | undefined;
  users: number;
  ready: Promise<void>;
}

/** A log that is being read. */
export interface OpenedLog {
  log: TurnLog;
  /** Must be called once when the reader is done. */
  release: () => void;
}

/** The logs that are open on this replica: those that are produced here, and one follower for each that is read. */
@Injectable()
export class TurnLogs {
  private readonly produced = new Map<string, TurnLog>();
  private readonly followed = new Map<string, Shared>();

  constructor(
    private readonly database: TenantDatabase,
    private readonly keyRing: KeyRing,
    private readonly store: LogStore,
    private readonly bus: ReplicaBus,
    private readonly messages: MessagesRepository,
  ) {}

  /** Puts a log that this replica produces within reach of local readers. */
  addProduced(log: TurnLog): void {
    this.produced.set(log.turnId, log);
  }

  /** The log is no longer produced here; readers that have it keep it. */
  removeProduced(log: TurnLog): void {
    if (this.produced.get(log.turnId) === log) this.produced.delete(log.turnId);
  }

  /** Opens a turn's log wherever it runs or ran. Rejects when neither Redis nor Postgres can tell. */
  async open(ref: TurnRef): Promise<OpenedLog> {
    const own = this.produced.get(ref.turnId);
    if (own !== undefined && !own.broken) return { log: own, release: () => undefined };
    let shared = this.followed.get(ref.turnId);
    if (shared === undefined || shared.log.broken) {
      shared = this.follow(ref);
      this.followed.set(ref.turnId, shared);
    }
    shared.users += 1;
    const release = this.releaseOnce(ref.turnId, shared);
    try {
      await shared.ready;
    } catch (error) {
      release();
      throw error;
    }
    return { log: shared.log, release };
  }

  private follow(ref: TurnRef): Shared {
    const log = new TurnLog(ref.turnId, 0);
    const shared: Shared = { log, follower: undefined, users: 0, ready: Promise.resolve() };
    shared.ready = this.startFollowing(ref, shared);
    return shared;
  }

  private async startFollowing(ref: TurnRef, shared: Shared): Promise<void> {
    const cipher = new LogCipher(...(await this.keyRing.visitorKeys(ref.tenantId, ref.visitorId)));
    shared.follower = new LogFollower({
      tenantId: ref.tenantId,
      turnId: ref.turnId,
      log: shared.log,
      cipher,
      store: this.store,
      bus: this.bus,
      hasEnded: async () => {
        const turn = await this.find(ref);
        return turn === undefined || isFinal(turn.state);
      },
      renewKeys: async () => cipher.renew(await this.keyRing.visitorKeys(ref.tenantId, ref.visitorId, true)),
      replay: (log) => this.replay(ref, log),
    });
    await shared.follower.start();
  }

  private releaseOnce(turnId: string, shared: Shared): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      shared.users -= 1;
      if (shared.users > 0) return;
      shared.follower?.stop();
      if (this.followed.get(turnId) === shared) this.followed.delete(turnId);
    };
  }

  private async replay(ref: TurnRef, log: TurnLog): Promise<void> {
    const turn = await this.find(ref);
    if (turn === undefined) return log.break();
    const replayed = replayChunks({ tenantId: ref.tenantId, turn, answer: await this.answerOf(ref, turn) }, (code) =>
      problemText(problemOfCode(code)),
    );
    log.epoch = replayed.epoch;
    log.extend(0, replayed.chunks, true);
  }

  private find(ref: TurnRef): Promise<TurnRow | undefined> {
    return this.database.atOnce(ref.tenantId, (tx) => findTurn(tx, ref.tenantId, ref.turnId));
  }

  private async answerOf(ref: TurnRef, turn: TurnRow): Promise<string | undefined> {
    const message = await this.database.forTenant(ref.tenantId, (tx) => this.messages.byId(tx, ref.tenantId, turn.answerMessageId));
    if (message === undefined) return undefined;
    const [parts] = await openContents(this.keyRing, ref.tenantId, [message]);
    return parts === undefined ? undefined : textOf(parts);
  }
}
