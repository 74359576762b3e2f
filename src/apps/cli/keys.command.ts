import { Inject } from '@nestjs/common';
import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
import { z } from 'zod';
import { publicId, uuidOf } from '../../kernel/ids.ts';
import { type ChatConfig, chatConfig } from '../../modules/chat/index.ts';
import { type AuditAction, auditTrail } from '../../platform/audit/index.ts';
import { KeyCare, type KeyJob, KeyRotation, platformTenant, Reencryption, type Rotated } from '../../platform/crypto/index.ts';
import { TenantDatabase } from '../../platform/database/index.ts';
import { CliError, say, table } from './output.ts';

/** How the platform's own keys are asked for, where a tenant is. */
const platformWord = 'platform';

interface TenantOption {
  tenant?: string;
}

function tenantOf({ tenant }: TenantOption): string {
  if (tenant === undefined) throw new CliError(`Say --tenant: the id of a tenant (ten_…), or ${platformWord}.`);
  return tenant;
}

function tenantUuid(given: string): string {
  const id = given === platformWord ? platformTenant : uuidOf('tenant', given);
  if (id === undefined)
    throw new CliError(`${given} is not the id of a tenant; it looks like ten_…. The platform's own keys are those of ${platformWord}.`);
  return id;
}

/** Leaves an entry in the tenant's audit trail. The keys themselves are in another database: it is written when the act is done. */
async function note(
  database: TenantDatabase,
  tenantId: string,
  action: AuditAction,
  detail: Record<string, string | number>,
): Promise<void> {
  // The platform has no trail.
  if (tenantId === platformTenant) return;
  await database.forTenant(tenantId, async (tx) =>
    auditTrail.record(tx, tenantId, { actor: { kind: 'operator', id: 'cli' }, action, object: { kind: 'key', id: 'tenant' }, detail }),
  );
}

function nameOf(tenantId: string): string {
  return tenantId === platformTenant ? platformWord : publicId('tenant', tenantId);
}

/** Says what did not open, and makes the command fail. */
function failOn(closed: string[]): void {
  if (closed.length === 0) return;
  for (const id of closed.slice(0, 20)) say(`${id} does not open, and stays as it is.`, process.stderr);
  throw new CliError(`${closed.length} keys do not open. \`parley keys verify\` says more.`);
}

/** Shows at most one line a second. */
function progress<T>(line: (soFar: T) => string): (soFar: T) => void {
  let last = performance.now();
  return (soFar) => {
    if (performance.now() - last < 1_000) return;
    last = performance.now();
    say(line(soFar), process.stderr);
  };
}

function ofJob(job: KeyJob): string {
  const at = job.place === '' ? '' : ` in ${job.place}`;
  return `${job.seen} looked at, ${job.changed} changed, ${job.unreadable} closed${at}`;
}

/** `parley keys status [--json]` */
@SubCommand({ name: 'status', description: 'how many keys there are, by level, state and what wraps them; and how far jobs are' })
export class KeysStatusCommand extends CommandRunner {
  constructor(private readonly care: KeyCare) {
    super();
  }

  async run(_arguments: string[], options: { json?: boolean } = {}): Promise<void> {
    const { counts, jobs } = await this.care.status();
    const keys = counts.map(({ level, state, wrappedBy, keys: count }) => ({ level, state, 'wrapped by': wrappedBy, keys: count }));
    const shown = jobs.map((job) => ({
      job: job.kind,
      tenant: nameOf(job.tenantId),
      state: job.state,
      seen: job.seen,
      changed: job.changed,
      closed: job.unreadable,
      at: job.state === 'done' ? '' : job.place,
      updated: job.updatedAt.toISOString(),
    }));
    if (options.json === true) return say(JSON.stringify({ keys, jobs: shown }, undefined, 2));
    table(keys, false);
    if (shown.length === 0) return;
    say('');
    table(shown, false);
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley keys rotate --level master|tenant|visitors [--tenant ten_…]` */
@SubCommand({ name: 'rotate', description: 'a new version at one level, while the server serves; run it again when it was interrupted' })
export class RotateKeysCommand extends CommandRunner {
  constructor(
    private readonly rotation: KeyRotation,
    private readonly database: TenantDatabase,
  ) {
    super();
  }

  async run(_arguments: string[], options: TenantOption & { level?: string } = {}): Promise<void> {
    if (options.level === 'master') {
      const { changed, closed } = await this.rotation.master(progress((soFar: Rotated) => `${soFar.changed} wrapped anew`));
      say(`${changed} keys and secrets are wrapped by the current master key now. Others that it opens had been before.`);
      return failOn(closed);
    }
    if (options.level === 'tenant') {
      const tenantId = tenantOf(options);
      const { changed, closed } = await this.rotation.tenant(tenantId);
      await note(this.database, tenantId, 'key.rotate', { level: 'tenant' });
      say(`${nameOf(tenantId)} has a new key, which wraps ${changed} keys of visitors. What the old one sealed opens as before.`);
      return failOn(closed);
    }
    if (options.level !== 'visitors') throw new CliError('Say --level master, tenant or visitors.');
    const tenantId = tenantOf(options);
    const job = await this.rotation.visitors(tenantId, progress(ofJob));
    await note(this.database, tenantId, 'key.rotate', { level: 'visitors', count: job.changed });
    say(`${job.changed} visitors have a new key. What the old ones sealed opens as before.`);
  }

  @Option({ flags: '--level <level>', description: 'master: wraps with the current master key what earlier ones wrap; tenant; visitors' })
  level(given: string): string {
    return given;
  }

  @Option({ flags: '--tenant <tenant>', description: `a tenant, or ${platformWord}` })
  tenant(given: string): string {
    return tenantUuid(given);
  }
}

/** `parley keys reencrypt --tenant ten_…` */
@SubCommand({
  name: 'reencrypt',
  description: 'encrypts what a tenant has stored under old versions anew; goes on where it was interrupted',
})
export class ReencryptCommand extends CommandRunner {
  constructor(
    private readonly reencryption: Reencryption,
    private readonly database: TenantDatabase,
  ) {
    super();
  }

  async run(_arguments: string[], options: TenantOption = {}): Promise<void> {
    const tenantId = tenantOf(options);
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    process.once('SIGTERM', () => stop.abort());
    const job = await this.reencryption.run(tenantId, progress(ofJob), stop.signal);
    await note(this.database, tenantId, 'key.reencrypt', { state: job.state, count: job.changed });
    say(`${nameOf(tenantId)}: ${ofJob(job)}.`);
    if (job.state === 'running') throw new CliError('Stopped; the same command goes on from there.');
    if (job.unreadable > 0)
      throw new CliError(`${job.unreadable} values do not open. \`parley keys verify --all\` says which keys they name.`);
  }

  @Option({ flags: '--tenant <tenant>', description: `a tenant, or ${platformWord}` })
  tenant(given: string): string {
    return tenantUuid(given);
  }
}

