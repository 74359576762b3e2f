import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { newSecret, publicId } from '../kernel/ids.ts';
import { rolePermissions } from '../kernel/permissions.ts';
import { BotsService } from '../modules/bots/index.ts';
import { ApiKeys, SignUp } from '../modules/identity/index.ts';
import { PlansAdmin } from '../modules/plans/index.ts';
import { RedisConnections } from '../platform/redis/index.ts';
import { AppModule } from './app.module.ts';

const instructions = `You are the assistant of Parley, a self-hosted chatbot backend. Be friendly, short and honest.
Parley keeps an acknowledged message even when a server dies in the middle of an answer.
Parley encrypts messages with a key per visitor; deleting the key makes them unreadable everywhere.
Parley speaks the AI SDK's WebSocket frames, server-sent events and the OpenAI API, so existing clients work unmodified.
A bot is made with POST /v1/bots; a page asks for a chat ticket with a publishable key.`;

/** What the demo tenant is reached with. */
export interface DemoTenant {
  email: string;
  password: string;
  api_key: string;
  publishable_key: string;
  tenant_id: string;
  bot_id: string;
}

/** Makes a tenant with an owner, a bot and two keys, for trying Parley out. `origins` are where its bot may be embedded. */
export async function seedDemo(env: NodeJS.ProcessEnv, origins: string[]): Promise<DemoTenant> {
  const app = await NestFactory.createApplicationContext(AppModule.from(env), { logger: false, abortOnError: false });
  try {
    await app.get(RedisConnections).whenReady(5_000);
    const email = 'demo@parley.example';
    const password = newSecret(12);
    const { tenantId } = await app.get(SignUp, { strict: false }).signUp({ email, password, tenantName: 'Demo' });
    // Whoever tries Parley out, or measures it, is not to run into a trial's limits.
    await app.get(PlansAdmin, { strict: false }).assign(tenantId, { planId: 'enterprise', overrides: {}, trialEndsAt: null });
    const actor = { kind: 'operator', id: 'seed-demo' } as const;
    const bot = await app.get(BotsService, { strict: false }).create(
      { tenantId, actor },
      {
        name: 'Demo bot',
        instructions,
        greeting: 'Hello! I am the demo bot of this Parley. Ask me anything.',
        model: null,
        temperature: null,
        top_p: null,
        max_output_tokens: null,
        skills: [],
        enforce_identity: false,
        privacy: null,
        injection: null,
        allowed_origins: origins,
        metadata: {},
      },
    );
    const keys = app.get(ApiKeys, { strict: false });
    const owner = { tenantId, actor, permissions: rolePermissions.owner };
    const secret = await keys.create(owner, { name: 'Demo server', kind: 'secret', mode: 'test' });
    const publishable = await keys.create(owner, { name: 'Demo page', kind: 'publishable', mode: 'test', bot_id: bot.id });
    return {
      email,
      password,
      api_key: secret.key,
      publishable_key: publishable.key,
      tenant_id: publicId('tenant', tenantId),
      bot_id: bot.id,
    };
  } finally {
    await app.close();
  }
}

if (import.meta.main) {
  const { PUBLIC_URL: publicUrl = 'http://localhost:3000' } = process.env;
  const origins = [...new Set([publicUrl, publicUrl.replace('//localhost', '//127.0.0.1')])];
  seedDemo(process.env, origins).then(
    (demo) => {
      process.stdout.write(`${JSON.stringify(demo)}\n`);
      process.exit(0);
    },
    (error: unknown) => {
      process.stderr.write(`The demo tenant could not be made: ${error instanceof Error ? error.message : 'unknown error'}\n`);
      process.exit(1);
    },
  );
}
