import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, APP_PIPE, DiscoveryModule } from '@nestjs/core';
import { BotsModule } from '../modules/bots/index.ts';
import { ChatModule } from '../modules/chat/index.ts';
import { ConversationsModule } from '../modules/conversations/index.ts';
import { IdentityModule } from '../modules/identity/index.ts';
import { ModelsModule } from '../modules/models/index.ts';
import { OperationsModule } from '../modules/operations/index.ts';
import { PlansModule } from '../modules/plans/index.ts';
import { PrivacyModule } from '../modules/privacy/index.ts';
import { AuditModule } from '../platform/audit/index.ts';
import { ConfigModule } from '../platform/config/index.ts';
import { CryptoModule } from '../platform/crypto/index.ts';
import { DatabaseModule } from '../platform/database/index.ts';
import { EventsModule } from '../platform/events/index.ts';
import { IdempotencyInterceptor, ProblemFilter, validationPipe } from '../platform/http/index.ts';
import { MailModule } from '../platform/mail/index.ts';
import { PersonalDataModule } from '../platform/personal-data/index.ts';
import { QueueModule } from '../platform/queue/index.ts';
import { RedisModule } from '../platform/redis/index.ts';
import { ReplicasModule } from '../platform/replicas/index.ts';
import { PlaygroundController } from './playground.controller.ts';
import { serverTopics } from './topics.ts';

const platform = [
  DatabaseModule,
  AuditModule,
  RedisModule,
  CryptoModule,
  QueueModule,
  EventsModule,
  ReplicasModule,
  MailModule,
  PersonalDataModule,
];
const features = [IdentityModule, PlansModule, PrivacyModule, ModelsModule, BotsModule, ConversationsModule, ChatModule, OperationsModule];

/** The whole server. */
@Module({})
export class AppModule {
  /** Reads the configuration from `env`; throws ConfigError with every problem at once. */
  static from(env: NodeJS.ProcessEnv): DynamicModule {
    return {
      module: AppModule,
      imports: [ConfigModule.load(serverTopics, env), DiscoveryModule, ...platform, ...features],
      controllers: [PlaygroundController],
      providers: [
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useValue: validationPipe },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
      ],
    };
  }
}
