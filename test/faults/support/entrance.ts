import { join } from 'node:path';
import { FaultProxy } from './fault-proxy.ts';
import type { SeededRandom } from './random.ts';
import type { ReplicaProcess } from './replica-process.ts';

/** How clients get in: to a replica of their choice, or to a proxy that chooses. */
export interface Entrance {
  /** Where the next request goes. */
  target: (random: SeededRandom) => { url: string; name: string };
  /** The fault proxies on this way. */
  proxies: FaultProxy[];
  close: () => Promise<void>;
}

/** Opens the way in, with a fault proxy before each replica, or before the real proxy. */
export async function openEntrance(options: {
  kind: 'none' | 'haproxy' | 'nginx' | 'apache';
  replicas: ReplicaProcess[];
  folder: string;
  seed: number;
}): Promise<Entrance> {
  const { kind, replicas, folder, seed } = options;
  const host = '127.0.0.1';
  if (kind === 'none') {
    const ways: { proxy: FaultProxy; name: string }[] = [];
    for (const [at, { name, port }] of replicas.entries())
      ways.push({ name, proxy: await FaultProxy.start({ host, port }, { seed: seed + at }) });
    return {
      target: (random) => {
        const way = random.pick(ways);
        return { url: way.proxy.url('http'), name: way.name };
      },
      proxies: ways.map(({ proxy }) => proxy),
      close: async () => void (await Promise.all(ways.map(({ proxy }) => proxy.close()))),
    };
  }
  // Only here: the programs are looked for when they are asked for.
  const { startProxy } = await import('../../../scripts/local/proxies.mjs');
  const behind = replicas.map(({ name, port }) => ({ name, host, port }));
  const real = await startProxy({ kind, dir: join(folder, kind), replicas: behind, logFile: join(folder, `${kind}.log`) });
  const before = await FaultProxy.start({ host, port: real.port }, { seed });
  return {
    target: () => ({ url: before.url('http'), name: kind }),
    proxies: [before],
    close: async () => {
      await before.close();
      await real.stop();
    },
  };
}
