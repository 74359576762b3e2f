import type { INestApplication } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { MESSAGE_MAPPING_METADATA } from '@nestjs/websockets/constants.js';
import { mainMigrations } from '../../migrations/index.ts';
import { PlansAdmin } from '../modules/plans/index.ts';
import { row, rows, SystemDatabase, TenantDatabase, type Transaction } from '../platform/database/index.ts';
import { accessRuleOf } from '../platform/http/index.ts';
import { JobRegistry } from '../platform/queue/index.ts';
import { RedisConnections } from '../platform/redis/index.ts';

const nobody = '00000000-0000-0000-0000-000000000000';

/** Everything for which the server refuses to start, one sentence each. */
export class StartupError extends Error {
  override name = 'StartupError';

  constructor(readonly problems: string[]) {
    super(`Parley does not start:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/** Checks what must hold before the first request; throws StartupError with every problem at once. */
export async function checkBeforeServing(app: INestApplication): Promise<void> {
  const problems = [
    ...handlersWithoutAccess(app),
    ...app.get(JobRegistry).problems(),
    ...(await databaseProblems(app.get(TenantDatabase), app.get(SystemDatabase))),
    ...(await redisProblems(app.get(RedisConnections))),
    ...(await app.get(PlansAdmin).problems()),
  ];
  if (problems.length > 0) throw new StartupError(problems);
}

/** Routes and gateway messages that do not say who may call them. */
export function handlersWithoutAccess(app: INestApplication): string[] {
  const discovery = app.get(DiscoveryService);
  const scanner = new MetadataScanner();
  const problems: string[] = [];
  for (const { instance, metatype } of [...discovery.getControllers(), ...discovery.getProviders()]) {
    if (typeof metatype !== 'function' || typeof instance !== 'object' || instance === null) continue;
    const prototype = Object.getPrototypeOf(instance) as Record<string, unknown>;
    for (const name of scanner.getAllMethodNames(prototype)) {
      const handler = prototype[name];
      if (typeof handler !== 'function' || !isEntrance(handler) || accessRuleOf(handler) !== undefined) continue;
      problems.push(`${metatype.name}.${name} has no @Access: say who may call it.`);
    }
  }
  return problems;
}

function isEntrance(handler: object): boolean {
  return Reflect.hasMetadata(METHOD_METADATA, handler) || Reflect.hasMetadata(MESSAGE_MAPPING_METADATA, handler);
}

async function databaseProblems(tenant: TenantDatabase, system: SystemDatabase): Promise<string[]> {
  const [asTenant, asSystem, schema] = await Promise.all([
    tenant.forTenant(nobody, (tx) => roleProblems(tx, 'DATABASE_URL', 'parley_tenant')),
    system.run('startup-check', (tx) => roleProblems(tx, 'DATABASE_SYSTEM_URL', 'parley_system')),
    system.run('startup-check', schemaProblems),
  ]);
  return [...asTenant, ...asSystem, ...schema];
}

interface RoleRow {
  name: string;
  superuser: boolean;
  bypass: boolean;
  owns: boolean;
  member: boolean;
}

/** A runtime role that could get around row-level security. */
async function roleProblems(tx: Transaction, setting: string, group: string): Promise<string[]> {
  const role = await row<RoleRow>(
    tx,
    `SELECT rolname AS name, rolsuper AS superuser, rolbypassrls AS bypass,
       EXISTS (SELECT 1 FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
               AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owns,
       EXISTS (SELECT 1 FROM pg_roles g WHERE g.rolname = $1 AND pg_has_role(current_user, g.oid, 'MEMBER')) AS member
     FROM pg_roles WHERE rolname = current_user`,
    [group],
  );
  if (role === undefined) return [`The role of ${setting} cannot be looked up.`];
  const problems: string[] = [];
  if (role.superuser)
    problems.push(`The role of ${setting} is a superuser, which row-level security does not hold. Use a plain login role.`);
  if (role.bypass) problems.push(`The role of ${setting} has BYPASSRLS. Use a role without it.`);
  if (role.owns && !role.superuser) problems.push(`The role of ${setting} owns tables. Let the migrating role own them.`);
  if (!role.member) problems.push(`The role of ${setting} is not in the group ${group}. Run the migrate command with this setting.`);
  return problems;
}

async function schemaProblems(tx: Transaction): Promise<string[]> {
  const readable = await row<{ there: boolean }>(
    tx,
    `SELECT coalesce(has_table_privilege(to_regclass('public.migrations'), 'SELECT'), false) AS there`,
  );
  if (readable?.there !== true) return ['The schema is not there. Run the migrate command.'];
  const applied = new Set((await rows<{ name: string }>(tx, 'SELECT name FROM migrations')).map(({ name }) => name));
  const missing = mainMigrations.map((migration) => migration.name).filter((name) => !applied.has(name));
  return missing.length === 0 ? [] : [`The schema is not current (${missing.join(', ')} missing). Run the migrate command.`];
}

async function redisProblems(redis: RedisConnections): Promise<string[]> {
  const memory = await redis.commands.info('memory');
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
  return policy === 'noeviction' ? [] : [`Redis evicts keys (maxmemory-policy ${policy ?? 'unknown'}). Set it to noeviction.`];
}
