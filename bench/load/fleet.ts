import { join } from 'node:path';
import { type Asked, type Processes, root } from '../processes.ts';
import type { Answer, Command, Connect, Drive, Opened, Progress, ResumedAnswer, Storm } from './messages.ts';

/** Where load goes: the server, a bare relay, or the peer. */
export interface Target {
  name: 'parley' | 'relay' | 'portkey';
  pid: number;
  url: string;
  headers: Record<string, string>;
  speaks: Connect['speaks'];
  /** What completions ask it for; '' where it speaks frames. */
  model: string;
  /** Whether connections name a visitor. */
  namesVisitors: boolean;
  ask: Asked['ask'];
}

/** How to open sockets. */
export interface OpenOptions {
  count: number;
  addresses?: number;
  concurrency?: number;
}

/** Some load processes that act as one. */
export class Fleet {
  private readonly members: Asked[];
  private readonly name: string;

  constructor(processes: Processes, name: string, size: number, folder: string) {
    this.name = name;
    const script = join(root, 'bench', 'load', 'load.main.ts');
    const env = { PATH: process.env['PATH'], NODE_ENV: 'production' };
    this.members = Array.from({ length: size }, (_, at) =>
      processes.start({ command: [script], env, logFile: join(folder, `${name}-${at}.log`) }),
    );
  }

  /** Ids of its processes. */
  get pids(): number[] {
    return this.members.map(({ pid }) => pid);
  }

  /** Opens sockets to a target, or in turn to several equal ones, shared out between the processes. Throws when one does not open. */
  async open(targets: Target | [Target, ...Target[]], { count, addresses = 1, concurrency = 16 }: OpenOptions): Promise<void> {
    const all = Array.isArray(targets) ? targets : ([targets] as const);
    const [target] = all;
    const opened = await this.tell<Opened>(
      (at) => ({
        do: 'connect',
        urls: all.map(({ url }) => url),
        headers: target.headers,
        speaks: target.speaks,
        model: target.model,
        count: this.share(count, at),
        visitors: target.namesVisitors ? `${this.name}-${at}` : '',
        addresses,
        concurrency,
      }),
      120_000,
    );
    const failures = opened.flatMap((each) => each.failures);
    const total = opened.reduce((sum, each) => sum + each.opened, 0);
    if (total !== count) throw new Error(`only ${total} of ${count} sockets to ${target.name} opened: ${failures[0] ?? 'no reason given'}`);
  }

  /** Asks on all sockets; see `Drive`. */
  async drive(drive: Omit<Drive, 'do'>): Promise<Answer[]> {
    const command = (at: number): Command => ({ do: 'drive', ...drive, tag: `${drive.tag}-${this.name}${at}` });
    return (await this.tell<Answer[]>(command, drive.spreadMs + drive.forMs + drive.answerLimitMs + 10_000)).flat();
  }

  /** Runs readers that resume on the second target when they lose the first, shared out between the processes; see `Storm`. */
  async storm(targets: [Target, Target], storm: Omit<Storm, 'do' | 'urls' | 'headers' | 'visitors'>): Promise<ResumedAnswer[]> {
    const command = (at: number): Command => ({
      do: 'storm',
      ...storm,
      urls: [targets[0].url, targets[1].url],
      headers: targets[0].headers,
      visitors: `${this.name}-${at}`,
      count: this.share(storm.count, at),
      tag: `${storm.tag}-${this.name}${at}`,
    });
    return (await this.tell<ResumedAnswer[]>(command, storm.spreadMs + storm.answerLimitMs + 10_000)).flat();
  }

  /** What was received so far by all, the busiest process's event loop since the last look, and sockets lost. */
  async look(): Promise<Progress> {
    const all = await this.tell<Progress>(() => ({ do: 'look' }));
    return {
      tokens: all.reduce((sum, each) => sum + each.tokens, 0),
      begun: all.reduce((sum, each) => sum + each.begun, 0),
      loop: Math.max(...all.map((each) => each.loop)),
      lost: all.reduce((sum, each) => sum + each.lost, 0),
    };
  }

  /** Closes all sockets. */
  async close(): Promise<void> {
    await this.tell(() => ({ do: 'close' }));
  }

  private tell<T>(command: (at: number) => Command, limitMs?: number): Promise<T[]> {
    return Promise.all(this.members.map((member, at) => member.ask<T>(command(at), limitMs)));
  }

  private share(count: number, at: number): number {
    return Math.floor(count / this.members.length) + (at < count % this.members.length ? 1 : 0);
  }
}
