import { Inject, Injectable, Logger } from '@nestjs/common';
import { KeyChanges } from '../../../platform/crypto/index.ts';
import { metrics, safeError } from '../../../platform/telemetry/index.ts';
import { CredentialWatch, VisitorBans } from '../../identity/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import type { ChatSocket } from './chat-socket.ts';
import { closeCodes, serverFrame } from './frames.ts';
import { PlanLimits, TenantSockets } from '../../plans/index.ts';
import { VisitorSockets } from './visitor-sockets.ts';

/** How often sockets are looked at for readers that have caught up, or have been behind for too long, in milliseconds. */
const readerCheckMs = 100;
/** How often some of the sockets are pinged, in milliseconds: all at once would hold up everything else. */
const pingTickMs = 100;
/** How often the credentials behind open sockets are checked, in milliseconds: revoked ones close within five seconds. */
const credentialCheckMs = 3_000;

/** All open sockets of this replica, with one timer for each concern instead of one per socket. */
@Injectable()
export class ChatSockets {
  private readonly logger = new Logger(ChatSockets.name);
  private readonly sockets = new Set<ChatSocket>();
  private readonly timers: NodeJS.Timeout[] = [];
  private draining = false;
  /** The sockets that are still to be pinged in this round, and how many of them with each tick. */
  private pinging: { left: Iterator<ChatSocket, undefined>; share: number } | undefined;
  /** Monotonic milliseconds of the next round. */
  private nextPings = 0;

  constructor(
    private readonly watch: CredentialWatch,
    private readonly visitors: VisitorSockets,
    private readonly tenants: TenantSockets,
    private readonly plans: PlanLimits,
    private readonly keyChanges: KeyChanges,
    private readonly bans: VisitorBans,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {}

  /** Starts the timers. */
  start(): void {
    this.keyChanges.onErased((erased, subjectId) =>
      this.closeThose(
        (tenant, visitor) => tenant === erased && (subjectId === null || visitor === subjectId),
        closeCodes.credential,
        'erased',
      ),
    );
    this.bans.onBan((isBanned) => this.closeThose(isBanned, closeCodes.forbidden, 'visitor_banned'));
    this.nextPings = performance.now() + this.config.pingMs;
    this.timers.push(
      setInterval(() => this.checkReaders(), readerCheckMs),
      setInterval(() => this.pingSome(), Math.min(pingTickMs, this.config.pingMs)),
      setInterval(() => void this.checkCredentials(), credentialCheckMs),
    );
  }

  /** Open sockets. */
  get size(): number {
    return this.sockets.size;
  }

  /** Adds a socket, unless its visitor or its tenant has too many or the replica is about to stop. */
  async add(socket: ChatSocket): Promise<'added' | 'full' | 'draining'> {
    if (this.draining) return 'draining';
    const { tenantId } = socket.party;
    const { limits } = await this.plans.of(tenantId);
    if (!(await this.visitors.take(socket.party))) return 'full';
    if (!(await this.tenants.take(tenantId, limits.open_sockets))) {
      this.visitors.giveBack(socket.party);
      return 'full';
    }
    if (this.draining) {
      this.giveBack(socket);
      return 'draining';
    }
    this.sockets.add(socket);
    metrics.openSockets.set(this.sockets.size);
    return 'added';
  }

  /** Removes a socket that has closed. */
  remove(socket: ChatSocket, code: number): void {
    socket.dispose();
    if (!this.sockets.delete(socket)) return;
    this.giveBack(socket);
    metrics.openSockets.set(this.sockets.size);
    metrics.socketsClosed.inc({ code: String(code) });
  }

  private giveBack({ party }: ChatSocket): void {
    this.visitors.giveBack(party);
    this.tenants.giveBack(party.tenantId);
  }

  /** Refuses new sockets and closes all with 1012, spread over `overMs` milliseconds. */
  async drain(overMs: number): Promise<void> {
    this.draining = true;
    const all = [...this.sockets];
    const pause = all.length === 0 ? 0 : overMs / all.length;
    let due = performance.now();
    for (const socket of all) {
      socket.send(serverFrame.notice('draining'));
      socket.close(closeCodes.restart, 'restart');
      due += pause;
      const wait = due - performance.now();
      if (wait >= 5) await new Promise((resolve) => setTimeout(resolve, wait));
    }
    for (const timer of this.timers) clearInterval(timer);
  }

  private closeThose(matches: (tenantId: string, visitorId: string) => boolean, code: number, reason: string): void {
    for (const socket of this.sockets) if (matches(socket.party.tenantId, socket.party.visitorId)) socket.close(code, reason);
  }

  private checkReaders(): void {
    const now = performance.now();
    for (const socket of this.sockets) {
      if (socket.behindSince === 0) continue;
      if (socket.keepsUp) {
        socket.behindSince = 0;
        socket.resume();
      } else if (now - socket.behindSince >= this.config.slowReaderMs) socket.close(closeCodes.overload, 'reader too slow; resume');
    }
  }

  /** Goes once through all sockets in each interval between two pings, a share of them with each tick. */
  private pingSome(): void {
    const { pingMs } = this.config;
    const now = performance.now();
    if (this.pinging === undefined) {
      if (now < this.nextPings) return;
      this.nextPings = now + pingMs;
      this.pinging = { left: this.sockets.values(), share: Math.ceil((this.sockets.size * pingTickMs * 2) / pingMs) };
    }
    const { left, share } = this.pinging;
    for (let count = 0; count < share; count += 1) {
      const { value: socket } = left.next();
      if (socket === undefined) {
        this.pinging = undefined;
        return;
      }
      this.ping(socket, now);
    }
  }

  private ping(socket: ChatSocket, now: number): void {
    if (socket.missedPongs >= 2) socket.ws.terminate();
    else if (socket.requests.size === 0 && now - socket.lastRequestAt >= this.config.idleMs) socket.close(closeCodes.idle, 'idle');
    else {
      socket.missedPongs += 1;
      socket.ws.ping();
    }
  }

  private async checkCredentials(): Promise<void> {
    const all = [...this.sockets];
    if (all.length === 0) return;
    try {
      await this.bans.lookAgain();
      const live = await this.watch.check(all.map(({ principal }) => principal));
      for (const [at, socket] of all.entries()) if (live[at] === false) socket.close(closeCodes.credential, 'credential no longer valid');
    } catch (error) {
      this.logger.debug({ error: safeError(error) }, 'credentials could not be checked; trying again');
    }
  }
}
