import { type DynamicModule, Module } from '@nestjs/common';
import { type ConfigTopic, loadTopics } from './topic.ts';

/** Hands out each topic's values under its token, everywhere. */
@Module({})
export class ConfigModule {
  /** Reads all topics from `env`; throws ConfigError with every problem at once. */
  static load(topics: ConfigTopic[], env: NodeJS.ProcessEnv): DynamicModule {
    const loaded = loadTopics(topics, env);
    const providers = [...loaded].map(([token, values]) => ({ provide: token, useValue: Object.freeze(values) }));
    return { module: ConfigModule, global: true, providers, exports: providers.map((p) => p.provide) };
  }
}
