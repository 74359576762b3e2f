import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { root } from './processes.ts';

/** V8's CPU profile, as `--cpu-prof` writes it: the parts that are read. */
interface CpuProfile {
  nodes: { id: number; callFrame: Frame; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
}

interface Frame {
  functionName: string;
  url: string;
  lineNumber: number;
}

/** Time of one function, or of one group of them, without what it calls. */
export interface SelfTime {
  name: string;
  group: string;
  /** Microseconds for each token, or whatever was counted. */
  each: number;
  /** Share of the time in which the process was not idle. */
  share: number;
}

/** Where the time went. */
export interface ProfileSummary {
  functions: SelfTime[];
  groups: SelfTime[];
  /** Whole parts of the server's work: what they call, down to Node and the kernel, is in them. */
  parts: SelfTime[];
}

/** Which part a file of the server or a package belongs to; the innermost that matches on the stack has the time. */
const parts: [string, RegExp][] = [
  ['log: encryption', /src\/modules\/chat\/stream\/log-cipher\./],
  ['log: batches', /src\/modules\/chat\/stream\/(log-store|log-flusher|log-producer)\./],
  ['Redis client: log, rates, hints', /node_modules\/(ioredis|redis-parser|@ioredis|standard-as-callback|denque)\//],
  ['WebSocket frames', /node_modules\/(ws|@nestjs|rxjs|zod)\/|src\/modules\/chat\/(gateway\/|stream\/(log-cursor|turn-log)\.)/],
  ['plans and quotas', /src\/modules\/(plans\/|chat\/turn\/(turn-quota|turn-door|left-reservations)\.)/],
  ['routing: targets, pacing, routes', /src\/modules\/models\/(routing|pacing|routes|health)\//],
  ['model stream', /src\/modules\/models\/|node_modules\/(undici|openai|eventsource-parser)\//],
  ['Postgres client', /src\/platform\/database\/|node_modules\/(pg|pg-pool|pg-protocol|typeorm)\//],
  ['content: encryption, keys, hashes', /src\/platform\/crypto\//],
  ['credentials', /src\/modules\/identity\//],
  ['token counting', /node_modules\/gpt-tokenizer\//],
  ['turns', /src\/modules\/chat\/|src\/modules\/(conversations|bots)\//],
];

/** Adds up a profile by function and by package, source folder or part of Node, divided by `count`. */
export function summarise(file: string, count: number): ProfileSummary {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, SelfTime>();
  const groups = new Map<string, SelfTime>();
  const ofParts = new Map<string, SelfTime>();
  const partOf = partsOf(profile);
  let busy = 0;
  for (const [at, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    if (frame === undefined || frame.functionName === '(idle)') continue;
    const time = profile.timeDeltas[at + 1] ?? 0;
    busy += time;
    const group = groupOf(frame.url, frame.functionName);
    const place = frame.url === '' ? '' : ` (${shortUrl(frame.url)}:${frame.lineNumber + 1})`;
    add(functions, `${frame.functionName || '(anonymous)'}${place}`, group, time);
    add(groups, group, group, time);
    const part = partOf.get(id) ?? 'event loop and the rest';
    add(ofParts, part, part, time);
  }
  const finish = (times: Map<string, SelfTime>) =>
    [...times.values()]
      .map((entry) => ({ ...entry, each: entry.each / count, share: entry.each / busy }))
      .toSorted((a, b) => b.each - a.each);
  return { functions: finish(functions), groups: finish(groups), parts: finish(ofParts) };
}

/** The part of each node of the call tree: its own file's, or else its caller's. */
function partsOf({ nodes }: CpuProfile): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const called = new Set(nodes.flatMap(({ children = [] }) => children));
  const found = new Map<number, string>();
  const open = nodes.filter(({ id }) => !called.has(id)).map(({ id }) => ({ id, outer: undefined as string | undefined }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const node = byId.get(next.id);
    if (node === undefined) continue;
    const { url, functionName } = node.callFrame;
    const own = functionName === '(garbage collector)' ? 'garbage collection' : parts.find(([, files]) => files.test(url))?.[0];
    const part = own ?? next.outer;
    if (part !== undefined) found.set(next.id, part);
    for (const id of node.children ?? []) open.push({ id, outer: part });
  }
  return found;
}

function add(times: Map<string, SelfTime>, name: string, group: string, time: number): void {
  const entry = times.get(name) ?? { name, group, each: 0, share: 0 };
  entry.each += time;
  times.set(name, entry);
}

function groupOf(url: string, functionName: string): string {
  if (url === '') return functionName === '(garbage collector)' ? 'garbage collection' : 'native code';
  if (url.startsWith('node:')) return url.startsWith('node:internal/') ? `node: ${url.split('/').slice(1, 2).join('')}` : url;
  const path = pathOf(url);
  const inPackage = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  if (inPackage !== undefined) return inPackage;
  return path.replace(/\/[^/]*$/, '');
}

function shortUrl(url: string): string {
  return pathOf(url).replace(/^.*node_modules\//, '');
}

function pathOf(url: string): string {
  if (!url.startsWith('file:')) return url;
  const path = fileURLToPath(url);
  // Any build of the server is named like its source.
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1).replace(/^(?!node_modules).*?(?=src\/)/, '') : path;
}
