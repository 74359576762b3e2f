import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Disturbance, FaultPipe } from './fault-pipe.ts';
import { SeededRandom } from './random.ts';

/** Where the bytes go. */
export interface Upstream {
  host: string;
  port: number;
}

interface Connection {
  reset: () => void;
  move: () => void;
}

/**
 * A TCP proxy on loopback that disturbs what passes: delays, resets, tiny writes, silence, a COMMIT that is held. Order is kept and
 * nothing is invented, so all that it does a real network does too. One seed gives the same decisions in the same order of chunks.
 */
export class FaultProxy {
  readonly port: number;
  private readonly connectionsNow = new Set<Connection>();
  private readonly disturbance: Disturbance = {
    stalled: false,
    delay: { minMs: 0, maxMs: 0 },
    slices: 0,
    resetChance: 0,
    holdCommitsMs: 0,
  };
  private refuses = false;

  private readonly server: Server;
  private readonly upstream: Upstream;
  private readonly random: SeededRandom;

  private constructor(server: Server, upstream: Upstream, random: SeededRandom) {
    this.server = server;
    this.upstream = upstream;
    this.random = random;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => this.accepted(client));
  }

  /** Listens on a free port of loopback; passes everything on undisturbed until told otherwise. */
  static async start(upstream: Upstream, { seed = 1 }: { seed?: number } = {}): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(server, upstream, new SeededRandom(seed));
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.connectionsNow.size;
  }

  /** The proxy's own address, such as `http://127.0.0.1:1234`. */
  url(scheme: string): string {
    return `${scheme}://127.0.0.1:${this.port}`;
  }

  /** Destroys all connections of this moment; new ones are served. */
  cut(): void {
    for (const connection of [...this.connectionsNow]) connection.reset();
  }

  /** Resets all connections, and new ones as they come. */
  refuse(): void {
    this.refuses = true;
    this.cut();
  }

  /** Serves new connections again. */
  accept(): void {
    this.refuses = false;
  }

  /** A black hole: connections stay, new ones are accepted, nothing moves either way. What was under way is held; nothing more is read. */
  stall(): void {
    this.disturbance.stalled = true;
    this.moveAll();
  }

  /** Ends the black hole; what was held goes on. */
  resume(): void {
    this.disturbance.stalled = false;
    this.moveAll();
  }

  /** Delays each chunk by a random time between these, in milliseconds. Zeros end it. */
  setDelay(delay: { minMs: number; maxMs: number }): void {
    this.disturbance.delay = delay;
  }

  /** Writes at most `bytes` at a time; 0 ends it. */
  setSlices(bytes: number): void {
    this.disturbance.slices = bytes;
  }

  /** Resets a connection with this chance for each chunk that comes. */
  setResetChance(probability: number): void {
    this.disturbance.resetChance = probability;
  }

  /** Holds each message to Postgres that contains a COMMIT, and what comes after it, for `ms` milliseconds; 0 ends it. */
  holdCommits(ms: number): void {
    this.disturbance.holdCommitsMs = ms;
  }

  /** Ends every disturbance. */
  heal(): void {
    this.setDelay({ minMs: 0, maxMs: 0 });
    this.setSlices(0);
    this.setResetChance(0);
    this.holdCommits(0);
    this.accept();
    this.resume();
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.refuse();
    await closed;
  }

  private moveAll(): void {
    for (const connection of this.connectionsNow) connection.move();
  }

  private accepted(client: Socket): void {
    if (this.refuses) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...this.upstream, allowHalfOpen: true, noDelay: true });
    const reset = () => {
      for (const pipe of pipes) pipe.stop();
      resetSocket(client);
      resetSocket(upstream);
      this.connectionsNow.delete(connection);
    };
    const { disturbance } = this;
    const pipes = [
      new FaultPipe(client, upstream, { disturbance, reset, random: this.random, findCommits: true }),
      new FaultPipe(upstream, client, { disturbance, reset, random: this.random, findCommits: false }),
    ];
    const connection: Connection = { reset, move: () => pipes.forEach((pipe) => pipe.move()) };
    this.connectionsNow.add(connection);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', reset);
      socket.once('close', () => {
        if (other.destroyed) this.connectionsNow.delete(connection);
        // Its last bytes may still be on their way to the other side, which ends after them.
        else if (!socket.readableEnded) reset();
      });
    }
  }
}

/** Ends a socket with a TCP reset. One that is just saying goodbye cannot be reset: Node would leave its handle open. */
function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