/** `parley keys retire --tenant ten_… [--version id]` */
@SubCommand({
  name: 'retire',
  description: 'ends old versions of a tenant and its visitors that nothing needs any more: they open nothing then',
})
export class RetireKeysCommand extends CommandRunner {
  constructor(
    private readonly care: KeyCare,
    private readonly rotation: KeyRotation,
    private readonly database: TenantDatabase,
    @Inject(chatConfig.token) private readonly chat: ChatConfig,
  ) {
    super();
  }

  async run(_arguments: string[], options: TenantOption & { version?: string } = {}): Promise<void> {
    const tenantId = tenantOf(options);
    if (options.version !== undefined) {
      if (!(await this.care.retireAnyway(tenantId, options.version)))
        throw new CliError(`${nameOf(tenantId)} has no old version ${options.version}.`);
      await note(this.database, tenantId, 'key.retire', { version: options.version });
      return say(`${options.version} is retired. What it sealed stays closed.`);
    }
    failOn((await this.rotation.rewrapVisitors(tenantId)).closed);
    const { retired, inUse } = await this.care.retire(tenantId, this.chat.turnDeadlineMs + this.chat.logGraceMs);
    await note(this.database, tenantId, 'key.retire', { count: retired });
    say(`${retired} versions are retired. ${inUse} are kept: content is sealed with them (\`parley keys reencrypt\` changes that).`);
  }

  @Option({ flags: '--tenant <tenant>', description: `a tenant, or ${platformWord}` })
  tenant(given: string): string {
    return tenantUuid(given);
  }

  @Option({ flags: '--version <id>', description: 'this old version, though content may need it; that content can be read by nobody then' })
  version(given: string): string {
    if (!z.uuid().safeParse(given).success) throw new CliError('--version must be the id of a version, a UUID.');
    return given;
  }
}

/** `parley keys verify [--tenant ten_…] [--all] [--json]` */
@SubCommand({ name: 'verify', description: 'opens every wrapped key, and looks whether the keys that stored content names are there' })
export class VerifyKeysCommand extends CommandRunner {
  constructor(private readonly care: KeyCare) {
    super();
  }

  async run(_arguments: string[], { tenant, all, json }: TenantOption & { all?: boolean; json?: boolean } = {}): Promise<void> {
    const found = await this.care.verify(
      { tenantId: tenant, all },
      progress(({ keys, rows, problems }) => `${keys} keys and ${rows} values, ${problems.length} problems so far`),
    );
    if (json === true) say(JSON.stringify(found, undefined, 2));
    else for (const problem of found.problems) say(problem);
    if (found.problems.length > 0)
      throw new CliError(`${found.problems.length} problems among ${found.keys} keys and ${found.rows} values.`);
    if (json !== true) say(`${found.keys} keys open; ${found.rows} stored values name keys that are there.`);
  }

  @Option({ flags: '--tenant <tenant>', description: `one tenant, or ${platformWord}; all without it` })
  tenant(given: string): string {
    return tenantUuid(given);
  }

  @Option({ flags: '--all', description: 'the headers of all stored values, not of the first thousand rows of each column', name: 'all' })
  allRows(): boolean {
    return true;
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley keys …` */
@Command({
  name: 'keys',
  description: 'master, tenant and visitor keys: their versions, rotation and end',
  subCommands: [KeysStatusCommand, RotateKeysCommand, ReencryptCommand, RetireKeysCommand, VerifyKeysCommand],
})
export class KeysCommand extends CommandRunner {
  run(): Promise<void> {
    return Promise.reject(new CliError('Say `keys status`, `keys rotate`, `keys reencrypt`, `keys retire` or `keys verify`.'));
  }
}

/** Everything under `parley keys`. */
export const keysCommands = [KeysCommand, KeysStatusCommand, RotateKeysCommand, ReencryptCommand, RetireKeysCommand, VerifyKeysCommand];
