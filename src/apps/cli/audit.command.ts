import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { JWK } from 'jose';
import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
import { z } from 'zod';
import { type EarlierHead, readHead, type Verdict, verifyAuditExport } from '../../modules/privacy/index.ts';
import { CliError, say } from './output.ts';

/** Longest wait for the installation's keys, in milliseconds. */
const keysWaitMs = 10_000;

const KeySet = z.object({ keys: z.array(z.looseObject({ kid: z.string() })).min(1) });
const HeadLine = z.object({ object: z.literal('audit_head'), head: z.string() });

interface VerifyArguments {
  jwks?: string;
  url?: string;
  since?: string;
  json?: boolean;
}

/** `parley audit verify <file> [--jwks file | --url url] [--since file] [--json]` */
@SubCommand({
  name: 'verify',
  arguments: '<file>',
  description: 'checks an export of the audit trail, row by row, without a server: exit status 1 names the first thing that is wrong',
})
export class VerifyAuditCommand extends CommandRunner {
  async run([file = '']: string[], options: VerifyArguments = {}): Promise<void> {
    const keys = await keysOf(options);
    const earlier = options.since === undefined ? undefined : await earlierHead(options.since, keys);
    const verdict = await verifyAuditExport(linesOf(file), { keys, earlier });
    if (options.json === true) say(JSON.stringify({ ...verdict, keys: keys === undefined ? 'of the file' : 'given' }, undefined, 2));
    if (verdict.fault !== undefined)
      throw new CliError(`${file} is not whole: ${verdict.fault.says} (${verdict.fault.kind}, line ${verdict.fault.line}).`);
    if (options.json !== true) report(file, verdict, keys !== undefined);
  }

  @Option({ flags: '--jwks <file>', description: "the installation's public keys, kept from /.well-known/jwks.json" })
  jwks(path: string): string {
    return path;
  }

  @Option({ flags: '--url <url>', description: 'the installation, to ask it for its public keys' })
  url(url: string): string {
    if (!URL.canParse(url) || !/^https?:/.test(url)) throw new CliError('--url must be a URL such as https://chat.example.com.');
    return url;
  }

  @Option({ flags: '--since <file>', description: 'an earlier export: what was signed then must still be there' })
  since(path: string): string {
    return path;
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley audit …` */
@Command({ name: 'audit', description: 'the record of who did what', subCommands: [VerifyAuditCommand] })
export class AuditCommand extends CommandRunner {
  run(): Promise<void> {
    return Promise.reject(new CliError('Say `audit verify <file>`.'));
  }
}

/** Everything under `parley audit`; it needs neither settings nor services. */
export const auditCommands = [AuditCommand, VerifyAuditCommand];

function report(file: string, { tenant, rows, head }: Verdict, given: boolean): void {
  if (head === undefined) return;
  const signed = new Date(head.iat * 1_000).toISOString();
  say(
    `${file} is whole: ${rows} rows of ${tenant}, ${head.from.seq + 1} to ${head.to.seq}, signed by ${head.iss} at ${signed} with key ${head.kid}.`,
  );
  if (!given) say('The key is the one in the file: name the installation’s own with --jwks or --url, or compare its id.');
}

async function keysOf({ jwks, url }: VerifyArguments): Promise<JWK[] | undefined> {
  if (jwks !== undefined) return keysIn(await readFile(jwks, 'utf8').catch(() => ''), jwks);
  if (url === undefined) return undefined;
  const address = new URL('/.well-known/jwks.json', url).href;
  const answer = await fetch(address, { signal: AbortSignal.timeout(keysWaitMs) }).catch(() => undefined);
  if (answer?.ok !== true) throw new CliError(`${address} does not answer with keys.`);
  return keysIn(await answer.text(), address);
}

function keysIn(text: string, from: string): JWK[] {
  const set = KeySet.safeParse(jsonOf(text));
  if (!set.success) throw new CliError(`${from} holds no JSON Web Key Set.`);
  return set.data.keys;
}

/** The head that an earlier export ends with. Its own keys do where none are given: what it says was kept by whoever checks. */
async function earlierHead(file: string, keys: JWK[] | undefined): Promise<EarlierHead> {
  let [first, last] = ['', ''];
  for await (const line of linesOf(file)) {
    if (first === '') first = line;
    if (line !== '') last = line;
  }
  const head = HeadLine.safeParse(jsonOf(last)).data?.head;
  const own = KeySet.safeParse(jsonOf(first)).data?.keys;
  const claims = head === undefined ? undefined : await readHead(head, keys ?? own ?? []);
  if (claims === undefined) throw new CliError(`${file} does not end with a head that one of the keys has signed.`);
  return claims;
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const stream = createReadStream(file, 'utf8');
  try {
    yield* createInterface({ input: stream, crlfDelay: Infinity });
  } catch {
    throw new CliError(`${file} cannot be read.`);
  } finally {
    stream.destroy();
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
