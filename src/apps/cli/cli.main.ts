import 'reflect-metadata';
import { Module, type DynamicModule } from '@nestjs/common';
import { CommandFactory } from 'nest-commander';
import { ChatModule } from '../../modules/chat/index.ts';
import { ModelsModule } from '../../modules/models/index.ts';
import { PlansModule } from '../../modules/plans/index.ts';
import { ConfigError } from '../../platform/config/index.ts';
import { RedisConnections } from '../../platform/redis/index.ts';
import { AppModule } from '../app.module.ts';
import { auditCommands } from './audit.command.ts';
import { DeadLettersCommand, ListDeadLettersCommand, RedriveCommand } from './dead-letters.command.ts';
import { keysCommands } from './keys.command.ts';
import { modelsCommands } from './models.command.ts';
import { CliError, say } from './output.ts';
import { plansCommands } from './plans.command.ts';
import { QueueCommand, QueueShareCommand, QueueStatusCommand } from './queue.command.ts';

/** Longest wait for Redis, in milliseconds. */
const redisWaitMs = 5_000;

/** What operators do from a terminal, on the same settings as the server. */
@Module({})
class CliModule {
  static from(env: NodeJS.ProcessEnv): DynamicModule {
    return {
      module: CliModule,
      imports: [AppModule.from(env), ChatModule, ModelsModule, PlansModule],
      providers: [
        ...auditCommands,
        DeadLettersCommand,
        ListDeadLettersCommand,
        RedriveCommand,
        ...plansCommands,
        ...modelsCommands,
        ...keysCommands,
        QueueCommand,
        QueueStatusCommand,
        QueueShareCommand,
      ],
    };
  }
}

/** What needs neither settings nor services: whoever checks an export has neither. */
@Module({ providers: auditCommands })
class OfflineModule {}

const factoryOptions = {
  logger: false,
  abortOnError: false,
  cliName: 'parley',
  serviceErrorHandler: (error: Error): never => {
    throw error;
  },
} as const;

async function main(): Promise<void> {
  if (process.argv[2] === 'audit') return CommandFactory.run(OfflineModule, factoryOptions);
  const app = await CommandFactory.createWithoutRunning(CliModule.from(process.env), factoryOptions);
  try {
    await app.get(RedisConnections, { strict: false }).whenReady(redisWaitMs);
    await CommandFactory.runApplication(app);
  } finally {
    await app.close();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const known = error instanceof CliError || error instanceof ConfigError;
    say(
      known || process.env['PARLEY_DEBUG'] === undefined ? (error instanceof Error ? error.message : 'unknown error') : String(error),
      process.stderr,
    );
    process.exit(1);
  },
);
